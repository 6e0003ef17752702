package t5

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/weights"
)

// An Encoder is the encoder half of a T5 with gated GELU (T5 v1.1, FLAN-T5;
// transformers' T5EncoderModel): token ids in, one embedding a token out.
// But for Pack it is read-only: several goroutines may use it, each with a pool
// of its own.
type Encoder struct {
	EncoderConfig
	weights *encoderWeights
	runs    sync.Pool // of *encoderRun: what one Encode leaves, another takes
}

// OpenEncoder takes the text encoder from a file for which Present is true:
// one that llama.cpp's converter wrote, of architecture t5 or t5encoder, or
// one with an image model's parts beside it. Tensors may have any type. The
// file must stay open while the encoder is used.
func OpenEncoder(f *gguf.File) (*Encoder, error) {
	arch, tokenEmbd, ok := encoderPrefix(f)
	if !ok {
		return nil, fmt.Errorf("%s: the file holds no T5 text encoder", f.Path)
	}
	c, err := readEncoderConfig(f, arch, tokenEmbd)
	if err != nil {
		return nil, err
	}
	w, err := readEncoderWeights(f, c, tokenEmbd)
	if err != nil {
		return nil, err
	}
	return &Encoder{EncoderConfig: c, weights: w}, nil
}

// Pack rearranges the matrices for the processor's kernels. Encode does the
// same for each product, for as long as it takes, so that Pack pays from the
// second Encode on. It takes PackBytes of memory; the file's own data of these
// matrices is not needed any more afterwards, and release is told of each. The
// results do not change. No Encode may be under way. It ends early with the
// context's error; Encode can be used all the same.
func (e *Encoder) Pack(ctx context.Context, p *tensor.Pool, release func(data []byte)) error {
	return weights.Pack(ctx, p, e.weights.products(), release)
}

// PackBytes is the memory that Pack would take: 0 for floats, which have no
// better order than the file's.
func (e *Encoder) PackBytes() int64 { return weights.PackBytes(e.weights.products()) }

// Encode returns the embeddings of ids, [len(ids), Dim] row-major, the final
// norm applied. ids are the real tokens alone, the end token among them: every
// token sees every other, and masked padding would change nothing.
//
// The result has the same bits for every thread count. done, unless nil, is
// called after each of the layers. An id outside the vocabulary, an empty list
// and the context's end are errors.
//
//	h   = x + Wo·attention(Wq·n, Wk·n, Wv·n),      n = rmsnorm(x)
//	out = h + Wdown·(gelu(Wgate·n) ⊙ Wup·n),       n = rmsnorm(h)
func (e *Encoder) Encode(ctx context.Context, p *tensor.Pool, ids []int32, done func(layer, layers int)) ([]float32, error) {
	if len(ids) == 0 {
		return nil, fmt.Errorf("t5: no tokens to encode")
	}
	for i, id := range ids {
		if id < 0 || int(id) >= e.Vocab {
			return nil, fmt.Errorf("t5: token %d has id %d, the vocabulary has %d", i, id, e.Vocab)
		}
	}
	r, _ := e.runs.Get().(*encoderRun)
	if r == nil {
		r = new(encoderRun)
	}
	defer e.runs.Put(r)
	r.prepare(e, p, len(ids))
	for i, id := range ids {
		e.weights.tokenEmbd.Row(int(id), r.x[i*e.Dim:][:e.Dim])
	}
	for i := range e.weights.blocks {
		b := &e.weights.blocks[i]
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r.attend(b)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r.feedForward(b)
		if done != nil {
			done(i+1, e.Layers)
		}
	}
	r.addAndNormalize(e.weights.outputNorm)
	return slices.Clone(r.norm), nil
}

// encoderRun is the working memory of an Encode.
type encoderRun struct {
	*Encoder
	pool *tensor.Pool
	n    int // tokens

	bias   []float32         // [heads, 2n-1], see biasByDistance
	heads  []encoderHeadWork // by worker
	x      []float32         // [n, dim]              residual stream
	norm   []float32         // [n, dim]              what comes from it and goes to it
	weight []float32         // [dim]                 of the norm that is computed
	q      []float32         // [n, heads·head size]
	k      []float32         // [n, heads·head size]
	v      []float32         // [n, heads·head size]
	mixed  []float32         // [n, heads·head size]
	hidden []float32         // [n, hidden]           gate
	up     []float32         // [n, hidden]
}

// prepare makes room for n tokens. The residual stream and norm are zero then.
func (r *encoderRun) prepare(e *Encoder, p *tensor.Pool, n int) {
	inner := n * e.Heads * e.HeadDim
	r.Encoder, r.pool, r.n = e, p, n
	r.bias = biasByDistance(e.weights.relBias, e.Buckets, e.Heads, n)
	r.x, r.norm = tensor.Grow(r.x, n*e.Dim), tensor.Grow(r.norm, n*e.Dim)
	clear(r.x)
	clear(r.norm)
	r.q, r.v, r.mixed = tensor.Grow(r.q, inner), tensor.Grow(r.v, inner), tensor.Grow(r.mixed, inner)
	r.k = tensor.Grow(r.k, inner+3*e.Heads*e.HeadDim)[:inner] // see tensor.SetKeys
	r.hidden, r.up = tensor.Grow(r.hidden, n*e.Hidden), tensor.Grow(r.up, n*e.Hidden)
	r.heads = append(r.heads, make([]encoderHeadWork, max(0, p.Threads()-len(r.heads)))...)
	for i := range r.heads {
		r.heads[i].resize(n, e.HeadDim)
	}
}

// attend sets norm to a block's attention over the residual stream and norm.
func (r *encoderRun) attend(b *encoderBlock) {
	r.addAndNormalize(b.attnNorm)
	r.pool.MatMuls(r.norm, r.n, tensor.Product{Y: r.q, W: &b.q}, tensor.Product{Y: r.k, W: &b.k}, tensor.Product{Y: r.v, W: &b.v})
	r.pool.Run((*encoderAttention)(r), r.Heads, 1)
	r.pool.MatMul(r.norm, &b.attnOut, r.mixed, r.n)
}

// feedForward sets norm to a block's feed-forward network of the residual
// stream and norm.
func (r *encoderRun) feedForward(b *encoderBlock) {
	r.addAndNormalize(b.ffnNorm)
	r.pool.MatMuls(r.norm, r.n, tensor.Product{Y: r.hidden, W: &b.gate}, tensor.Product{Y: r.up, W: &b.up})
	r.pool.Run((*encoderActivation)(r), r.n, 1)
	r.pool.MatMul(r.norm, &b.down, r.hidden, r.n)
}

// addAndNormalize adds norm to the residual stream, x, and sets norm =
// rmsnorm(x)·weight.
func (r *encoderRun) addAndNormalize(weight []float32) {
	r.weight = weight
	r.pool.Run((*encoderNormalizer)(r), r.n, 1)
}

// encoderNormalizer is a tensor.Task over tokens.
type encoderNormalizer encoderRun

func (t *encoderNormalizer) Do(_, lo, hi int) {
	for i := lo; i < hi; i++ {
		x, norm := t.x[i*t.Dim:][:t.Dim], t.norm[i*t.Dim:][:t.Dim]
		tensor.Add(x, norm)
		tensor.RMSNorm(norm, x, t.weight, t.Eps)
	}
}

// encoderActivation is a tensor.Task over tokens: hidden = gelu(hidden) ⊙ up.
type encoderActivation encoderRun

func (t *encoderActivation) Do(_, lo, hi int) {
	gate, up := t.hidden[lo*t.Hidden:hi*t.Hidden], t.up[lo*t.Hidden:hi*t.Hidden]
	tensor.GELUTanh(gate)
	tensor.Multiply(gate, up)
}

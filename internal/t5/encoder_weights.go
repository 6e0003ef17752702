package t5

import (
	"fmt"

	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/weights"
)

// encoderWeights are an encoder's tensors under llama.cpp's names. Matrices
// are [out, in] and stay where the file is mapped.
type encoderWeights struct {
	tokenEmbd  tensor.Matrix  // [vocab, dim]     token_embd or enc.token_embd
	relBias    []float32      // [buckets, heads] enc.blk.0.attn_rel_b, for all blocks
	blocks     []encoderBlock // enc.blk.N
	outputNorm []float32      // [dim]            enc.output_norm
}

type encoderBlock struct {
	attnNorm []float32     // [dim]
	q, k, v  tensor.Matrix // [heads·head size, dim]
	attnOut  tensor.Matrix // [dim, heads·head size]
	ffnNorm  []float32     // [dim]
	gate, up tensor.Matrix // [hidden, dim]
	down     tensor.Matrix // [dim, hidden]
}

// readEncoderWeights takes an encoder's tensors from a file, which must stay
// open while they are used; a decoder's are left alone. Missing tensors, wrong
// shapes and variants of T5 that would be computed wrongly are errors.
func readEncoderWeights(f *gguf.File, c EncoderConfig, tokenEmbd string) (*encoderWeights, error) {
	r := weights.Reader{File: f}
	name := func(block int, part string) string { return fmt.Sprintf("enc.blk.%d.%s.weight", block, part) }
	inner := c.Heads * c.HeadDim
	w := &encoderWeights{
		tokenEmbd:  r.Matrix(tokenEmbd, c.Vocab, c.Dim),
		relBias:    r.Floats(name(0, "attn_rel_b"), c.Buckets, c.Heads),
		outputNorm: r.Vector("enc.output_norm.weight", c.Dim),
	}
	if r.Err == nil && !r.Has(name(0, "ffn_gate")) {
		return nil, fmt.Errorf("%s: tensor %q is missing: this is a T5 v1.0 encoder with plain ReLU; "+
			"FLAN-T5 and T5 v1.1, which have gated GELU, are supported", f.Path, name(0, "ffn_gate"))
	}
	for i := range c.Layers {
		if i > 0 && r.Has(name(i, "attn_rel_b")) {
			return nil, fmt.Errorf("%s: tensor %q: a relative position bias in every block (UMT5) is not supported", f.Path, name(i, "attn_rel_b"))
		}
		w.blocks = append(w.blocks, encoderBlock{
			attnNorm: r.Vector(name(i, "attn_norm"), c.Dim),
			q:        r.Matrix(name(i, "attn_q"), inner, c.Dim),
			k:        r.Matrix(name(i, "attn_k"), inner, c.Dim),
			v:        r.Matrix(name(i, "attn_v"), inner, c.Dim),
			attnOut:  r.Matrix(name(i, "attn_o"), c.Dim, inner),
			ffnNorm:  r.Vector(name(i, "ffn_norm"), c.Dim),
			gate:     r.Matrix(name(i, "ffn_gate"), c.Hidden, c.Dim),
			up:       r.Matrix(name(i, "ffn_up"), c.Hidden, c.Dim),
			down:     r.Matrix(name(i, "ffn_down"), c.Dim, c.Hidden),
		})
		if r.Err != nil {
			return nil, r.Err
		}
	}
	return w, r.Err
}

// products are the matrices that tokens are multiplied with: all but the token
// embedding, of which single rows are read.
func (w *encoderWeights) products() []*tensor.Matrix {
	var all []*tensor.Matrix
	for i := range w.blocks {
		b := &w.blocks[i]
		all = append(all, &b.q, &b.k, &b.v, &b.attnOut, &b.gate, &b.up, &b.down)
	}
	return all
}

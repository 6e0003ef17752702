package family

import (
	"context"

	"github.com/zipar/zipar/internal/llama"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/zipar"
)

// prefillColumns is how many prefix positions are evaluated in a pass: enough
// for the matrix products to be efficient, few enough for small buffers.
const prefillColumns = 64

func (m *llamaGen) Decoder(p *tensor.Pool, conditions []*Condition) zipar.Model {
	return m.newDecoder(p, conditions)
}

func (m *llamaGen) newDecoder(p *tensor.Pool, conditions []*Condition) *llamaGenDecoder {
	d := &llamaGenDecoder{model: m, runner: llama.NewRunner(m.llama, p)}
	for _, c := range conditions {
		d.pictures = append(d.pictures, picture{Condition: c})
	}
	return d
}

// llamaGenDecoder is a zipar.Model over two sequences a picture, the
// conditional and the unconditional one.
type llamaGenDecoder struct {
	model    *llamaGen
	runner   *llama.Runner
	pictures []picture

	columns []llama.Column
	out     zipar.Logits
}

type picture struct {
	*Condition
	condCache, uncondCache *llama.Cache
}

func (d *llamaGenDecoder) Vocab() int { return d.model.llama.Vocab }

// Prefill evaluates all prefixes up to their last position in passes of their
// own, and then the last positions, which give the logits, in one.
func (d *llamaGenDecoder) Prefill(ctx context.Context, guided bool) (zipar.Logits, error) {
	d.columns = d.columns[:0]
	for i := range d.pictures {
		p := &d.pictures[i]
		p.condCache = d.cache(p.condCache)
		d.prefix(p.condCache, p.cond, p.n)
		if guided {
			p.uncondCache = d.cache(p.uncondCache)
			d.prefix(p.uncondCache, p.uncond, p.n)
		}
	}
	for lo := 0; lo < len(d.columns); lo += prefillColumns {
		if err := ctx.Err(); err != nil {
			return zipar.Logits{}, err
		}
		d.runner.Forward(d.columns[lo:min(lo+prefillColumns, len(d.columns))])
	}
	if err := ctx.Err(); err != nil {
		return zipar.Logits{}, err
	}
	d.columns = d.columns[:0]
	for i := range d.pictures {
		p := &d.pictures[i]
		last := (p.n - 1) * d.model.llama.Dim
		d.add(p.condCache, d.model.prefix-1, 0, p.cond[last:], true)
		if guided {
			d.add(p.uncondCache, d.model.prefix-1, 0, p.uncond[last:], true)
		}
	}
	logits := d.runner.Forward(d.columns)
	d.begin()
	for range d.pictures {
		logits = d.take(logits, guided)
	}
	return d.out, nil
}

// Pass feeds each token to the conditional sequence of its picture and, where
// it is guided, to the unconditional one.
func (d *llamaGenDecoder) Pass(ctx context.Context, feeds []zipar.Feed) (zipar.Logits, error) {
	if err := ctx.Err(); err != nil {
		return zipar.Logits{}, err
	}
	d.columns = d.columns[:0]
	for _, f := range feeds {
		p := &d.pictures[f.Picture]
		pos := d.model.prefix + d.model.grid.Index(f.Slot)
		d.add(p.condCache, pos, f.Token, nil, f.Output >= 0)
		if f.Guided {
			d.add(p.uncondCache, pos, f.Token, nil, f.Output >= 0)
		}
	}
	logits := d.runner.Forward(d.columns)
	d.begin()
	for _, f := range feeds {
		if f.Output >= 0 {
			logits = d.take(logits, f.Guided)
		}
	}
	return d.out, nil
}

// cache returns k, emptied, or a new cache where k is nil.
func (d *llamaGenDecoder) cache(k *llama.Cache) *llama.Cache {
	if k == nil {
		return llama.NewCache(d.model.llama.Config, d.model.prefix+d.model.grid.Tokens())
	}
	k.Reset()
	return k
}

// prefix adds all prefix positions but the last.
func (d *llamaGenDecoder) prefix(k *llama.Cache, embeddings []float32, n int) {
	for i := range n - 1 {
		d.add(k, d.model.prefix-n+i, 0, embeddings[i*d.model.llama.Dim:], false)
	}
}

func (d *llamaGenDecoder) add(k *llama.Cache, pos int, token int32, embedding []float32, output bool) {
	d.columns = append(d.columns, llama.Column{Cache: k, Pos: pos, Token: token, Embedding: embedding, Output: output})
}

func (d *llamaGenDecoder) begin() {
	d.out.Cond, d.out.Uncond = d.out.Cond[:0], d.out.Uncond[:0]
}

// take moves the next output's rows from logits to out and returns the rest.
func (d *llamaGenDecoder) take(logits []float32, guided bool) []float32 {
	vocab := d.model.llama.Vocab
	var uncond []float32
	cond := logits[:vocab:vocab]
	logits = logits[vocab:]
	if guided {
		uncond = logits[:vocab:vocab]
		logits = logits[vocab:]
	}
	d.out.Cond = append(d.out.Cond, cond)
	d.out.Uncond = append(d.out.Uncond, uncond)
	return logits
}

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

func (m *llamaGen) Decoder(p *tensor.Pool, conditions []*Condition) Decoder {
	return m.newDecoder(p, conditions)
}

func (m *llamaGen) newDecoder(p *tensor.Pool, conditions []*Condition) *llamaGenDecoder {
	d := &llamaGenDecoder{model: m, pool: p, runner: llama.NewRunner(m.llama, p)}
	for _, c := range conditions {
		d.pictures = append(d.pictures, picture{Condition: c})
	}
	return d
}

// llamaGenDecoder is a zipar.Model over two sequences a picture, the
// conditional and the unconditional one.
type llamaGenDecoder struct {
	model    *llamaGen
	pool     *tensor.Pool
	runner   *llama.Runner
	pictures []picture

	columns []llama.Column
	rows    []outputRow // by row of the runner's logits
	out     zipar.Logits
}

// outputRow says what a row of logits is.
type outputRow struct {
	output int
	uncond bool
}

type picture struct {
	*Condition
	condCache, uncondCache *llama.Cache
}

func (d *llamaGenDecoder) Vocab() int { return d.model.llama.Vocab }

func (d *llamaGenDecoder) Time(t *Times) { d.runner.Time(t) }

// Prefill evaluates all prefixes up to their last position in passes of their
// own, and then the last positions, which give the logits, in one. What
// follows reads a single position in the prefix's place.
func (d *llamaGenDecoder) Prefill(ctx context.Context, guided bool) (zipar.Logits, error) {
	d.begin()
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
	d.begin()
	for i := range d.pictures {
		p := &d.pictures[i]
		last := (p.n - 1) * d.model.llama.Dim
		d.add(p.condCache, d.model.prefix-1, 0, p.cond[last:], outputRow{output: i})
		if guided {
			d.add(p.uncondCache, d.model.prefix-1, 0, p.uncond[last:], outputRow{output: i, uncond: true})
		}
	}
	out := d.forward()
	for i := range d.pictures {
		p := &d.pictures[i]
		p.condCache.Fold(d.model.prefix)
		if guided {
			p.uncondCache.Fold(d.model.prefix)
		}
	}
	return out, nil
}

// Pass feeds each token to the conditional sequence of its picture and, where
// it is guided, to the unconditional one.
func (d *llamaGenDecoder) Pass(ctx context.Context, feeds []zipar.Feed) (zipar.Logits, error) {
	if err := ctx.Err(); err != nil {
		return zipar.Logits{}, err
	}
	d.begin()
	for len(feeds) > 0 {
		// A picture's feeds; the columns of a sequence have to stay together.
		n := 1
		for n < len(feeds) && feeds[n].Picture == feeds[0].Picture {
			n++
		}
		p := &d.pictures[feeds[0].Picture]
		for _, f := range feeds[:n] {
			d.add(p.condCache, d.position(f.Slot), f.Token, nil, outputRow{output: f.Output})
		}
		for _, f := range feeds[:n] {
			if f.Guided {
				d.add(p.uncondCache, d.position(f.Slot), f.Token, nil, outputRow{output: f.Output, uncond: true})
			}
		}
		feeds = feeds[n:]
	}
	return d.forward(), nil
}

func (d *llamaGenDecoder) position(s zipar.Slot) int {
	return d.model.prefix + d.model.grid.Position(s)
}

// cache returns k, emptied, or a new cache where k is nil.
func (d *llamaGenDecoder) cache(k *llama.Cache) *llama.Cache {
	if k == nil {
		k = llama.NewCache(d.model.llama.Config, d.model.prefix+d.model.grid.Tokens(), d.model.halfCache)
		k.Populate(d.pool)
		return k
	}
	k.Reset()
	return k
}

// prefix adds all prefix positions but the last.
func (d *llamaGenDecoder) prefix(k *llama.Cache, embeddings []float32, n int) {
	for i := range n - 1 {
		d.add(k, d.model.prefix-n+i, 0, embeddings[i*d.model.llama.Dim:], outputRow{output: -1})
	}
}

// begin starts a pass.
func (d *llamaGenDecoder) begin() {
	d.columns, d.rows = d.columns[:0], d.rows[:0]
	d.out.Cond, d.out.Uncond = d.out.Cond[:0], d.out.Uncond[:0]
}

// add adds a column, whose logits are not wanted if row.output is negative.
func (d *llamaGenDecoder) add(k *llama.Cache, pos int, token int32, embedding []float32, row outputRow) {
	d.columns = append(d.columns, llama.Column{Cache: k, Pos: pos, Token: token, Embedding: embedding, Output: row.output >= 0})
	if row.output < 0 {
		return
	}
	d.rows = append(d.rows, row)
	if !row.uncond {
		d.out.Cond, d.out.Uncond = append(d.out.Cond, nil), append(d.out.Uncond, nil)
	}
}

// forward evaluates the columns and hands out the rows of their logits.
func (d *llamaGenDecoder) forward() zipar.Logits {
	logits, vocab := d.runner.Forward(d.columns), d.model.llama.Vocab
	for i, row := range d.rows {
		values := logits[i*vocab:][:vocab:vocab]
		if row.uncond {
			d.out.Uncond[row.output] = values
		} else {
			d.out.Cond[row.output] = values
		}
	}
	return d.out
}

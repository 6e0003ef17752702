package llama

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/zipar/zipar/internal/tensor"
)

// randomModel returns a small model with grouped queries.
func randomModel(positions int) *Model {
	c := Config{Vocab: 11, Layers: 2, Dim: 24, Hidden: 40, Heads: 4, KVHeads: 2, HeadDim: 16, Eps: 1e-5}
	r := rand.New(rand.NewPCG(1, 2))
	values := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(r.NormFloat64()) * 0.3
		}
		return v
	}
	matrix := func(rows, cols int) tensor.Matrix { return tensor.MatrixOf(values(rows*cols), rows, cols) }
	w := &Weights{TokenEmbd: matrix(c.Vocab, c.Dim), OutputNorm: values(c.Dim), Output: matrix(c.Vocab, c.Dim)}
	for range c.Layers {
		w.Blocks = append(w.Blocks, Block{
			AttnNorm: values(c.Dim), QKV: matrix(c.qDim()+2*c.kvDim(), c.Dim), AttnOut: matrix(c.Dim, c.qDim()),
			FFNNorm: values(c.Dim), Gate: matrix(c.Hidden, c.Dim), Up: matrix(c.Hidden, c.Dim), Down: matrix(c.Dim, c.Hidden),
		})
	}
	return &Model{Config: c, Weights: w, Rotary: NewRotary2D(1, positions, positions, c.HeadDim, 10000)}
}

// TestColumnsTogether: columns in one pass have the bits that they have one
// pass each, for runs of any length, gaps between them, and positions that
// were fed before.
func TestColumnsTogether(t *testing.T) {
	const positions = 40
	m := randomModel(positions)
	p := tensor.NewPool(2)
	defer p.Close()
	span := func(lo, hi int) (run []int) {
		for pos := lo; pos < hi; pos++ {
			run = append(run, pos)
		}
		return run
	}
	join := func(runs ...[]int) (all []int) {
		for _, run := range runs {
			all = append(all, run...)
		}
		return all
	}
	cases := [][]int{
		span(10, 40), span(10, 16), span(10, 17), {10, 20, 30}, {12, 13, 20, 21, 35},
		join(span(11, 20), span(25, 39)), {39}, join([]int{10}, span(12, 26)),
	}
	for _, half := range []bool{false, true} {
		for _, fed := range []int{0, 10} {
			for _, tail := range cases {
				all := tail
				if fed == 0 {
					all = append([]int{0, 1}, tail...)
				}
				columns := func(k *Cache, at []int) (out []Column) {
					for _, pos := range at {
						out = append(out, Column{Cache: k, Pos: pos, Token: int32(pos % m.Vocab), Output: true})
					}
					return out
				}
				together, alone := NewCache(m.Config, positions, half), NewCache(m.Config, positions, half)
				r := NewRunner(m, p)
				if fed > 0 {
					r.Forward(columns(together, span(0, fed)))
					for pos := range fed {
						r.Forward(columns(alone, []int{pos}))
					}
				}
				got := append([]float32(nil), r.Forward(columns(together, all))...)
				for i, pos := range all {
					for j, want := range r.Forward(columns(alone, []int{pos})) {
						if v := got[i*m.Vocab+j]; math.Float32bits(v) != math.Float32bits(want) {
							t.Fatalf("%s: logit %d at position %d is %v, alone %v",
								fmt.Sprintf("half %v, %d fed, positions %v", half, fed, all), j, pos, v, want)
						}
					}
				}
			}
		}
	}
}

// A pass allocates nothing, though it sees more positions than the one before.
func TestLaterPassesAllocateNothing(t *testing.T) {
	const positions = 40
	m := randomModel(positions)
	p := tensor.NewPool(2)
	defer p.Close()
	for _, half := range []bool{false, true} {
		r := NewRunner(m, p)
		columns := []Column{{Cache: NewCache(m.Config, positions, half), Token: 1, Output: true}}
		r.Forward(columns)
		if n := testing.AllocsPerRun(30, func() { columns[0].Pos++; r.Forward(columns) }); n != 0 {
			t.Errorf("half %v: %v allocations a pass", half, n)
		}
	}
}

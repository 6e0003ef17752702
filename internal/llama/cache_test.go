package llama

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/zipar/zipar/internal/tensor"
)

func TestVisibleSpans(t *testing.T) {
	c := Config{Layers: 1, KVHeads: 1, HeadDim: 2}
	for _, tt := range []struct {
		fed  []int
		pos  int
		want []span
	}{
		{[]int{0}, 0, []span{{0, 1}}},
		{[]int{0, 1, 2}, 2, []span{{0, 3}}},
		{[]int{0, 1, 2}, 1, []span{{0, 2}}},
		{[]int{3, 4, 9}, 9, []span{{3, 5}, {9, 10}}},
		{[]int{3, 4, 9}, 4, []span{{3, 5}}},
		{[]int{0, 63, 64, 65, 127, 128, 199}, 199, []span{{0, 1}, {63, 66}, {127, 129}, {199, 200}}},
	} {
		k := NewCache(c, 200, false)
		for _, pos := range tt.fed {
			k.feed(pos)
		}
		if got := k.visible(tt.pos, nil); !slices.Equal(got, tt.want) {
			t.Errorf("fed %v, seen from %d: %v, want %v", tt.fed, tt.pos, got, tt.want)
		}
	}
}

func TestVisibleSpansCoverWhatWasFed(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	c := Config{Layers: 1, KVHeads: 1, HeadDim: 2}
	for range 300 {
		n := 1 + rng.IntN(300)
		k := NewCache(c, n, false)
		fed := make([]bool, n)
		for range rng.IntN(2 * n) {
			pos := rng.IntN(n)
			fed[pos] = true
			k.feed(pos)
		}
		pos := rng.IntN(n)
		fed[pos] = true
		k.feed(pos)
		var seen []int
		for _, s := range k.visible(pos, nil) {
			for i := s.lo; i < s.hi; i++ {
				seen = append(seen, i)
			}
		}
		var want []int
		for i := range pos + 1 {
			if fed[i] {
				want = append(want, i)
			}
		}
		if !slices.Equal(seen, want) {
			t.Fatalf("%d positions, seen from %d: %v, want %v", n, pos, seen, want)
		}
		if k.Reset(); len(k.visible(n-1, nil)) != 0 {
			t.Fatal("positions are left after Reset")
		}
	}
}

// Each head's keys and values are its own, in both types: the numbers here are
// exact in half floats.
func TestCacheKeepsHeadsApart(t *testing.T) {
	c := Config{Layers: 2, KVHeads: 3, HeadDim: 2}
	for _, half := range []bool{false, true} {
		k := NewCache(c, 5, half)
		for h := range 3 {
			at := float32(2 * h)
			k.put(1, h, 4, []float32{at + 1, at + 2}, []float32{at + 7, at + 8}, make([]uint16, 2))
		}
		keys, values := k.keyRun(span{3, 5}, 0), k.valueRun(span{3, 5}, 0)
		keys.End, values.End = 1, 1
		work := make([]float32, tensor.AttentionWork)
		for h := range 3 {
			scores := make([]float32, 2)
			k.scores(scores, 2, []float32{1, 10}, 2, 1, h, []tensor.Run{keys}, work, nil)
			if want := []float32{0, float32(2*h+1) + 10*float32(2*h+2)}; !slices.Equal(scores, want) {
				t.Errorf("half %v, head %d: scores %v, want %v", half, h, scores, want)
			}
			out := make([]float32, 16)
			out[0], out[1], out[2] = 100, 100, 100
			k.mix(out, []float32{5, 2}, 2, 1, h, []tensor.Run{values}, nil)
			if want := []float32{100 + 2*float32(2*h+7), 100 + 2*float32(2*h+8), 100}; !slices.Equal(out[:3], want) {
				t.Errorf("half %v, head %d: mix %v, want %v", half, h, out, want)
			}
			k.scores(scores, 2, []float32{1, 10}, 2, 0, h, []tensor.Run{keys}, work, nil)
			if scores[1] != 0 {
				t.Errorf("half %v: another layer was written", half)
			}
		}
	}
}

func TestRotaryPrefixTurnsToZero(t *testing.T) {
	r := NewRotary2D(2, 3, 4, 20, 10000)
	for pos := range 2 {
		x := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}
		r.rotate(x, pos, 1)
		if slices.Max(x) != 0 || slices.Min(x) != 0 {
			t.Errorf("prefix position %d: %v, want zeros", pos, x)
		}
	}
}

// The first half of the pairs turns by the row alone, the second by the
// column; a turn keeps the length of a pair.
func TestRotaryTurnsByRowAndColumn(t *testing.T) {
	const headDim, rows, cols = 20, 3, 4
	r := NewRotary2D(1, rows, cols, headDim, 10000)
	turned := func(row, col int) []float32 {
		x := make([]float32, headDim)
		for i := range x {
			x[i] = float32(i%2 + 1)
		}
		r.rotate(x, 1+row*cols+col, 1)
		return x
	}
	for row := range rows {
		for col := range cols {
			x := turned(row, col)
			if !slices.Equal(x[:10], turned(row, 0)[:10]) || !slices.Equal(x[10:], turned(0, col)[10:]) {
				t.Errorf("row %d, column %d: %v", row, col, x)
			}
			for i := 0; i < headDim; i += 2 {
				if n := x[i]*x[i] + x[i+1]*x[i+1]; n < 4.999 || n > 5.001 {
					t.Errorf("row %d, column %d: pair %d has length² %v, want 5", row, col, i/2, n)
				}
			}
		}
	}
}

// A folded prefix gives what the whole one gives, but for rounding; columns
// have the same bits together and alone; Reset ends it.
func TestFold(t *testing.T) {
	const prefix, side = 7, 8
	m := randomModel(side)
	m.Rotary = NewRotary2D(prefix, side, side, m.HeadDim, 10000)
	p := tensor.NewPool(2)
	defer p.Close()
	r := NewRunner(m, p)
	columns := func(k *Cache, positions ...int) (all []Column) {
		for _, pos := range positions {
			all = append(all, Column{Cache: k, Pos: pos, Token: int32(pos % m.Vocab), Output: true})
		}
		return all
	}
	for _, half := range []bool{false, true} {
		// Positions 0 and 1 are padding; a prefix of one position stays as it is.
		for _, first := range []int{2, prefix - 1} {
			cache := func(fold bool) *Cache {
				k := NewCache(m.Config, prefix+side*side, half)
				for pos := first; pos < prefix; pos++ {
					r.Forward(columns(k, pos))
				}
				if fold {
					k.Fold(prefix)
				}
				return k
			}
			pass := func(k *Cache) []float32 {
				return slices.Clone(r.Forward(columns(k, prefix, prefix+1, prefix+3, prefix+9)))
			}
			folded := cache(true)
			whole, got := pass(cache(false)), pass(folded)
			bound := 1e-5
			if half {
				bound = 1e-2
			}
			for i, v := range whole {
				if d := math.Abs(float64(got[i] - v)); d > bound || first == prefix-1 && d != 0 {
					t.Errorf("half %v, from %d: logit %d is %v, with the whole prefix %v", half, first, i, got[i], v)
				}
			}
			alone := cache(true)
			for i, pos := range []int{prefix, prefix + 1, prefix + 3, prefix + 9} {
				if want := r.Forward(columns(alone, pos)); !slices.Equal(got[i*m.Vocab:][:m.Vocab], want) {
					t.Errorf("half %v, from %d: position %d differs alone", half, first, pos)
				}
			}
			if want := []span{{prefix - 1, prefix + 2}, {prefix + 3, prefix + 4}}; !slices.Equal(folded.visible(prefix+3, nil), want) {
				t.Errorf("half %v, from %d: visible are %v, want %v", half, first, folded.visible(prefix+3, nil), want)
			}
			folded.Reset()
			for pos := first; pos < prefix; pos++ {
				r.Forward(columns(folded, pos))
			}
			if !slices.Equal(pass(folded), whole) {
				t.Errorf("half %v, from %d: a reset cache is not as a new one", half, first)
			}
		}
	}
}

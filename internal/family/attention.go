package family

import (
	"context"

	"github.com/zipar/zipar/internal/llama"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/zipar"
)

// An AttentionMap tells where the attention goes when image tokens are
// decoded: to the prefix, or to which of the image tokens decoded before, by
// their place relative to the token that is being decoded. up counts rows
// upwards from its row, right counts columns to the right of its column; the
// token fed last lies at up 0, right -1 (or at the end of the row above).
//
// It is the mean over all image tokens but the first, over all heads and all
// layers. All of a token's attention adds up to 1.
type AttentionMap struct {
	Grid zipar.Geometry
	// Sums are counted in units of 1/attentionUnit: their value does not
	// depend on the order of additions, and so not on the threads.
	prefix, ends uint64
	sums         []uint64 // [rows, 2·cols-1], up and right+cols-1
	total        uint64
}

// attentionUnit resolves shares finely enough for the mean, and leaves room
// for 2^32 of them.
const attentionUnit = 1 << 32

func newAttentionMap(g zipar.Geometry) *AttentionMap {
	return &AttentionMap{Grid: g, sums: make([]uint64, g.Rows*(2*g.Cols-1))}
}

// add notes what the token at a slot, when it is decoded, pays to positions
// from first on, counted from the first image token; the prefix is below 0.
func (a *AttentionMap) add(decoded zipar.Slot, first int, shares []float32) {
	stride := a.Grid.Cols + a.Grid.RowEnd
	for i, p := range shares {
		units := uint64(float64(p) * attentionUnit)
		a.total += units
		at := first + i
		switch row, col := at/stride, at%stride; {
		case at < 0:
			a.prefix += units
		case col >= a.Grid.Cols:
			a.ends += units
		default:
			a.sums[a.index(decoded.Row-row, col-decoded.Col)] += units
		}
	}
}

func (a *AttentionMap) index(up, right int) int {
	return up*(2*a.Grid.Cols-1) + right + a.Grid.Cols - 1
}

// Add adds the attention of other pictures with the same grid.
func (a *AttentionMap) Add(b *AttentionMap) {
	a.prefix, a.ends, a.total = a.prefix+b.prefix, a.ends+b.ends, a.total+b.total
	for i, s := range b.sums {
		a.sums[i] += s
	}
}

// Prefix is the share that goes to the condition.
func (a *AttentionMap) Prefix() float64 { return a.share(a.prefix) }

// RowEnds is the share that goes to the constant tokens at the end of rows.
func (a *AttentionMap) RowEnds() float64 { return a.share(a.ends) }

// Row is the share that goes to the image tokens this many rows up.
func (a *AttentionMap) Row(up int) float64 { return a.share(a.rowUpTo(up, a.Grid.Cols)) }

// At is the mean share of the token at an offset, over the tokens that have
// one there; ok is false where none has.
func (a *AttentionMap) At(up, right int) (mean float64, ok bool) {
	g := a.Grid
	if up < 0 || up >= g.Rows || right <= -g.Cols || right >= g.Cols || (up == 0 && right >= 0) {
		return 0, false
	}
	// Of all decoded tokens, those with a row and a column to spare.
	have := (g.Rows - up) * (g.Cols - max(right, -right))
	return a.share(a.sums[a.index(up, right)]) * float64(g.Tokens()-1) / float64(have), true
}

// Window tells what a window leaves. row is the share of the attention to the
// row above that goes to tokens within the window: to columns up to the
// decoded token's own and window-1 further. all is the share of all attention
// that goes to the prefix, to row ends and to tokens that are decoded by then, which
// reach a window further with each row up.
func (a *AttentionMap) Window(window int) (row, all float64) {
	row = 1
	if a.Grid.Rows > 1 {
		if above := a.rowUpTo(1, a.Grid.Cols); above > 0 {
			row = float64(a.rowUpTo(1, window)) / float64(above)
		}
	}
	visible := a.prefix + a.ends
	for up := range a.Grid.Rows {
		visible += a.rowUpTo(up, up*window)
	}
	return row, a.share(visible)
}

// rowUpTo adds up the row this many rows up, left of column offset right.
func (a *AttentionMap) rowUpTo(up, right int) uint64 {
	var sum uint64
	for _, s := range a.sums[a.index(up, 1-a.Grid.Cols):a.index(up, min(right, a.Grid.Cols))] {
		sum += s
	}
	return sum
}

func (a *AttentionMap) share(units uint64) float64 {
	if a.total == 0 {
		return 0
	}
	return float64(units) / float64(a.total)
}

// Attention feeds the codes in raster order (see zipar.Score) to the
// conditional sequence and maps what the queries pay.
func (m *llamaGen) Attention(ctx context.Context, p *tensor.Pool, c *Condition, codes []int32, done func(tokens int)) (*AttentionMap, error) {
	d := m.newDecoder(p, []*Condition{c})
	byWorker := make([]*AttentionMap, p.Threads())
	for w := range byWorker {
		byWorker[w] = newAttentionMap(m.grid)
	}
	d.runner.Watch(func(a llama.Attention) {
		fed := d.columns[a.Column].Pos - m.prefix
		if fed < 0 {
			return
		}
		decoded := zipar.Slot{Row: (fed + 1) / m.grid.Cols, Col: (fed + 1) % m.grid.Cols}
		byWorker[a.Worker].add(decoded, a.Pos-m.prefix, a.P)
	})
	if _, err := zipar.Score(ctx, d, m.grid, zipar.Guidance{Scale: 1, Interval: -1}, [][]int32{codes}, done); err != nil {
		return nil, err
	}
	for _, other := range byWorker[1:] {
		byWorker[0].Add(other)
	}
	return byWorker[0], nil
}

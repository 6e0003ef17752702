package family

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/zipar/zipar/internal/llama"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/testmodel"
	"github.com/zipar/zipar/internal/zipar"
)

// someCodes is a grid of codes for a tiny model.
func someCodes(g zipar.Geometry) []int32 {
	codes := make([]int32, g.Tokens())
	for i := range codes {
		codes[i] = int32(i * 37 % testmodel.Vocab)
	}
	return codes
}

// TestAttentionMapEqualsTokenByToken adds up attention by hand: token after
// token is fed alone.
func TestAttentionMapEqualsTokenByToken(t *testing.T) {
	for _, o := range []testmodel.Options{{NoVQ: true}, {NoVQ: true, Caption: true}, {NoVQ: true, Rows: 1, Cols: 5}, {NoVQ: true, Rows: 5, Cols: 1}} {
		m := tiny(t, o)
		p := tensor.NewPool(1)
		defer p.Close()
		c, g, codes := conditions(t, p, m, 1)[0], m.Grid(), someCodes(m.Grid())

		type offset struct{ up, right int }
		sums, counts := map[offset]float64{}, map[offset]int{}
		var prefix, total float64
		d := m.newDecoder(p, []*Condition{c})
		fed := -1
		d.runner.Watch(func(a llama.Attention) {
			if fed < 0 {
				return
			}
			row, col := (fed+1)/g.Cols, (fed+1)%g.Cols
			for i, share := range a.P {
				at := a.Pos + i - m.prefix
				total += float64(share)
				if at < 0 {
					prefix += float64(share)
					continue
				}
				o := offset{row - at/g.Cols, at%g.Cols - col}
				sums[o] += float64(share)
				if a.Layer == 0 && a.Head == 0 {
					counts[o]++
				}
			}
		})
		if _, err := d.Prefill(context.Background(), false); err != nil {
			t.Fatal(err)
		}
		for fed = range codes[1:] {
			if _, err := d.Pass(context.Background(), []zipar.Feed{{Slot: zipar.Slot{Row: fed / g.Cols, Col: fed % g.Cols}, Token: codes[fed]}}); err != nil {
				t.Fatal(err)
			}
		}
		heads := float64(testmodel.Heads * testmodel.Layers)
		if want := heads * float64(g.Tokens()-1); math.Abs(total-want) > 1e-3 {
			t.Fatalf("%s: %v of attention in all, want %v", g, total, want)
		}

		a, err := m.Attention(context.Background(), p, c, codes, nil)
		if err != nil {
			t.Fatal(err)
		}
		if d := math.Abs(a.Prefix() - prefix/total); d > 1e-6 || a.RowEnds() != 0 {
			t.Errorf("%s: the prefix gets %v, want %v", g, a.Prefix(), prefix/total)
		}
		for up := -1; up <= g.Rows; up++ {
			for right := -g.Cols; right <= g.Cols; right++ {
				got, ok := a.At(up, right)
				o := offset{up, right}
				if ok != (counts[o] > 0) {
					t.Errorf("%s: a token %d up and %d right: %v", g, up, right, ok)
				} else if want := sums[o] / heads / float64(counts[o]); ok && math.Abs(got-want) > 1e-6 {
					t.Errorf("%s: %d up and %d right %v, want %v", g, up, right, got, want)
				}
			}
		}
		before := 0.0
		for w := 1; w <= g.Cols; w++ {
			var above, inside, visible float64
			for o, s := range sums {
				if o.up == 1 {
					above += s
				}
				if o.up == 1 && o.right < w {
					inside += s
				}
				if o.right < o.up*w {
					visible += s
				}
			}
			row, all := a.Window(w)
			if want := inside / above; g.Rows > 1 && math.Abs(row-want) > 1e-6 {
				t.Errorf("%s, window %d: %v of the row above, want %v", g, w, row, want)
			}
			if want := (visible + prefix) / total; math.Abs(all-want) > 1e-6 || all < before {
				t.Errorf("%s, window %d: %v of all, want %v and no less than %v", g, w, all, want, before)
			}
			before = all
		}
		if row, all := a.Window(g.Cols); row != 1 || all != 1 {
			t.Errorf("%s: next-token decoding sees %v of the row above and %v in all, want everything", g, row, all)
		}
		rows := a.Prefix()
		for up := range g.Rows {
			rows += a.Row(up)
		}
		if math.Abs(rows-1) > 1e-9 {
			t.Errorf("%s: prefix and rows add up to %v", g, rows)
		}
	}
}

// A map does not depend on the threads, and that of two pictures is the mean.
func TestAttentionMapsAddUp(t *testing.T) {
	m := tiny(t, testmodel.Options{NoVQ: true})
	var maps []*AttentionMap
	for _, threads := range []int{1, 3} {
		p := tensor.NewPool(threads)
		a, err := m.Attention(context.Background(), p, conditions(t, p, m, 1)[0], someCodes(m.Grid()), nil)
		if err != nil {
			t.Fatal(err)
		}
		maps = append(maps, a)
		p.Close()
	}
	if !slices.Equal(maps[0].sums, maps[1].sums) || maps[0].prefix != maps[1].prefix {
		t.Error("3 threads give another map than 1")
	}
	before, _ := maps[0].At(1, 0)
	if maps[0].Add(maps[1]); maps[0].total != 2*maps[1].total {
		t.Error("the sum of two maps is not their sum")
	}
	if after, _ := maps[0].At(1, 0); after != before {
		t.Errorf("the mean of a map and itself is %v, want %v", after, before)
	}
}

func TestAttentionEndsWithTheContext(t *testing.T) {
	m := tiny(t, testmodel.Options{NoVQ: true})
	p := tensor.NewPool(1)
	defer p.Close()
	ctx, cancel := context.WithCancel(context.Background())
	_, err := m.Attention(ctx, p, conditions(t, p, m, 1)[0], someCodes(m.Grid()), func(int) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

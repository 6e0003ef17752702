package llama

import (
	"slices"
	"testing"
	"time"

	"github.com/zipar/zipar/internal/tensor"
)

// Times add up to no more than passes take, count weights to the byte, and
// change neither the logits nor that a pass allocates nothing.
func TestTimes(t *testing.T) {
	m := randomModel(40)
	p := tensor.NewPool(2)
	defer p.Close()
	columns := func(k *Cache, output bool) (out []Column) {
		for pos := range 8 {
			out = append(out, Column{Cache: k, Pos: pos, Token: int32(pos % m.Vocab), Output: output})
		}
		return out
	}
	k := NewCache(m.Config, 40, false)
	r := NewRunner(m, p)
	want := slices.Clone(r.Forward(columns(k, true)))

	var times Times
	r.Time(&times)
	start := time.Now()
	const passes = 5
	for i := range passes {
		before := times
		if got := r.Forward(columns(k, true)); !slices.Equal(got, want) {
			t.Fatalf("pass %d: other logits than without times", i)
		}
		for name, d := range map[string]time.Duration{
			"products": times.MatMul - before.MatMul, "attention": times.Attention - before.Attention,
			"elementwise": times.Elementwise - before.Elementwise,
		} {
			if d <= 0 {
				t.Errorf("pass %d: %v for %s", i, d, name)
			}
		}
	}
	if sum, all := times.MatMul+times.Attention+times.Elementwise, time.Since(start); sum > all {
		t.Errorf("sections of %v in %v", sum, all)
	}
	c := m.Config
	layers := 4 * int64(c.Layers) * int64((c.qDim()+2*c.kvDim())*c.Dim+c.Dim*c.qDim()+3*c.Dim*c.Hidden)
	output := 4 * int64(c.Vocab*c.Dim)
	if got, want := times.WeightBytes, passes*(layers+output); got != want {
		t.Errorf("%d bytes of weights, want %d", got, want)
	}
	before := times.WeightBytes
	r.Forward(columns(k, false))
	if got := times.WeightBytes - before; got != layers {
		t.Errorf("%d bytes without an output, want %d", got, layers)
	}
	feed := columns(k, true)
	if n := testing.AllocsPerRun(10, func() { r.Forward(feed) }); n != 0 {
		t.Errorf("%v allocations a pass", n)
	}

	r.Time(nil)
	ended := times
	if r.Forward(columns(k, true)); times != ended {
		t.Error("times went on after their end")
	}
}

package machine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/zipar/zipar/internal/tensor"
)

// All kernels are measured, with every set of kernels and any number of
// threads, and all rates are numbers above zero. What they are, is the
// machine's business.
func TestMeasure(t *testing.T) {
	var want []string
	for _, name := range []string{"q8_0", "q4_K", "f16", "f32", "conv 3x3", "attention f16", "attention f32"} {
		for _, n := range []int{1, 8, 16} {
			if name == "conv 3x3" {
				n = 0
			}
			if k := fmt.Sprint(name, n); !slices.Contains(want, k) {
				want = append(want, k)
			}
		}
	}
	before := tensor.CPU()
	defer func() {
		if err := tensor.Select(before); err != nil {
			t.Error(err)
		}
	}()
	for i, level := range tensor.CPUs() {
		if err := tensor.Select(level); err != nil {
			t.Fatal(err)
		}
		p := tensor.NewPool(1 + i%2)
		defer p.Close()
		steps := 0
		r, err := Measure(context.Background(), p, Options{Bytes: 1<<20 + 13, Each: time.Microsecond, Step: func(done, total int) {
			if steps++; done != steps || total != 22 {
				t.Errorf("step %d: %d of %d", steps, done, total)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		positive := func(what string, v float64) {
			if !(v > 0) || math.IsInf(v, 0) {
				t.Errorf("%s, %s: %v", level, what, v)
			}
		}
		positive("read", r.Read)
		positive("FMA", r.FMA)
		positive("dot", r.Dot)
		var got []string
		for _, k := range r.Kernels {
			name := fmt.Sprint(k.Name, k.Columns)
			got = append(got, name)
			positive(name+" operations", k.Ops)
			positive(name+" share of the peak", r.PeakShare(k))
			if k.Columns > 0 {
				positive(name+" bytes", k.Bytes)
				positive(name+" share of reading", r.ReadShare(k))
			} else if k.Bytes != 0 {
				t.Errorf("%s, %s: %v bytes a second", level, name, k.Bytes)
			}
			if integers := k.Name == "q8_0" || k.Name == "q4_K"; integers != (k.Peak == tensor.PeakDot) {
				t.Errorf("%s is held against peak %d", name, k.Peak)
			}
		}
		if !slices.Equal(got, want) || steps != 22 {
			t.Errorf("%s: measured %q in %d steps, want %q in 22", level, got, steps, want)
		}
	}
}

// Shares are those of the kernel's own limit.
func TestShares(t *testing.T) {
	r := Report{Read: 10, FMA: 100, Dot: 1000}
	for _, c := range []struct {
		peak tensor.Peak
		want float64
	}{{tensor.PeakFMA, 0.5}, {tensor.PeakDot, 0.05}} {
		k := Kernel{Bytes: 8, Ops: 50, Peak: c.peak}
		if r.ReadShare(k) != 0.8 || r.PeakShare(k) != c.want {
			t.Errorf("peak %d: %v of reading, %v of the peak", c.peak, r.ReadShare(k), r.PeakShare(k))
		}
	}
}

// A rate is that of the shortest run of each work, and works come in turns.
func TestRates(t *testing.T) {
	m := &measurement{ctx: context.Background()}
	var order []int
	run := func(i int) func() {
		return func() {
			order = append(order, i)
			time.Sleep(time.Millisecond)
			if len(order) == 2 {
				time.Sleep(50 * time.Millisecond) // something else ran
			}
		}
	}
	works := []work{{1000, 1, run(0)}, {2000, 2, run(1)}, {4000, 4, run(2)}}
	bytes, ops, err := m.rates(300*time.Millisecond, works)
	if err != nil || len(order) < 6 || !slices.Equal(order[:6], []int{0, 1, 2, 0, 1, 2}) {
		t.Fatalf("%v; order %v", err, order)
	}
	if bytes < 7000/0.050 || bytes > 7000/0.003 || math.Abs(bytes/ops-1000) > 1e-6 {
		t.Errorf("%v bytes, %v operations", bytes, ops)
	}
	// No time is enough for a single one.
	order = nil
	if bytes, ops, err := m.rates(0, works); err != nil || !slices.Equal(order, []int{0}) || math.Abs(bytes/ops-1000) > 1e-6 {
		t.Errorf("without time: %v bytes, %v operations, %v; order %v", bytes, ops, err, order)
	}
}

func TestMeasureEndsWithTheContext(t *testing.T) {
	p := tensor.NewPool(1)
	defer p.Close()
	for _, steps := range []int{1, 12, 14, 15, 20} {
		ctx, cancel := context.WithCancel(context.Background())
		last := 0
		r, err := Measure(ctx, p, Options{Bytes: 1 << 20, Each: time.Microsecond, Step: func(done, _ int) {
			if last = done; done == steps {
				cancel()
			}
		}})
		if !errors.Is(err, context.Canceled) || r != nil || last != steps {
			t.Errorf("after step %d of %d: %v", last, steps, err)
		}
		cancel()
	}
}

func TestLargestCache(t *testing.T) {
	folder := t.TempDir()
	if n := largestCache(folder); n != 0 {
		t.Errorf("no caches: %d", n)
	}
	for name, text := range map[string]string{"index0": "48K\n", "index3": "266240K\n", "index1": "all of it", "index2": "2048K", "index4": "99999999"} {
		if err := os.Mkdir(filepath.Join(folder, name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name, "size"), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(folder, "index5", "size"), 0o777); err != nil {
		t.Fatal(err)
	}
	if n := largestCache(folder); n != 266240<<10 {
		t.Errorf("%d, want %d", n, 266240<<10)
	}
}

func TestStreamBytes(t *testing.T) {
	most := StreamBytes(0)
	if want := min(max(512<<20, 3*LargestCache()), 2<<30); most != want {
		t.Errorf("%d bytes, want %d", most, want)
	}
	if got := StreamBytes(1 << 50); got != most {
		t.Errorf("%d bytes with much memory, want %d", got, most)
	}
	if got := StreamBytes(400 << 20); got != 100<<20 {
		t.Errorf("%d bytes of 400 MiB that are free", got)
	}
}

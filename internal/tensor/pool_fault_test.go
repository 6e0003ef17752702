//go:build unix

package tensor

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"testing"

	"github.com/edsrzf/mmap-go"

	"github.com/zipar/zipar/internal/ggml"
)

// cutFile returns mapped memory whose file has been cut to nothing.
func cutFile(t *testing.T, size int) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "weights")
	if err := os.WriteFile(path, make([]byte, size), 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := mmap.Map(f, mmap.RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Unmap() })
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	return m
}

// faultTask reads lost memory in one of its items.
type faultTask struct {
	lost  []byte
	at    int
	done  atomic.Int32
	bytes atomic.Int32
}

func (f *faultTask) Do(_, lo, hi int) {
	for i := lo; i < hi; i++ {
		if i == f.at {
			f.bytes.Add(int32(f.lost[len(f.lost)/2]))
		}
		f.done.Add(1)
	}
}

// faults runs work and returns whether it panicked with a memory fault.
func faults(t *testing.T, work func()) (fault bool) {
	t.Helper()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch v := recover().(type) {
		case nil:
		case memoryFault:
			fault = true
		default:
			t.Errorf("panic with %v", v)
		}
	}()
	work()
	return false
}

func TestPoolPassesFaultsOnAndWorksAgain(t *testing.T) {
	lost := cutFile(t, 1<<20)
	for _, threads := range []int{1, 2, 5} {
		p := NewPool(threads)
		for i := range 200 {
			const items = 50
			bad := &faultTask{lost: lost, at: i % items}
			if !faults(t, func() { p.Run(bad, items, 1) }) {
				t.Fatalf("%d threads, item %d: no fault", threads, bad.at)
			}
			good := &faultTask{at: -1}
			if faults(t, func() { p.Run(good, items, 1) }) || good.done.Load() != items {
				t.Fatalf("%d threads: the next job did %d of %d items", threads, good.done.Load(), items)
			}
		}
		p.Close()
	}
}

// The kernels in assembly have no frames of Go; faults in them panic all the same.
func TestFaultsInKernelsPanic(t *testing.T) {
	lost := cutFile(t, 4<<20)
	for _, threads := range []int{1, 3} {
		p := NewPool(threads)
		defer p.Close()
		for _, typ := range ggml.Types() {
			const cols = 256
			rows := min(256, len(lost)/typ.RowSize(cols))
			m, err := NewMatrix(typ, rows, cols, lost[:rows*typ.RowSize(cols)])
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range []int{1, 2, 5, 16} {
				x, y := make([]float32, n*cols), make([]float32, n*rows)
				if !faults(t, func() { p.MatMul(y, &m, x, n) }) {
					t.Errorf("%s, %d columns, %d threads: no fault", typ, n, threads)
				}
			}
		}
	}
}

package tensor

import (
	"fmt"
	"unsafe"

	"github.com/zipar/zipar/internal/ggml"
)

// matmulRows is how many rows of a weight matrix a thread takes at a time, or at
// least: some microseconds of work for the usual widths, so that the threads
// end together. It is a multiple of dotGroup and packedRows.
const matmulRows = 48

// MatMul sets y = x·Wᵀ.
//
//	W: [out, in] row-major, any type
//	x: [n, in]   row-major
//	y: [n, out]  row-major, must not overlap x
//
// A column's result (a row of y) has the same bits for every n and every
// thread count. Q8_0, Q4_0, Q5_0, Q4_K, Q5_K and Q6_K weights are multiplied
// with activations rounded to 8 bits (see packed.go), all others with float32
// activations.
func (p *Pool) MatMul(y []float32, w *Matrix, x []float32, n int) { p.matMul(y, w, x, n, nil) }

// A Product is one of several with the same columns: y = x·Wᵀ.
type Product struct {
	Y []float32
	W *Matrix
}

// MatMuls is MatMul for several matrices, whose columns are rounded once.
func (p *Pool) MatMuls(x []float32, n int, products ...Product) {
	var rounded *packing
	for _, m := range products {
		rounded = p.matMul(m.Y, m.W, x, n, rounded)
	}
}

// matMul is MatMul. x is rounded for the packing rounded already, and for the
// one that it returns then.
func (p *Pool) matMul(y []float32, w *Matrix, x []float32, n int, rounded *packing) *packing {
	if len(x) != n*w.Cols || len(y) != n*w.Rows {
		panic(fmt.Sprintf("tensor: MatMul of %d columns with a %d x %d matrix: x has %d values, y %d",
			n, w.Rows, w.Cols, len(x), len(y)))
	}
	if n == 0 {
		return rounded
	}
	t := &p.matmul
	t.pool, t.y, t.w, t.x, t.n = p, y, w, x, n
	t.pair = nil
	if w.packed != nil && n > pairColumns {
		t.pair = active.pair[w.Type]
	}
	if t.packing = packings[w.Type]; t.packing != nil && t.packing != rounded {
		rounded = t.packing
		t.columns.resize(n, w.Cols)
		t.quantize = true
		p.Run(t, t.columns.blocks, max(1, quantizeValues/(n*q8Block)))
		t.quantize = false
	}
	switch {
	case t.pair != nil:
		p.Run(t, w.Rows, 2*packedRows)
	case t.packing != nil:
		// The kernels ask for the weights that follow, up to the end of a piece
		// and beyond.
		p.RunGuided(t, w.Rows, matmulRows)
	default:
		p.Run(t, w.Rows, matmulRows)
	}
	t.y, t.w, t.x = nil, nil, nil
	return rounded
}

// pairColumns is up to how many columns one group of rows at a time is enough:
// one or two tiles of columns are limited by memory.
const pairColumns = 16

// quantizeValues is how many activations a thread quantises at a time: some
// microseconds of work, more than handing it out costs.
const quantizeValues = 16 << 10

type matmulTask struct {
	pool *Pool
	y, x []float32
	w    *Matrix
	n    int

	packing  *packing // of w, if it has one
	pair     pairKernel
	quantize bool      // what to do first then: blocks of x to columns
	columns  q8Columns // quantised x
}

func (t *matmulTask) Do(worker, lo, hi int) {
	w, k := t.w, t.w.Cols
	ahead := w.address(hi + (t.pool.threads-1)*matmulRows)
	switch {
	case t.quantize:
		active.quantize(&t.columns, t.x, lo, hi)
		if t.packing.prepare != nil {
			t.packing.prepare(&t.columns, lo, hi)
		}
	case t.pair != nil && hi-lo == 2*packedRows:
		var ahead uintptr
		if next := hi + (t.pool.threads-1)*2*packedRows; next < w.Rows {
			ahead = uintptr(unsafe.Pointer(&w.packed.group(next / packedRows).quants[0]))
		}
		t.pair(t.y[lo:], w.Rows, w.packed.groups(lo/packedRows, 2), &t.columns, ahead)
	case t.packing != nil:
		t.packed(worker, lo, hi)
	case w.f32 != nil:
		active.dot(t.y[lo:], w.Rows, w.f32[lo*k:hi*k], hi-lo, t.x, k, t.n, k, t.pool.carry(worker), ahead)
	case w.Type == ggml.F16 && active.dotF16 != nil && k%16 == 0:
		active.dotF16(t.y[lo:], w.Rows, w.Data[2*lo*k:2*hi*k], hi-lo, t.x, k, t.n, k, t.pool.carry(worker), ahead)
	case w.Type == ggml.BF16 && active.dotBF16 != nil && k%16 == 0:
		active.dotBF16(t.y[lo:], w.Rows, w.Data[2*lo*k:2*hi*k], hi-lo, t.x, k, t.n, k, t.pool.carry(worker), ahead)
	default:
		// Few rows at a time, so that the floats stay in the first cache.
		const step = 4
		rows := t.pool.workspace(worker, step*k)
		for ; lo < hi; lo += step {
			m := min(step, hi-lo)
			w.rows(lo, lo+m, rows)
			active.dot(t.y[lo:], w.Rows, rows[:m*k], m, t.x, k, t.n, k, t.pool.carry(worker), 0)
		}
	}
}

// address is where a row lies, or 0 beyond the last one. The row that comes as
// many pieces after this one as there are other threads is most likely the one
// that a worker takes next.
func (m *Matrix) address(row int) uintptr {
	switch {
	case row >= m.Rows:
		return 0
	case m.f32 != nil:
		return uintptr(unsafe.Pointer(&m.f32[row*m.Cols]))
	case m.Data != nil:
		return uintptr(unsafe.Pointer(&m.Data[row*m.Type.RowSize(m.Cols)]))
	}
	return 0
}

// packed computes whole groups of rows: lo is a multiple of packedRows.
func (t *matmulTask) packed(worker, lo, hi int) {
	w, k := t.w, t.packing
	product := active.packed[k.typ]
	if groups := (hi - lo) / packedRows; w.packed != nil && groups > 0 {
		product(t.y[lo:], w.Rows, w.packed.groups(lo/packedRows, groups), groups, &t.columns)
		lo += groups * packedRows
	}
	for ; lo < hi; lo += packedRows {
		m := min(packedRows, hi-lo)
		var g packedGroup
		if w.packed != nil {
			g = w.packed.group(lo / packedRows)
		} else {
			g = t.pool.packedGroup(worker, k, t.columns.blocks)
			size := w.Type.RowSize(w.Cols)
			k.pack(g, w.Data[lo*size:(lo+m)*size], t.columns.blocks)
		}
		if m == packedRows {
			product(t.y[lo:], w.Rows, g, 1, &t.columns)
			continue
		}
		y := t.pool.workspace(worker, t.n*packedRows)
		product(y, packedRows, g, 1, &t.columns)
		for c := range t.n {
			copy(t.y[c*w.Rows+lo:][:m], y[c*packedRows:])
		}
	}
}

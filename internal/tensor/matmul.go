package tensor

import (
	"fmt"
	"time"

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
func (p *Pool) MatMul(y []float32, w *Matrix, x []float32, n int) {
	p.MatMuls(x, n, Product{Y: y, W: w})
}

// MatMulSwiGLU is MatMul of silu(gate)·up, [n, in], which replaces gate. How long
// that takes without the rounding and the product is added to spent, if it is not
// nil: the time of the thread that needs longest.
func (p *Pool) MatMulSwiGLU(y []float32, w *Matrix, gate, up []float32, n int, spent *time.Duration) {
	p.matmul.up, p.matmul.timed = up[:len(gate)], spent != nil
	// Weights may be gone, which is a panic; see pool_fault.go.
	defer func() { p.matmul.up, p.matmul.timed = nil, false }()
	if spent == nil {
		p.MatMuls(gate, n, Product{Y: y, W: w})
		return
	}
	for w := range p.scratch {
		p.scratch[w].activating = 0
	}
	p.MatMuls(gate, n, Product{Y: y, W: w})
	longest := time.Duration(0)
	for w := range p.scratch {
		longest = max(longest, p.scratch[w].activating)
	}
	*spent += longest
}

// A Product is one of several with the same columns: y = x·Wᵀ.
type Product struct {
	Y []float32
	W *Matrix
}

// MatMuls is MatMul for several matrices, whose columns are rounded once, and whose
// rows are shared out together where they are all of one type.
func (p *Pool) MatMuls(x []float32, n int, products ...Product) {
	var rounded *packing
	for i := 0; i < len(products); {
		first, end := products[i].W, i+1
		for end < len(products) && first.alike(products[end].W) && products[end-1].W.Rows%(2*packedRows) == 0 {
			end++
		}
		rounded = p.matMul(products[i:end], x, n, rounded)
		i = end
	}
}

// alike says whether the same code multiplies with both.
func (m *Matrix) alike(o *Matrix) bool {
	return m.Type == o.Type && m.Cols == o.Cols && (m.packed != nil) == (o.packed != nil)
}

// matMul computes products with matrices that are alike. x is rounded for the
// packing rounded already, and for the one that it returns then.
func (p *Pool) matMul(products []Product, x []float32, n int, rounded *packing) *packing {
	t, rows := &p.matmul, 0
	for _, m := range products {
		if len(x) != n*m.W.Cols || len(m.Y) != n*m.W.Rows {
			panic(fmt.Sprintf("tensor: MatMul of %d columns with a %d x %d matrix: x has %d values, y %d",
				n, m.W.Rows, m.W.Cols, len(x), len(m.Y)))
		}
		rows += m.W.Rows
	}
	if n == 0 {
		return rounded
	}
	w := products[0].W
	t.pool, t.x, t.n = p, x, n
	t.products = append(t.products[:0], products...)
	t.pair = nil
	if w.packed != nil && n > pairColumns {
		t.pair = active.pair[w.Type]
	}
	if t.packing = packings[w.Type]; t.packing != nil && t.packing != rounded {
		rounded = t.packing
		t.columns.resize(n, w.Cols)
		t.stage = quantizing
		p.Run(t, t.columns.blocks, max(1, min(quantizeValues/(n*q8Block), (t.columns.blocks+p.threads-1)/p.threads)))
	} else if t.packing == nil && t.up != nil {
		t.stage = activating
		p.Run(t, n, 1)
	}
	t.stage = multiplying
	switch {
	case t.pair != nil:
		p.RunShares(t, rows, 2*packedRows)
	case t.packing != nil:
		// The kernels ask for the weights that follow, up to the end of a piece
		// and beyond.
		p.RunGuided(t, rows, matmulRows)
	default:
		p.RunShares(t, rows, matmulRows)
	}
	t.x = nil
	clear(t.products)
	return rounded
}

// pairColumns is up to how many columns one group of rows at a time is enough:
// one or two tiles of columns are limited by memory.
const pairColumns = 16

// quantizeValues is how many activations a thread quantises at a time, at most: some
// microseconds of work.
const quantizeValues = 16 << 10

// matmulTask is a Task over the rows of all products, one after the other; before
// that over blocks of x, or over its columns.
type matmulTask struct {
	pool     *Pool
	x        []float32
	n        int
	products []Product

	packing *packing // of the weights, if they have one
	pair    pairKernel
	stage   int
	up      []float32 // [n, in], nil or what x is to be multiplied with; see MatMulSwiGLU
	timed   bool      // the same
	columns q8Columns // quantised x
}

// The stages of a matmulTask.
const (
	multiplying = iota
	activating  // columns of x: silu(x)·up
	quantizing  // blocks of x, to columns: that, too, and rounding
)

func (t *matmulTask) Do(worker, lo, hi int) {
	switch t.stage {
	case activating:
		k := t.products[0].W.Cols
		t.activate(worker, 1, k, lo*k, hi*k)
		return
	case quantizing:
		if t.up != nil {
			t.activate(worker, t.n, t.columns.blocks*q8Block, lo*q8Block, hi*q8Block)
		}
		active.quantize(&t.columns, t.x, lo, hi)
		if t.packing.prepare != nil {
			t.packing.prepare(&t.columns, lo, hi)
		}
		return
	}
	ahead := uintptr(0)
	if next := t.pool.Next(hi - 1); next >= 0 {
		ahead = t.address(next)
	}
	first := 0
	for i := range t.products {
		m := &t.products[i]
		if from, to := max(lo, first)-first, min(hi-first, m.W.Rows); from < to {
			t.multiply(worker, m.Y, m.W, from, to, ahead)
		}
		first += m.W.Rows
	}
}

// activate sets the values lo..hi-1 of so many columns to silu(x)·up. A column has k
// values.
func (t *matmulTask) activate(worker, columns, k, lo, hi int) {
	var start time.Time
	if t.timed {
		start = time.Now()
	}
	for c := range columns {
		SwiGLU(t.x[c*k+lo:c*k+hi], t.up[c*k+lo:])
	}
	if t.timed {
		t.pool.scratch[worker].activating += time.Since(start)
	}
}

// address is where a row of all products lies, or 0 beyond the last one.
func (t *matmulTask) address(row int) uintptr {
	for _, m := range t.products {
		if row < m.W.Rows {
			return m.W.address(row)
		}
		row -= m.W.Rows
	}
	return 0
}

// multiply computes rows lo..hi-1 of a product. What is read next is at ahead.
func (t *matmulTask) multiply(worker int, y []float32, w *Matrix, lo, hi int, ahead uintptr) {
	k := w.Cols
	switch {
	case t.pair != nil && hi-lo == 2*packedRows:
		t.pair(y[lo:], w.Rows, w.packed.groups(lo/packedRows, 2), &t.columns, t.pool.carry(worker), ahead)
	case t.packing != nil:
		t.packed(worker, y, w, lo, hi)
	case w.f32 != nil:
		active.dot(y[lo:], w.Rows, w.f32[lo*k:hi*k], hi-lo, t.x, k, t.n, k, t.pool.carry(worker), ahead)
	case w.Type == ggml.F16 && active.dotF16 != nil && k%16 == 0:
		active.dotF16(y[lo:], w.Rows, w.Data[2*lo*k:2*hi*k], hi-lo, t.x, k, t.n, k, t.pool.carry(worker), ahead)
	case w.Type == ggml.BF16 && active.dotBF16 != nil && k%16 == 0:
		active.dotBF16(y[lo:], w.Rows, w.Data[2*lo*k:2*hi*k], hi-lo, t.x, k, t.n, k, t.pool.carry(worker), ahead)
	default:
		// Few rows at a time, so that the floats stay in the first cache.
		const step = 4
		rows := t.pool.workspace(worker, step*k)
		for ; lo < hi; lo += step {
			m := min(step, hi-lo)
			w.rows(lo, lo+m, rows)
			active.dot(y[lo:], w.Rows, rows[:m*k], m, t.x, k, t.n, k, t.pool.carry(worker), 0)
		}
	}
}

// address is where a row lies; 0 for packed rows that do not begin a group.
func (m *Matrix) address(row int) uintptr {
	switch {
	case m.packed != nil && row%packedRows == 0:
		return Address(m.packed.group(row / packedRows).quants)
	case m.f32 != nil:
		return Address(m.f32[row*m.Cols:])
	case m.Data != nil:
		return Address(m.Data[row*m.Type.RowSize(m.Cols):])
	}
	return 0
}

// packed computes whole groups of rows: lo is a multiple of packedRows.
func (t *matmulTask) packed(worker int, y []float32, w *Matrix, lo, hi int) {
	k := t.packing
	product := active.packed[k.typ]
	if groups := (hi - lo) / packedRows; w.packed != nil && groups > 0 {
		product(y[lo:], w.Rows, w.packed.groups(lo/packedRows, groups), groups, &t.columns)
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
			product(y[lo:], w.Rows, g, 1, &t.columns)
			continue
		}
		some := t.pool.workspace(worker, t.n*packedRows)
		product(some, packedRows, g, 1, &t.columns)
		for c := range t.n {
			copy(y[c*w.Rows+lo:][:m], some[c*packedRows:])
		}
	}
}

package tensor

import (
	"fmt"

	"github.com/zipar/zipar/internal/ggml"
)

// matmulRows is how many rows of a weight matrix a thread takes at a time: a
// few hundred microseconds of work for the usual widths, so that two threads
// end together. It is a multiple of all tiles' rows: 3, 4 and q8Rows.
const matmulRows = 48

// MatMul sets y = x·Wᵀ.
//
//	W: [out, in] row-major, any type
//	x: [n, in]   row-major
//	y: [n, out]  row-major, must not overlap x
//
// A column's result (a row of y) has the same bits for every n and every
// thread count. Q8_0 weights are multiplied with activations rounded to 8
// bits (see q8.go), all others with float32 activations.
func (p *Pool) MatMul(y []float32, w *Matrix, x []float32, n int) {
	if len(x) != n*w.Cols || len(y) != n*w.Rows {
		panic(fmt.Sprintf("tensor: MatMul of %d columns with a %d x %d matrix: x has %d values, y %d",
			n, w.Rows, w.Cols, len(x), len(y)))
	}
	if n == 0 {
		return
	}
	t := &p.matmul
	t.pool, t.y, t.w, t.x, t.n = p, y, w, x, n
	if w.Type == ggml.Q8_0 {
		t.columns.resize(n, w.Cols)
		t.quantize = true
		p.Run(t, t.columns.blocks, max(1, quantizeValues/(n*q8Block)))
		t.quantize = false
	}
	p.Run(t, w.Rows, matmulRows)
	t.y, t.w, t.x = nil, nil, nil
}

// quantizeValues is how many activations a thread quantises at a time: some
// microseconds of work, more than handing it out costs.
const quantizeValues = 16 << 10

type matmulTask struct {
	pool *Pool
	y, x []float32
	w    *Matrix
	n    int

	quantize bool      // what to do first with Q8_0 weights: blocks of x to columns
	columns  q8Columns // quantised x
}

func (t *matmulTask) Do(worker, lo, hi int) {
	w, k := t.w, t.w.Cols
	switch {
	case t.quantize:
		active.quantize(&t.columns, t.x, lo, hi)
	case w.Type == ggml.Q8_0:
		t.q8(worker, lo, hi)
	case w.f32 != nil:
		active.dot(t.y[lo:], w.Rows, w.f32[lo*k:hi*k], hi-lo, t.x, k, t.n, k, t.pool.carry(worker))
	case w.Type == ggml.F16 && active.dotF16 != nil && k%16 == 0:
		active.dotF16(t.y[lo:], w.Rows, w.Data[2*lo*k:2*hi*k], hi-lo, t.x, k, t.n, k, t.pool.carry(worker))
	case w.Type == ggml.BF16 && active.dotBF16 != nil && k%16 == 0:
		active.dotBF16(t.y[lo:], w.Rows, w.Data[2*lo*k:2*hi*k], hi-lo, t.x, k, t.n, k, t.pool.carry(worker))
	default:
		// Few rows at a time, so that the floats stay in the first cache.
		const step = 4
		rows := t.pool.workspace(worker, step*k)
		for ; lo < hi; lo += step {
			m := min(step, hi-lo)
			w.rows(lo, lo+m, rows)
			active.dot(t.y[lo:], w.Rows, rows[:m*k], m, t.x, k, t.n, k, t.pool.carry(worker))
		}
	}
}

// q8 computes whole groups of rows: lo is a multiple of q8Rows.
func (t *matmulTask) q8(worker, lo, hi int) {
	w := t.w
	for ; lo < hi; lo += q8Rows {
		m := min(q8Rows, hi-lo)
		var g q8Group
		if w.packed != nil {
			g = w.packed.group(lo / q8Rows)
		} else {
			g = t.pool.q8Group(worker, t.columns.blocks)
			size := w.Type.RowSize(w.Cols)
			g.pack(w.Data[lo*size:(lo+m)*size], t.columns.blocks)
		}
		if m == q8Rows {
			active.q8(t.y[lo:], w.Rows, g, &t.columns)
			continue
		}
		y := t.pool.workspace(worker, t.n*q8Rows)
		active.q8(y, q8Rows, g, &t.columns)
		for c := range t.n {
			copy(t.y[c*w.Rows+lo:][:m], y[c*q8Rows:])
		}
	}
}

// q8Group returns a group in the worker's own memory.
func (p *Pool) q8Group(worker, blocks int) q8Group {
	s := &p.scratch[worker]
	const quants, scales = q8Rows * q8Block, q8Rows * 2
	if need := blocks * (quants + scales); cap(s.bytes) < need {
		s.bytes = alignedBytes(need)
	}
	return q8Group{s.bytes[:blocks*quants], s.bytes[:cap(s.bytes)][blocks*quants:][:blocks*scales]}
}

// Pack rearranges a matrix for this package's kernels, if there is a better
// order for its type than the file's: products with it are several times
// faster then. The results do not change. Its Data is nil afterwards: the
// matrix no longer needs it. It must not be in use elsewhere.
func (p *Pool) Pack(m *Matrix) {
	if m.PackBytes() == 0 {
		return
	}
	t := &packTask{m: m, packed: newQ8Packed(m.Rows, m.Cols)}
	p.Run(t, (m.Rows+q8Rows-1)/q8Rows, 4)
	m.packed, m.Data = t.packed, nil
}

// PackBytes is the memory that Pack would take, or 0 where it does nothing.
func (m *Matrix) PackBytes() int64 {
	if m.Type != ggml.Q8_0 || m.packed != nil {
		return 0
	}
	return int64((m.Rows+q8Rows-1)/q8Rows) * int64(q8Rows*m.Type.RowSize(m.Cols))
}

// packTask is a Task over groups of rows.
type packTask struct {
	m      *Matrix
	packed *q8Packed
}

func (t *packTask) Do(_, lo, hi int) {
	size := t.m.Type.RowSize(t.m.Cols)
	for i := lo; i < hi; i++ {
		rows := t.m.Data[i*q8Rows*size : min((i+1)*q8Rows, t.m.Rows)*size]
		t.packed.group(i).pack(rows, t.packed.blocks)
	}
}

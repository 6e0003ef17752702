package tensor

import "fmt"

// matmulRows is how many rows of a weight matrix a thread takes at a time: a
// few hundred microseconds of work for the usual widths, so that two threads
// end together.
const matmulRows = 32

// MatMul sets y = x·Wᵀ.
//
//	W: [out, in] row-major, any type
//	x: [n, in]   row-major
//	y: [n, out]  row-major, must not overlap x
//
// A column's result (a row of y) has the same bits for every n and every
// thread count.
func (p *Pool) MatMul(y []float32, w *Matrix, x []float32, n int) {
	if len(x) != n*w.Cols || len(y) != n*w.Rows {
		panic(fmt.Sprintf("tensor: MatMul of %d columns with a %d x %d matrix: x has %d values, y %d",
			n, w.Rows, w.Cols, len(x), len(y)))
	}
	p.matmul = matmulTask{pool: p, y: y, w: w, x: x, n: n}
	p.Run(&p.matmul, w.Rows, matmulRows)
	p.matmul = matmulTask{}
}

type matmulTask struct {
	pool *Pool
	y, x []float32
	w    *Matrix
	n    int
}

func (t *matmulTask) Do(worker, lo, hi int) {
	w, k := t.w, t.w.Cols
	if w.f32 != nil {
		active.dot(t.y[lo:], w.Rows, w.f32[lo*k:hi*k], hi-lo, t.x, t.n, k)
		return
	}
	// Few rows at a time, so that the floats stay in the first cache.
	const step = 4
	rows := t.pool.workspace(worker, step*k)
	for ; lo < hi; lo += step {
		m := min(step, hi-lo)
		w.rows(lo, lo+m, rows)
		active.dot(t.y[lo:], w.Rows, rows[:m*k], m, t.x, t.n, k)
	}
}

package tensor

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"

	"github.com/zipar/zipar/internal/ggml"
)

// randomMatrix returns a matrix of any type: quantised random values, or
// random blocks with sane scales.
func randomMatrix(t testing.TB, typ ggml.Type, rows, cols int, seed uint64) *Matrix {
	t.Helper()
	data := make([]byte, rows*typ.RowSize(cols))
	switch typ {
	case ggml.F32, ggml.F16, ggml.BF16, ggml.Q8_0:
		ggml.Quantize(typ, data, randoms(rows*cols, seed))
	default:
		next := normals(seed)
		for i := range data {
			data[i] = byte(int(next(0) * 100))
		}
		// The half floats of each block, by place.
		halves := map[ggml.Type][]int{
			ggml.Q4_0: {0}, ggml.Q4_1: {0, 2}, ggml.Q5_0: {0}, ggml.Q5_1: {0, 2},
			ggml.Q4_K: {0, 2}, ggml.Q5_K: {0, 2}, ggml.Q6_K: {208},
		}[typ]
		for b := 0; b < len(data); b += typ.BlockSize() {
			for _, at := range halves {
				ggml.Quantize(ggml.F16, data[b+at:b+at+2], []float32{next(0) * 0.01})
			}
		}
	}
	m, err := NewMatrix(typ, rows, cols, data)
	if err != nil {
		t.Fatal(err)
	}
	return &m
}

// roundedActivations is what a product with packed weights sees of x, [n, k].
func roundedActivations(x []float32, n, k int) []float32 {
	var q q8Columns
	q.resize(n, k)
	quantizeGeneric(&q, x, 0, q.blocks)
	out := make([]float32, n*k)
	for c := range n {
		for i := range k {
			at := i/q8Block*n + c
			out[c*k+i] = float32(q.quants[at*q8Block+i%q8Block]) * q.scales[at]
		}
	}
	return out
}

// TestMatMulTypes compares with a product in float64, for every type.
func TestMatMulTypes(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	onEachCPU(t, func(t *testing.T) {
		for _, typ := range ggml.Types() {
			const rows, n = 37, 5
			cols := 3 * max(typ.BlockLen(), 32)
			w := randomMatrix(t, typ, rows, cols, uint64(typ))
			x := randoms(n*cols, 2)
			y := newGuarded(n*rows, 1, zero)
			p.MatMul(y.data, w, x, n)
			y.check(t, typ.String())
			if packings[typ] != nil {
				x = roundedActivations(x, n, cols)
			}
			compareProduct(t, typ.String(), y.data, w.Floats(), x, rows, n, cols)
		}
	})
}

// compareProduct compares y with x·wᵀ in float64, with a bound that grows
// with the size of the summands.
func compareProduct(t *testing.T, what string, y, w, x []float32, rows, n, k int) {
	t.Helper()
	wide := func(x []float32) []float64 {
		f := make([]float64, len(x))
		for i, v := range x {
			f[i] = float64(v)
		}
		return f
	}
	want := blas64.General{Rows: n, Cols: rows, Stride: rows, Data: make([]float64, n*rows)}
	blas64.Gemm(blas.NoTrans, blas.Trans, 1,
		blas64.General{Rows: n, Cols: k, Stride: k, Data: wide(x)},
		blas64.General{Rows: rows, Cols: k, Stride: k, Data: wide(w)}, 0, want)
	for c := range n {
		for r := range rows {
			var size float64
			for i := range k {
				size += math.Abs(float64(x[c*k+i] * w[r*k+i]))
			}
			// A chain of k roundings, each half a unit of a partial sum.
			bound := 0x1p-24 * math.Sqrt(float64(k)) * 2 * size
			if got := float64(y[c*rows+r]); !(math.Abs(got-want.Data[c*rows+r]) <= bound) {
				t.Fatalf("%s: column %d, row %d is %v, want %v within %.2g", what, c, r, got, want.Data[c*rows+r], bound)
			}
		}
	}
}

// TestMatMulAgainstGonum compares with gonum's float32 product.
func TestMatMulAgainstGonum(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	const rows, n, k = 70, 9, 200
	w, x := randoms(rows*k, 1), randoms(n*k, 2)
	want := blas32.General{Rows: n, Cols: rows, Stride: rows, Data: make([]float32, n*rows)}
	blas32.Gemm(blas.NoTrans, blas.Trans, 1,
		blas32.General{Rows: n, Cols: k, Stride: k, Data: x},
		blas32.General{Rows: rows, Cols: k, Stride: k, Data: w}, 0, want)
	onEachCPU(t, func(t *testing.T) {
		m := MatrixOf(w, rows, k)
		y := make([]float32, n*rows)
		p.MatMul(y, &m, x, n)
		for i, v := range y {
			if d := math.Abs(float64(v - want.Data[i])); d > 1e-4 {
				t.Fatalf("output %d is %v, gonum says %v", i, v, want.Data[i])
			}
		}
	})
}

// TestMatMulShapes goes through all tails: rows, columns and inner length,
// with guards around everything. Each output must have the bits that it has
// alone.
func TestMatMulShapes(t *testing.T) {
	onEachCPU(t, func(t *testing.T) {
		for _, rows := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 13} {
			for _, k := range []int{1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40, 48, 63, 64, 65, 100} {
				const most = 33
				w := newGuarded(rows*k, rows%3, normals(uint64(k)))
				x := newGuarded(most*k, 1, normals(uint64(rows)))
				alone := make([]float32, most*rows)
				for c := range most {
					for r := range rows {
						active.dot(alone[c*rows+r:], 1, w.data[r*k:][:k], 1, x.data[c*k:][:k], k, 1, k, nil, 0)
					}
				}
				if k%20 == 0 || k == 33 {
					compareProduct(t, fmt.Sprintf("%d rows of %d", rows, k), alone, w.data, x.data, rows, most, k)
				}
				for n := range most + 1 {
					y := newGuarded(n*rows, 2, zero)
					active.dot(y.data, rows, w.data, rows, x.data[:n*k], k, n, k, nil, 0)
					what := fmt.Sprintf("%d rows of %d, %d columns", rows, k, n)
					sameBits(t, what, y.data, alone[:n*rows])
					y.check(t, what)
				}
				w.check(t, "weights")
				x.check(t, "activations")
			}
		}
	})
}

// TestColumnsAreIndependent: the same bits for any number of columns and
// threads, packed or not, for every type.
func TestColumnsAreIndependent(t *testing.T) {
	pools := []*Pool{NewPool(1), NewPool(2), NewPool(8)}
	defer func() {
		for _, p := range pools {
			p.Close()
		}
	}()
	onEachCPU(t, func(t *testing.T) {
		for _, typ := range ggml.Types() {
			const rows, most = 101, 33
			cols := 2 * max(typ.BlockLen(), 64)
			w := randomMatrix(t, typ, rows, cols, 3)
			packed := *w
			pools[1].Pack(&packed)
			x := randoms(most*cols, 4)
			want := make([]float32, most*rows)
			for c := range most {
				pools[0].MatMul(want[c*rows:][:rows], w, x[c*cols:][:cols], 1)
			}
			for n := 1; n <= most; n++ {
				for i, p := range pools {
					if n%(i+1) != 0 {
						continue
					}
					for _, m := range []*Matrix{w, &packed} {
						y := newGuarded(n*rows, 1, zero)
						p.MatMul(y.data, m, x[:n*cols], n)
						what := fmt.Sprintf("%s, %d columns, %d threads, packed %v", typ, n, p.Threads(), m == &packed)
						sameBits(t, what, y.data, want[:n*rows])
						y.check(t, what)
					}
				}
			}
		}
	})
}

// TestMatMuls: several products have the bits that each has alone, whichever
// types take turns, and where those of one type share out their rows together.
func TestMatMuls(t *testing.T) {
	type matrix struct {
		typ    ggml.Type
		rows   int
		packed bool
	}
	sets := [][]matrix{
		{
			{ggml.Q8_0, 40, true}, {ggml.Q8_0, 41, false}, {ggml.F32, 42, false}, {ggml.Q8_0, 43, false}, {ggml.Q4_K, 44, true},
			{ggml.Q6_K, 45, false}, {ggml.Q6_K, 46, true}, {ggml.F16, 47, false}, {ggml.Q8_0, 48, true},
		},
		{{ggml.Q8_0, 64, true}, {ggml.Q8_0, 96, true}, {ggml.Q8_0, 53, true}},
		{{ggml.Q8_0, 32, false}, {ggml.Q8_0, 64, false}, {ggml.Q4_K, 96, true}, {ggml.Q4_K, 33, true}},
		{{ggml.F16, 64, false}, {ggml.F16, 96, false}, {ggml.F32, 32, false}, {ggml.F32, 7, false}, {ggml.BF16, 160, false}, {ggml.BF16, 5, false}},
	}
	p := NewPool(2)
	defer p.Close()
	onEachCPU(t, func(t *testing.T) {
		const cols = 512
		for s, set := range sets {
			for _, n := range []int{1, 3, 14, 20} {
				x := randoms(n*cols, 4)
				var products []Product
				for i, m := range set {
					w := randomMatrix(t, m.typ, m.rows, cols, uint64(i))
					if m.packed {
						p.Pack(w)
					}
					products = append(products, Product{make([]float32, n*w.Rows), w})
				}
				p.MatMuls(x, n, products...)
				for i, m := range products {
					want := make([]float32, len(m.Y))
					p.MatMul(want, m.W, x, n)
					sameBits(t, fmt.Sprintf("set %d, %d columns, product %d, %s", s, n, i, m.W.Type), m.Y, want)
				}
			}
		}
	})
}

// TestMatMulSwiGLU: it has the bits of SwiGLU and a product, whatever the type and
// the threads.
func TestMatMulSwiGLU(t *testing.T) {
	onEachCPU(t, func(t *testing.T) {
		for _, threads := range []int{1, 2, 3} {
			p := NewPool(threads)
			for _, m := range []struct {
				typ    ggml.Type
				packed bool
			}{{ggml.F32, false}, {ggml.F16, false}, {ggml.BF16, false}, {ggml.Q8_0, true}, {ggml.Q8_0, false}, {ggml.Q4_K, true}, {ggml.Q6_K, true}} {
				const rows, cols = 50, 1280
				w := randomMatrix(t, m.typ, rows, cols, 1)
				if m.packed {
					p.Pack(w)
				}
				for _, n := range []int{1, 3, 17} {
					what := fmt.Sprintf("%d threads, %s, packed %v, %d columns", threads, m.typ, m.packed, n)
					gate, up := randoms(n*cols, 2), randoms(n*cols, 3)
					want, wantGate := make([]float32, n*rows), copyOf(gate)
					SwiGLU(wantGate, up)
					p.MatMul(want, w, wantGate, n)
					got, before := make([]float32, n*rows), 7*time.Second
					spent, start := before, time.Now()
					p.MatMulSwiGLU(got, w, gate, up, n, &spent)
					all := time.Since(start)
					sameBits(t, what+": silu(gate)·up", gate, wantGate)
					sameBits(t, what, got, want)
					if spent -= before; spent <= 0 || spent > all {
						t.Errorf("%s: %v of %v spent on SwiGLU", what, spent, all)
					}
					mustPanic(t, what+", too few results", func() { p.MatMulSwiGLU(got[1:], w, gate, up, n, nil) })
					p.MatMul(got, w, wantGate, n) // nothing is left of it
					sameBits(t, what+", then the product alone", got, want)
				}
			}
			p.Close()
		}
	})
}

// TestLevelsAgree: types with a packing have the same bits on all levels, and the assembly
// levels agree with each other on everything.
func TestLevelsAgree(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	for _, typ := range ggml.Types() {
		const rows, n = 53, 11
		cols := 3 * max(typ.BlockLen(), 32)
		w := randomMatrix(t, typ, rows, cols, 3)
		x := randoms(n*cols, 4)
		results := map[string][]float32{}
		onEachCPU(t, func(*testing.T) {
			y := make([]float32, n*rows)
			p.MatMul(y, w, x, n)
			results[CPU()] = y
		})
		names := CPUs()
		if packings[typ] == nil {
			names = slices.DeleteFunc(names, func(s string) bool { return s == "generic" })
		}
		for _, name := range names {
			sameBits(t, fmt.Sprintf("%s: %s against %s", typ, name, names[0]), results[name], results[names[0]])
		}
	}
}

// TestMatMulAllocatesNothing once its buffers have grown.
func TestMatMulAllocatesNothing(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	onEachCPU(t, func(t *testing.T) {
		for _, typ := range ggml.Types() {
			const rows, cols, n = 200, 512, 3
			w := randomMatrix(t, typ, rows, cols, 3)
			x, y := randoms(n*cols, 4), make([]float32, n*rows)
			run := func() { p.MatMul(y, w, x, n) }
			// Which worker comes first to need its buffer is chance.
			for range 20 {
				run()
			}
			if got := testing.AllocsPerRun(20, run); got != 0 {
				t.Errorf("%s: %v allocations a product", typ, got)
			}
		}
	})
}

func TestMatMulPanicsOnLengths(t *testing.T) {
	p := NewPool(1)
	m := MatrixOf(make([]float32, 6), 2, 3)
	mustPanic(t, "x too short", func() { p.MatMul(make([]float32, 2), &m, make([]float32, 2), 1) })
	mustPanic(t, "y too long", func() { p.MatMul(make([]float32, 3), &m, make([]float32, 3), 1) })
	mustPanic(t, "values of another shape", func() { MatrixOf(make([]float32, 5), 2, 3) })
	p.MatMul(nil, &m, nil, 0)
}

// TestHalvesAreExact: half weights give the bits of the same weights as
// float32, whether a kernel converts them or MatMul does.
func TestHalvesAreExact(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	onEachCPU(t, func(t *testing.T) {
		for _, typ := range []ggml.Type{ggml.F16, ggml.BF16} {
			for _, cols := range []int{16, 24, 48, 50, 160} {
				const rows, n = 50, 9
				w := randomMatrix(t, typ, rows, cols, 3)
				wide := MatrixOf(w.Floats(), rows, cols)
				x := randoms(n*cols, 4)
				got, want := newGuarded(n*rows, 3, zero), make([]float32, n*rows)
				p.MatMul(got.data, w, x, n)
				p.MatMul(want, &wide, x, n)
				sameBits(t, fmt.Sprintf("%s, %d columns", typ, cols), got.data, want)
				got.check(t, typ.String())
			}
		}
	})
}

// TestHalfKernelSpecials: subnormal, infinite and odd halves.
func TestHalfKernelSpecials(t *testing.T) {
	const rows, cols = 4, 16
	values := []float32{0, float32(math.Copysign(0, -1)), 0x1p-24, -0x3ffp-24, 0x1p-14, 65504, -1, 0x1.004p0}
	x := make([]float32, cols*cols) // the identity
	for i := range cols {
		x[i*cols+i] = 1
	}
	p := NewPool(1)
	onEachCPU(t, func(t *testing.T) {
		for _, typ := range []ggml.Type{ggml.F16, ggml.BF16} {
			all := make([]float32, rows*cols)
			for i := range all {
				all[i] = values[i%len(values)] * float32(1+i/len(values)%2)
			}
			data := make([]byte, typ.RowSize(len(all)))
			ggml.Quantize(typ, data, all)
			ggml.Dequantize(typ, all, data)
			for i, v := range all {
				if math.IsInf(float64(v), 0) {
					all[i] = 0 // Inf·0 spoils other outputs
					clear(data[2*i : 2*i+2])
				}
			}
			w, err := NewMatrix(typ, rows, cols, data)
			if err != nil {
				t.Fatal(err)
			}
			y := make([]float32, cols*rows)
			p.MatMul(y, &w, x, cols)
			for r := range rows {
				for c := range cols {
					if got, want := y[c*rows+r], all[r*cols+c]; got != want {
						t.Errorf("%s: value %d,%d is %v, want %v", typ, r, c, got, want)
					}
				}
			}
		}
	})
}

// TestLongRows: rows so long that they are multiplied in blocks, with every
// kind of tail, have the bits of a column alone.
func TestLongRows(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	onEachCPU(t, func(t *testing.T) {
		for _, typ := range []ggml.Type{ggml.F32, ggml.F16, ggml.BF16, ggml.Q8_0, ggml.Q4_0, ggml.Q4_K, ggml.Q6_K} {
			for _, k := range []int{512, 513, 528, 1100, 1536, 2600} {
				const rows, most = 103, 19
				if k%typ.BlockLen() != 0 {
					continue
				}
				w := randomMatrix(t, typ, rows, k, uint64(k))
				x := randoms(most*k, 5)
				want := make([]float32, most*rows)
				for c := range most {
					p.MatMul(want[c*rows:][:rows], w, x[c*k:][:k], 1)
				}
				if typ == ggml.F32 {
					compareProduct(t, fmt.Sprintf("rows of %d", k), want, w.Floats(), x, rows, most, k)
				}
				for _, n := range []int{2, 4, 8, 9, 13, 16, most} {
					y := newGuarded(n*rows, 1, zero)
					p.MatMul(y.data, w, x[:n*k], n)
					what := fmt.Sprintf("%s, rows of %d, %d columns", typ, k, n)
					sameBits(t, what, y.data, want[:n*rows])
					y.check(t, what)
				}
			}
		}
	})
}

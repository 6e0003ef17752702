package tensor

import (
	"fmt"
	"math"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
)

func TestQuantizeBlock(t *testing.T) {
	x := [q8Block]float32{0: 127, 1: -127, 2: 0.5, 3: 1.5, 4: 2.5, 5: -0.5, 6: -1.5, 7: 63.49, 8: 126.6}
	var q [q8Block]int8
	scale, preset := quantizeBlock(&q, &x)
	want := [q8Block]int8{0: 127, 1: -127, 2: 0, 3: 2, 4: 2, 5: 0, 6: -2, 7: 63, 8: 127}
	if q != want || scale != 1 || preset != -128*(2+2-2+63+127) {
		t.Errorf("got %v, scale %v, preset %d", q, scale, preset)
	}
	x = [q8Block]float32{}
	if scale, preset = quantizeBlock(&q, &x); scale != 0 || preset != 0 || q != [q8Block]int8{} {
		t.Errorf("zeros: %v, scale %v, preset %d", q, scale, preset)
	}
	for _, v := range []float64{q8Largest, math.Inf(-1), math.NaN()} {
		x[3] = float32(v)
		if scale, _ = quantizeBlock(&q, &x); scale == scale {
			t.Errorf("a block with %v has the scale %v", v, scale)
		}
	}
	x[3] = math.Nextafter32(q8Largest, 0)
	if scale, _ = quantizeBlock(&q, &x); scale < x[3]/127.01 || scale > x[3]/127 {
		t.Errorf("a block with %v has the scale %v", x[3], scale)
	}
}

// TestPrepareQ8: a sum with the bias, times a scale, is the product of the sum.
func TestPrepareQ8(t *testing.T) {
	const n = 1000
	var q q8Columns
	q.resize(n, q8Block)
	x := randoms(n*q8Block, 3)
	for i := range x {
		x[i] *= float32(math.Exp2(float64(i/q8Block%190 - 95)))
	}
	quantizeGeneric(&q, x, 0, 1)
	prepareQ8(&q, 0, 1)
	most := int32(q8Block * 128 * 127)
	for i, d := range q.scales {
		for _, sum := range []int32{0, 1, -1, most, -most, most - int32(i), int32(i*i) - most/2} {
			biased := math.Float32bits(q.terms[i]) - uint32(q.preset[i]) + uint32(sum)
			if got, want := fma(math.Float32frombits(biased), q.terms[n+i], q.terms[2*n+i]), float32(sum)*d; math.Float32bits(got) != math.Float32bits(want) {
				t.Fatalf("%d times %v is %v, want %v", sum, d, got, want)
			}
		}
	}
}

// TestQuantizeKernels compares with the portable quantiser, all bits.
func TestQuantizeKernels(t *testing.T) {
	onEachCPU(t, func(t *testing.T) {
		for n := 1; n <= 9; n++ {
			for _, k := range []int{32, 64, 96, 1280} {
				x := randoms(n*k, uint64(n))
				for i := range x {
					switch i / 32 % 7 {
					case 1:
						x[i] *= 1e30
					case 2:
						x[i] *= 1e-30
					case 3:
						x[i] *= 1e-38
					case 4:
						x[i] = 0
					case 5: // ties
						x[i] = float32(math.Round(float64(x[i]*40))) / 2
					}
				}
				x[5] = 127
				var got, want q8Columns
				for _, q := range []*q8Columns{&got, &want} {
					q.resize(n, k)
					for i := range q.quants {
						q.quants[i] = 99
					}
				}
				quantizeGeneric(&want, x, 0, want.blocks)
				for lo := 0; lo < got.blocks; lo += 3 {
					active.quantize(&got, x, lo, min(lo+3, got.blocks))
				}
				what := fmt.Sprintf("%d columns of %d", n, k)
				sameBits(t, what+": scales", got.scales, want.scales)
				for i := range want.quants {
					if got.quants[i] != want.quants[i] {
						t.Fatalf("%s: integer %d is %d, want %d", what, i, got.quants[i], want.quants[i])
					}
				}
				for i := range want.preset {
					if got.preset[i] != want.preset[i] {
						t.Fatalf("%s: preset %d is %d, want %d", what, i, got.preset[i], want.preset[i])
					}
				}
			}
		}
	})
}

// TestQ8Extremes: the largest integers of both sides, -128 included, which
// saturate careless kernels.
func TestQ8Extremes(t *testing.T) {
	const k, n = 64, 3
	data := make([]byte, packedRows*ggml.Q8_0.RowSize(k))
	for r := range packedRows {
		for b := range 2 {
			block := data[r*ggml.Q8_0.RowSize(k)+b*34:][:34]
			ggml.Quantize(ggml.F16, block[:2], []float32{1})
			for i := range 32 {
				block[2+i] = [4]byte{0x80, 0x7f, 0x81, 0x80}[(r+i*(r%3))%4]
			}
		}
	}
	w, err := NewMatrix(ggml.Q8_0, packedRows, k, data)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, n*k)
	for i := range x {
		x[i] = []float32{127, -127}[i/k*i%2]
	}
	p := NewPool(1)
	onEachCPU(t, func(t *testing.T) {
		y := make([]float32, n*packedRows)
		p.MatMul(y, &w, x, n)
		values := w.Floats()
		for c := range n {
			for r := range packedRows {
				var want float32
				for i := range k {
					want += values[r*k+i] * x[c*k+i]
				}
				if got := y[c*packedRows+r]; got != want {
					t.Fatalf("column %d, row %d is %v, want %v", c, r, got, want)
				}
			}
		}
	})
}

// TestPackedDamage: what is not finite does not turn into plausible numbers.
func TestPackedDamage(t *testing.T) {
	p := NewPool(1)
	for _, typ := range append(nibbleList(), ggml.Q8_0) {
		k := 2 * max(typ.BlockLen(), 32)
		w := randomMatrix(t, typ, 20, k, 1)
		onEachCPU(t, func(t *testing.T) {
			for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
				x := randoms(k, 2)
				x[40] = float32(bad)
				y := make([]float32, 20)
				p.MatMul(y, w, x, 1)
				for r, v := range y {
					if !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0) {
						t.Errorf("%s: an activation of %v gives %v in row %d", typ, bad, v, r)
					}
				}
			}
		})
	}
}

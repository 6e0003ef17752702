package tensor

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
)

// nibbleList is nibbleTypes in the order of their numbers.
func nibbleList() (types []ggml.Type) {
	for _, typ := range ggml.Types() {
		if nibbleTypes[typ] != nil {
			types = append(types, typ)
		}
	}
	return types
}

// nibbleParts are the numbers that a row of weights consists of: value i is
// scale[i]·level[i] - offset[i].
type nibbleParts struct {
	level         []int
	scale, offset []float32
}

// partsOf takes a row of the file apart with the help of ggml.Dequantize: it
// gives the integers of one kind when all others are 1 or 0.
func partsOf(typ ggml.Type, row []byte) (p nibbleParts) {
	halves := 0 // where d is, and m behind it
	if typ == ggml.Q6_K {
		halves = 208
	}
	// as sets parts of each block and reads it.
	as := func(d, m float32, set func(block []byte)) []float32 {
		c := bytes.Clone(row)
		for b := 0; b < len(c); b += typ.BlockSize() {
			set(c[b:][:typ.BlockSize()])
			ggml.Quantize(ggml.F16, c[b+halves:][:2], []float32{d})
			if nibbleTypes[typ].form == affineScales {
				ggml.Quantize(ggml.F16, c[b+2:][:2], []float32{m})
			}
		}
		x := make([]float32, len(row)/typ.BlockSize()*typ.BlockLen())
		ggml.Dequantize(typ, x, c)
		return x
	}
	fill := func(b []byte, v byte) { copy(b, bytes.Repeat([]byte{v}, len(b))) }
	ones := func(n int) []float32 { return as(1, 0, func([]byte) {})[:n] }
	n := len(row) / typ.BlockSize() * typ.BlockLen()
	var levels, scales []float32
	p.scale, p.offset = make([]float32, n), make([]float32, n)
	half := func(i, at int) float32 {
		return halfToFloat(binary.LittleEndian.Uint16(row[i/typ.BlockLen()*typ.BlockSize()+at:]))
	}
	switch nibbleTypes[typ].form {
	case halfScales:
		levels = ones(n)
		for i := range p.scale {
			p.scale[i] = half(i, 0)
		}
	case affineScales:
		levels = as(1, 0, func(b []byte) {
			fill(b[4:16], 0)
			fill(b[4:8], 1)
			fill(b[12:16], 1)
		})
		scales = as(1, 0, func(b []byte) { // levels of 1
			fill(b[16:], 0x11)
			if typ == ggml.Q5_K {
				fill(b[16:48], 0)
			}
		})
		offsets := as(0, 1, func([]byte) {})
		for i := range p.scale {
			p.scale[i], p.offset[i] = half(i, 0)*scales[i], half(i, 2)*-offsets[i]
		}
	case sixteenScales:
		levels = as(1, 0, func(b []byte) { fill(b[192:208], 1) })
		scales = as(1, 0, func(b []byte) { // levels of 33 - 32
			fill(b[:128], 0x11)
			fill(b[128:192], 0xaa)
		})
		for i := range p.scale {
			p.scale[i] = half(i, 208) * scales[i]
		}
	}
	for _, v := range levels {
		p.level = append(p.level, int(v))
	}
	return p
}

// model is the product of a row and a column, each operation as nibbles.go
// says.
func (p nibbleParts) model(typ ggml.Type, x []float32) (y float32) {
	step := q8Block
	if nibbleTypes[typ].form == sixteenScales {
		step = 16
	}
	var q [q8Block]int8
	for b := 0; b < len(x); b += q8Block {
		e, _ := quantizeBlock(&q, (*[q8Block]float32)(x[b:]))
		sum := 0
		for lo := 0; lo < q8Block; lo += step {
			acc := 0
			for i := lo; i < lo+step; i++ {
				acc += p.level[b+i] * int(q[i])
				sum += int(q[i])
			}
			y = fma(float32(acc)*e, p.scale[b+lo], y)
		}
		if nibbleTypes[typ].form == affineScales {
			y = fma(-p.offset[b], float32(sum)*e, y)
		}
	}
	return y
}

// TestNibbleModel: every bit as the model says, over all tails of rows and
// columns, packed or not, for random weights and the largest and smallest ones.
func TestNibbleModel(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	for _, typ := range nibbleList() {
		for i, shape := range [][2]int{{1, 1}, {15, 3}, {16, 1}, {17, 2}, {33, 1}, {50, 3}, {16, 2}, {16, 2}} {
			rows, k := shape[0], shape[1]*typ.BlockLen()
			w := randomMatrix(t, typ, rows, k, uint64(i))
			const most = 20
			x := newGuarded(most*k, 3, normals(uint64(i)))
			if i >= 6 {
				// All levels at one end, activations at both.
				half := make([]byte, 2)
				ggml.Quantize(ggml.F16, half, []float32{0.37})
				for j := range w.Data {
					w.Data[j] = [2]byte{0xff, 0}[i-6]
				}
				for b := 0; b < len(w.Data); b += typ.BlockSize() {
					at := 0
					if typ == ggml.Q6_K {
						at = 208
						copy(w.Data[b+192:], bytes.Repeat([]byte{0x80}, 16))
					}
					copy(w.Data[b+at:], half)
					if nibbleTypes[typ].form == affineScales {
						copy(w.Data[b+2:], half)
					}
				}
				for j := range x.data {
					x.data[j] = []float32{127, -127}[j/k*j%2]
				}
			}
			want := make([]float32, most*rows)
			for r := range rows {
				parts := partsOf(typ, w.Data[r*typ.RowSize(k):][:typ.RowSize(k)])
				for c := range most {
					want[c*rows+r] = parts.model(typ, x.data[c*k:][:k])
				}
			}
			packed := *w
			p.Pack(&packed)
			onEachCPU(t, func(t *testing.T) {
				for n := 1; n <= most; n++ {
					part := make([]float32, n*rows)
					copy(part, want)
					for _, m := range []*Matrix{w, &packed} {
						y := newGuarded(n*rows, 1, zero)
						p.MatMul(y.data, m, x.data[:n*k], n)
						what := fmt.Sprintf("%s, %d rows of %d, %d columns, packed %v", typ, rows, k, n, m == &packed)
						sameBits(t, what, y.data, part)
						y.check(t, what)
					}
				}
			})
		}
	}
}

// TestNibbleGuards: a kernel writes 16 rows of its columns and nothing else,
// and a group's neighbours do not matter.
func TestNibbleGuards(t *testing.T) {
	for _, typ := range nibbleList() {
		k := 2 * max(typ.BlockLen(), 64)
		w := randomMatrix(t, typ, packedRows, k, 5)
		packed := newPacked(packings[typ], 3*packedRows, k)
		for i := range packed.all.quants {
			packed.all.quants[i] = 0xa5
		}
		for i := range packed.all.scales {
			packed.all.scales[i] = 0x7e // a NaN
		}
		g := packed.group(1)
		clear(g.quants)
		clear(g.scales)
		packed.pack(g, w.Data, packed.blocks)
		const n, ldy = 7, packedRows + 5
		var q q8Columns
		q.resize(n, k)
		quantizeGeneric(&q, randoms(n*k, 6), 0, q.blocks)
		packed.prepare(&q, 0, q.blocks)
		want := make([]float32, (n-1)*ldy+packedRows)
		nibbleTypes[typ].generic(want, ldy, g, &q)
		onEachCPU(t, func(t *testing.T) {
			y := newGuarded(len(want), 3, zero)
			active.packed[typ](y.data, ldy, g, 1, &q)
			y.check(t, typ.String())
			sameBits(t, typ.String(), y.data, want)
		})
	}
}

// TestNibbleAccuracy compares with the product of the dequantised weights and
// the activations as they are, in float64.
//
// An activation x is off by at most e/2, with e the scale of its block, and by
// the roundings of 127/max, of its product with x, and of e, each at most 2⁻²⁴
// of 127·e: 0.5001·e in all. Integers are exact. The rest is a chain of at most
// 2 steps a block, each with a product rounded and a sum, each at most 2⁻²⁴ of
// the sum of the sizes of all summands; the dequantised weights, too, are
// rounded, twice.
func TestNibbleAccuracy(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	for _, typ := range nibbleList() {
		const rows, n, k = 32, 3, 1280
		data := make([]byte, rows*typ.RowSize(k))
		ggml.Quantize(typ, data, randoms(rows*k, uint64(typ)))
		w, err := NewMatrix(typ, rows, k, data)
		if err != nil {
			t.Fatal(err)
		}
		x := randoms(n*k, 9)
		values := w.Floats()
		onEachCPU(t, func(t *testing.T) {
			y := make([]float32, n*rows)
			p.MatMul(y, &w, x, n)
			var worst float64
			for r := range rows {
				parts := partsOf(typ, data[r*typ.RowSize(k):][:typ.RowSize(k)])
				for c := range n {
					var want, rounding, size float64
					var q [q8Block]int8
					for i := range k {
						v, w := float64(x[c*k+i]), float64(values[r*k+i])
						e, _ := quantizeBlock(&q, (*[q8Block]float32)(x[c*k+i/q8Block*q8Block:]))
						want += v * w
						rounding += 0.5001 * float64(e) * math.Abs(w)
						size += (math.Abs(v) + float64(e)) *
							(math.Abs(float64(parts.scale[i])*float64(parts.level[i])) + math.Abs(float64(parts.offset[i])))
					}
					const steps = 2 * k / q8Block
					bound := rounding + 0x1p-24*(2*steps+2)*size
					off := math.Abs(float64(y[c*rows+r]) - want)
					worst = max(worst, off/bound)
					if !(off <= bound) {
						t.Fatalf("%s: column %d, row %d is %v, want %v within %.2g", typ, c, r, y[c*rows+r], want, bound)
					}
				}
			}
			// Errors of either sign cancel: much less than the bound is left.
			if worst > 0.2 {
				t.Errorf("%s: an error is %.2f of what is possible", typ, worst)
			}
		})
	}
}

// TestSum16 at its ends and in between.
func TestSum16(t *testing.T) {
	for _, fill := range []func(i int) int8{
		func(int) int8 { return -128 }, func(int) int8 { return 127 }, func(int) int8 { return 0 },
		func(i int) int8 { return int8(i*37 + 5) }, func(i int) int8 { return int8(-1 - i%2*126) },
	} {
		var q [16]int8
		var want int32
		for i := range q {
			q[i] = fill(i)
			want += int32(q[i])
		}
		if got := sum16(&q); got != want {
			t.Errorf("the sum of %v is %d, got %d", q, want, got)
		}
	}
}

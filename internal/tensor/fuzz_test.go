package tensor

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
)

// The fuzzers run the same input on all sets of kernels. Where assembly and
// portable kernels round differently, a model of the assembly's order of
// additions takes the portable one's place: every bit must be right.

// dotModel is the product of the assembly kernels: lane i%16 takes value i,
// the last 16 being filled up with zeros, then the lanes are added in a tree.
func dotModel(w, x []float32) float32 {
	var lanes lanes32
	for i := range (len(w) + 15) / 16 * 16 {
		var u, v float32
		if i < len(w) {
			u, v = w[i], x[i]
		}
		lanes[i%16] = fma(u, v, lanes[i%16])
	}
	return lanes.total()
}

// chainModel is the chain of the convolution and of the mix.
func chainModel(sum float32, n int, at func(i int) (a, b float32)) float32 {
	for i := range n {
		a, b := at(i)
		sum = fma(a, b, sum)
	}
	return sum
}

func isGeneric() bool { return CPU() == "generic" }

// fuzzInput hands out the bytes of a fuzzer's input, again and again.
type fuzzInput struct {
	data []byte
	at   int
}

func (f *fuzzInput) byte() byte {
	if len(f.data) == 0 {
		return 0
	}
	f.at++
	// Repeated input is varied, so that lanes differ.
	return f.data[(f.at-1)%len(f.data)] + byte((f.at-1)/len(f.data)*37)
}

// upTo returns a number from 1 to n.
func (f *fuzzInput) upTo(n int) int { return 1 + int(f.byte())%n }

// float returns any float32, one of plain size most of the time.
func (f *fuzzInput) float(int) float32 {
	b := [4]byte{f.byte(), f.byte(), f.byte(), f.byte()}
	v := binary.LittleEndian.Uint32(b[:])
	if v>>24 != 0x7f {
		v = v&0x807fffff | (120+v>>23&7)<<23
	}
	return math.Float32frombits(v)
}

// fuzzLevels runs test on each level.
func fuzzLevels(t *testing.T, test func(level string)) {
	for _, name := range CPUs() {
		useCPU(t, name)
		test(name)
	}
}

func addSeeds(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{3, 5, 33, 1, 2, 3})
	f.Add([]byte("\x08\x0b\x40 some text that gives plain numbers"))
	f.Add([]byte{7, 31, 16, 0xff, 0xff, 0x7f, 0x7f, 0, 0, 0x80, 0x7f, 1, 0, 0, 0x80})
}

func FuzzDot(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		in := &fuzzInput{data: data}
		rows, n, k, extra := in.upTo(10), in.upTo(20), in.upTo(80), in.upTo(4)
		w := newGuarded(rows*k, in.upTo(16), in.float)
		ldx := k + extra
		x := newGuarded((n-1)*ldx+k, in.upTo(16), in.float)
		fuzzLevels(t, func(level string) {
			y := newGuarded(n*rows, 1, zero)
			active.dot(y.data, rows, w.data, rows, x.data, ldx, n, k, nil, 0)
			what := fmt.Sprintf("%s: %d rows of %d, %d columns", level, rows, k, n)
			y.check(t, what)
			for c := range n {
				for r := range rows {
					model := dotModel
					if isGeneric() {
						model = dot
					}
					want := model(w.data[r*k:][:k], x.data[c*ldx:][:k])
					sameNumbers(t, what, y.data[c*rows+r:][:1], []float32{want})
				}
			}
		})
	})
}

func FuzzHalves(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		in := &fuzzInput{data: data}
		rows, n, k := in.upTo(10), in.upTo(20), 16*in.upTo(5)
		halves := make([]byte, 2*rows*k)
		for i := range halves {
			halves[i] = in.byte()
		}
		x := newGuarded(n*k, in.upTo(16), in.float)
		fuzzLevels(t, func(level string) {
			for typ, kernel := range map[ggml.Type]func(y []float32, ldy int, w []byte, rows int, x []float32, ldx, n, k int, carry []float32, ahead uintptr){
				ggml.F16: active.dotF16, ggml.BF16: active.dotBF16,
			} {
				if kernel == nil {
					continue
				}
				wide := make([]float32, rows*k)
				ggml.Dequantize(typ, wide, halves)
				y := newGuarded(n*rows, 1, zero)
				kernel(y.data, rows, halves, rows, x.data, k, n, k, nil, 0)
				y.check(t, level)
				want := make([]float32, n*rows)
				active.dot(want, rows, wide, rows, x.data, k, n, k, nil, 0)
				sameNumbers(t, fmt.Sprintf("%s: %s, %d rows of %d, %d columns", level, typ, rows, k, n), y.data, want)
			}
		})
	})
}

func FuzzQ8(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		in := &fuzzInput{data: data}
		rows, n, k := in.upTo(2*packedRows), in.upTo(40), q8Block*in.upTo(4)
		blocks := make([]byte, rows*ggml.Q8_0.RowSize(k))
		for i := range blocks {
			blocks[i] = in.byte()
		}
		x := newGuarded(n*k, in.upTo(16), in.float)
		const both = 2 * packedRows
		packed := newPacked(&q8Packing, both, k)
		size := ggml.Q8_0.RowSize(k)
		for i := range 2 {
			first, end := min(i*packedRows, rows), min((i+1)*packedRows, rows)
			packQ8(packed.group(i), blocks[first*size:end*size], k/q8Block)
		}
		var want q8Columns
		want.resize(n, k)
		quantizeGeneric(&want, x.data, 0, want.blocks)
		product := make([]float32, n*both)
		for i := range 2 {
			q8Generic(product[i*packedRows:], both, packed.group(i), &want)
		}
		carry := make([]float32, dotCarry)
		fuzzLevels(t, func(level string) {
			var q q8Columns
			q.resize(n, k)
			active.quantize(&q, x.data, 0, q.blocks)
			prepareQ8(&q, 0, q.blocks)
			what := fmt.Sprintf("%s: %d columns of %d", level, n, k)
			sameNumbers(t, what+": scales", q.scales, want.scales)
			for i, v := range q.quants {
				if v != want.quants[i] {
					t.Fatalf("%s: integer %d is %d, want %d", what, i, v, want.quants[i])
				}
			}
			for i, v := range q.preset {
				if v != want.preset[i] {
					t.Fatalf("%s: preset %d is %d, want %d", what, i, v, want.preset[i])
				}
			}
			y := newGuarded(n*both, 1, zero)
			active.packed[ggml.Q8_0](y.data, both, packed.groups(0, 2), 2, &q)
			y.check(t, what)
			sameNumbers(t, what, y.data, product)
			if pair := active.pair[ggml.Q8_0]; pair != nil {
				what += ", two groups at once"
				y = newGuarded(n*both, 1, zero)
				pair(y.data, both, packed.groups(0, 2), &q, carry, 0)
				y.check(t, what)
				sameNumbers(t, what, y.data, product)
			}
		})
	})
}

func FuzzNibbles(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		in := &fuzzInput{data: data}
		types := nibbleList()
		typ := types[in.upTo(len(types))-1]
		rows, n, k := in.upTo(2*packedRows), in.upTo(20), typ.BlockLen()*in.upTo(2)
		blocks := make([]byte, rows*typ.RowSize(k))
		for i := range blocks {
			blocks[i] = in.byte()
		}
		w, err := NewMatrix(typ, rows, k, blocks)
		if err != nil {
			t.Fatal(err)
		}
		x := newGuarded(n*k, in.upTo(16), in.float)
		want := make([]float32, n*rows)
		for r := range rows {
			parts := partsOf(typ, blocks[r*typ.RowSize(k):][:typ.RowSize(k)])
			for c := range n {
				want[c*rows+r] = parts.model(typ, x.data[c*k:][:k])
			}
		}
		p := NewPool(1)
		packed := w
		p.Pack(&packed)
		fuzzLevels(t, func(level string) {
			for _, m := range []*Matrix{&w, &packed} {
				y := newGuarded(n*rows, 1, zero)
				p.MatMul(y.data, m, x.data, n)
				what := fmt.Sprintf("%s: %s, %d rows of %d, %d columns, packed %v", level, typ, rows, k, n, m == &packed)
				y.check(t, what)
				sameNumbers(t, what, y.data, want)
			}
		})
	})
}

func FuzzAttention(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		in := &fuzzInput{data: data}
		rows, count, d, extra := in.upTo(9), in.upTo(20), in.upTo(140), in.upTo(3)
		ldo, ldp := d+extra, count+extra
		p := newGuarded((rows-1)*ldp+count, in.upTo(16), in.float)
		values := newGuarded(count*d, in.upTo(16), in.float)
		half := make([]uint16, count*d)
		for i := range half {
			half[i] = uint16(in.byte()) | uint16(in.byte())<<8
		}
		start := newGuarded((rows-1)*ldo+d, 1, in.float)
		fuzzLevels(t, func(level string) {
			what := fmt.Sprintf("%s: %d rows, %d positions of %d", level, rows, count, d)
			for _, halves := range []bool{false, true} {
				out := newGuarded(len(start.data), 1, func(i int) float32 { return start.data[i] })
				value := func(i int) float32 { return values.data[i] }
				if halves {
					AttentionMixF16(out.data, ldo, p.data, ldp, half, d, oneRun(0, count, rows), nil)
					value = func(i int) float32 { return halfToFloat(half[i]) }
				} else {
					AttentionMix(out.data, ldo, p.data, ldp, values.data, d, oneRun(0, count, rows), nil)
				}
				out.check(t, what)
				for c := range rows {
					for j := range d {
						want := start.data[c*ldo+j]
						if isGeneric() {
							for i := range count {
								want += float32(p.data[c*ldp+i] * value(i*d+j))
							}
						} else {
							want = chainModel(want, count, func(i int) (a, b float32) { return p.data[c*ldp+i], value(i*d + j) })
						}
						sameNumbers(t, what, out.data[c*ldo+j:][:1], []float32{want})
					}
				}
			}
		})
	})
}

func FuzzScores(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		in := &fuzzInput{data: data}
		rows, count, d, extra := in.upTo(20), in.upTo(90), in.upTo(140), in.upTo(3)
		lo, ldq, lds := in.upTo(40)-1, d+extra, count+extra
		q := newGuarded((rows-1)*ldq+d, in.upTo(16), in.float)
		keys, half := make([]float32, count*d), make([]uint16, count*d)
		for i := range keys {
			keys[i] = in.float(i)
			half[i] = uint16(in.byte()) | uint16(in.byte())<<8
		}
		blocks := newGuarded(KeyLen(lo+count, d), in.upTo(16), zero)
		copy(blocks.data, blockKeys(keys, d, lo, guardValue))
		halfBlocks := blockKeys(half, d, lo, 0x7e01)
		work := newGuarded(AttentionWork, 0, zero)
		fuzzLevels(t, func(level string) {
			what := fmt.Sprintf("%s: %d rows, positions %d to %d of %d", level, rows, lo, lo+count, d)
			for _, halves := range []bool{false, true} {
				s := newGuarded((rows-1)*lds+count, 1, zero)
				if halves {
					AttentionScoresF16(s.data, lds, q.data, ldq, halfBlocks, d, oneRun(lo, lo+count, rows), work.data, nil)
				} else {
					AttentionScores(s.data, lds, q.data, ldq, blocks.data, d, oneRun(lo, lo+count, rows), work.data, nil)
				}
				s.check(t, what)
				work.check(t, what)
				for c := range rows {
					for i := range count {
						key := copyOf(keys[i*d:][:d])
						if halves {
							for j, h := range half[i*d:][:d] {
								key[j] = halfToFloat(h)
							}
						}
						sameNumbers(t, what, s.data[c*lds+i:][:1], []float32{scoreModel(q.data[c*ldq:][:d], key)})
					}
				}
			}
		})
	})
}

func FuzzConv(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		in := &fuzzInput{data: data}
		pixels, k, stride := in.upTo(20), in.upTo(70), in.upTo(5)
		tile := convTile{dstStride: convGroup + in.upTo(3), srcStride: stride, k: k}
		src := newGuarded((pixels-1)*stride+k, in.upTo(16), in.float)
		panel := newGuarded(k*convGroup, in.upTo(16), in.float)
		bias := newGuarded(convGroup, 1, in.float)
		tile.src, tile.panel, tile.init = src.data, panel.data, bias.data
		fuzzLevels(t, func(level string) {
			what := fmt.Sprintf("%s: %d pixels of %d inputs", level, pixels, k)
			dst := newGuarded((pixels-1)*tile.dstStride+convGroup, 1, zero)
			tile.dst = dst.data
			active.conv(tile, pixels)
			dst.check(t, what)
			if isGeneric() {
				return // gonum's own affair
			}
			for p := range pixels {
				for o := range convGroup {
					want := chainModel(bias.data[o], k, func(i int) (a, b float32) {
						return src.data[p*stride+i], panel.data[i*convGroup+o]
					})
					sameNumbers(t, what, dst.data[p*tile.dstStride+o:][:1], []float32{want})
				}
			}
		})
	})
}

func FuzzVector(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		in := &fuzzInput{data: data}
		n := in.upTo(100)
		wild := func(int) float32 {
			return math.Float32frombits(binary.LittleEndian.Uint32([]byte{in.byte(), in.byte(), in.byte(), in.byte()}))
		}
		x, u, v := newGuarded(n, in.upTo(16), wild), newGuarded(n, 1, wild), newGuarded(n, 2, wild)
		factor := wild(0)
		for name, run := range map[string]func(k *kernels, x []float32){
			"scale":   func(k *kernels, x []float32) { k.scale(x, factor) },
			"add":     func(k *kernels, x []float32) { k.add(x, u.data) },
			"scaleBy": func(k *kernels, x []float32) { k.scaleBy(x, u.data, v.data, factor) },
			"swiglu":  func(k *kernels, x []float32) { k.swiglu(x, u.data) },
			"gelu":    func(k *kernels, x []float32) { k.gelu(x) },
			"affine":  func(k *kernels, x []float32) { k.affine(x, x, u.data, v.data) },
			"swish":   func(k *kernels, x []float32) { k.swish(x, x, u.data, v.data) },
			"rotate":  func(k *kernels, x []float32) { k.rotate(x, u.data[:n&^1], factor) },
			"softmax": func(k *kernels, x []float32) { k.softmax(x, 0) },
		} {
			want := copyOf(x.data)
			run(&genericKernels, want)
			fuzzLevels(t, func(level string) {
				got := newGuarded(n, 3, func(i int) float32 { return x.data[i] })
				run(active, got.data)
				what := fmt.Sprintf("%s: %s of %d values", level, name, n)
				got.check(t, what)
				sameNumbers(t, what, got.data, want)
			})
		}
	})
}

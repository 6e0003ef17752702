package tensor

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/machine/shapes"
)

// benchMatrix returns a matrix with plausible random values, quickly.
func benchMatrix(b *testing.B, typ ggml.Type, rows, cols int, r *rand.Rand) Matrix {
	data := make([]byte, rows*typ.RowSize(cols))
	block := make([]byte, typ.RowSize(1<<16))
	values := make([]float32, 1<<16)
	for i := range values {
		values[i] = float32(r.NormFloat64()) * 0.02
	}
	if typ.BlockLen() == 256 {
		for i := range block {
			block[i] = byte(r.Uint32())
		}
		for i := 0; i < len(block); i += typ.BlockSize() {
			if typ == ggml.Q6_K {
				binary.LittleEndian.PutUint16(block[i+208:], 0x1000)
			} else {
				binary.LittleEndian.PutUint32(block[i:], 0x10001000)
			}
		}
	} else {
		ggml.Quantize(typ, block, values)
	}
	for at := 0; at < len(data); {
		at += copy(data[at:], block)
	}
	m, err := NewMatrix(typ, rows, cols, data)
	if err != nil {
		b.Fatal(err)
	}
	return m
}

// best keeps the shortest time of each of several pieces of work: on a machine
// that does other things too, their sum says more than a mean.
type best []time.Duration

func newBest(n int) best {
	b := make(best, n)
	for i := range b {
		b[i] = math.MaxInt64
	}
	return b
}

func (b best) time(i int, f func()) {
	start := time.Now()
	f()
	b[i] = min(b[i], time.Since(start))
}

func (b best) seconds() float64 {
	var sum time.Duration
	for _, d := range b {
		sum += d
	}
	return sum.Seconds()
}

// BenchmarkMatMul runs through the weights of GPT-XL blocks, so many of them
// that no cache holds them. A GB is 1e9 bytes; "ms/pass" is for the model's
// 752 million weights.
//
//	go test ./internal/tensor -run xxx -bench MatMul/Q8_0 -benchtime 5x
func BenchmarkMatMul(b *testing.B) {
	for _, typ := range []ggml.Type{
		ggml.Q8_0, ggml.F16, ggml.BF16, ggml.F32, ggml.Q4_0, ggml.Q5_0, ggml.Q4_K, ggml.Q5_K, ggml.Q6_K,
	} {
		b.Run(typ.String(), func(b *testing.B) {
			p := NewPool(0) // -cpu 1 for a single thread
			defer p.Close()
			r := rand.New(rand.NewPCG(1, 2))
			layers := max(2, shapes.XLLayers*34/32/max(1, typ.RowSize(256)/256))
			var matrices []Matrix
			weights, bytes := 0, 0
			for range layers {
				for _, s := range shapes.XLMatrices {
					m := benchMatrix(b, typ, s[0], s[1], r)
					p.Pack(&m)
					matrices = append(matrices, m)
					weights += s[0] * s[1]
					bytes += s[0] * typ.RowSize(s[1])
				}
			}
			x, y := make([]float32, 128*3584), make([]float32, 128*3840)
			for i := range x {
				x[i] = float32(r.NormFloat64())
			}
			for _, n := range []int{1, 2, 4, 8, 16, 32, 128} {
				b.Run(fmt.Sprint(n), func(b *testing.B) {
					best := newBest(len(matrices))
					for b.Loop() {
						for i := range matrices {
							m := &matrices[i]
							best.time(i, func() { p.MatMul(y[:n*m.Rows], m, x[:n*m.Cols], n) })
						}
					}
					s := best.seconds()
					b.ReportMetric(float64(bytes)/s/1e9, "GB/s")
					b.ReportMetric(float64(2*n*weights)/s/1e9, "GFLOP/s")
					b.ReportMetric(s*1e3*shapes.XLWeights/float64(weights), "ms/pass")
					b.ReportMetric(0, "ns/op")
				})
			}
		})
	}
}

// BenchmarkConv3x3 runs the convolutions of the VQ-16 decoder at 256 pixels in
// the way that they are computed, and directly. GFLOP/s are those of the direct
// way in both.
//
//	go test ./internal/tensor -run xxx -bench Conv3x3 -benchtime 5x
func BenchmarkConv3x3(b *testing.B) {
	p := NewPool(0)
	defer p.Close()
	for _, s := range shapes.VQ16Convs {
		size, in, out := s.Size, s.In, s.Out
		weight := make([]float32, out*in*9)
		for i := range weight {
			weight[i] = float32(math.Sin(float64(i)))
		}
		src, dst := NewImage(size, size, in), NewImage(size, size, out)
		for i := range src.Data {
			src.Data[i] = weight[i%len(weight)]
		}
		for name, c := range map[string]*Conv3x3{
			"chosen": NewConv3x3(weight, make([]float32, out), in, out, 1),
			"direct": NewDirectConv3x3(weight, make([]float32, out), in, out, 1),
		} {
			b.Run(fmt.Sprintf("%dx%d/%d-%d/%s", size, size, in, out, name), func(b *testing.B) {
				o := Convolution{Conv: c, Dst: dst, Src: src, Window: make([]float32, ConvWindowLen(c, size, size))}
				best := newBest(1)
				for b.Loop() {
					best.time(0, func() { p.Conv3x3(o) })
				}
				b.ReportMetric(float64(s.Operations())/best.seconds()/1e9, "GFLOP/s")
			})
		}
	}
}

// BenchmarkNewConv3x3 lays out weights.
func BenchmarkNewConv3x3(b *testing.B) {
	const c = 256
	weight, bias := randoms(9*c*c, 1), make([]float32, c)
	for name, new := range map[string]func(weight, bias []float32, in, out, stride int) *Conv3x3{
		"chosen": NewConv3x3, "direct": NewDirectConv3x3,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				new(weight, bias, c, c, 1)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(9*c*c), "ns/weight")
		})
	}
}

// BenchmarkNormSwish is a row of an image, and its sums.
func BenchmarkNormSwish(b *testing.B) {
	const c, pixels = 128, 256
	src, dst := randoms(c*pixels, 1), make([]float32, c*pixels)
	factor, offset, sums := randoms(c, 2), randoms(c, 3), make([]float64, 2*c)
	for b.Loop() {
		active.channels(sums, src)
		active.swish(dst, src, factor, offset)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(c*pixels), "ns/value")
}

func BenchmarkVector(b *testing.B) {
	const n = 3584
	x, y, z := randoms(n, 1), randoms(n, 2), make([]float32, n)
	for _, k := range []struct {
		name string
		run  func()
	}{
		{"RMSNorm", func() { RMSNorm(z, x, y, 1e-5) }},
		{"Softmax", func() { copy(z, x); Softmax(z) }},
		{"SwiGLU", func() { copy(z, x); SwiGLU(z, y) }},
		{"GELUTanh", func() { copy(z, x); GELUTanh(z) }},
		{"Add", func() { Add(z, x) }},
		{"Copy", func() { copy(z, x) }},
	} {
		b.Run(k.name, func(b *testing.B) {
			for b.Loop() {
				k.run()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/value")
		})
	}
}

// BenchmarkAttention is a head's work for some rows over all positions, keys
// and values in the second cache.
func BenchmarkAttention(b *testing.B) {
	const positions, d, most = shapes.XLPositions, shapes.XLHeadDim, 16
	keys, values, q := randoms(KeyLen(positions, d), 1), randoms(positions*d, 1), randoms(most*d, 2)
	keysF16, valuesF16 := make([]uint16, len(keys)), make([]uint16, len(values))
	ToF16(keysF16, keys)
	ToF16(valuesF16, values)
	s, out, work := make([]float32, most*positions), make([]float32, most*d), make([]float32, AttentionWork)
	for _, rows := range []int{1, 2, 4, 8, 16} {
		run := oneRun(0, positions, rows)
		for _, part := range []struct {
			name string
			ops  float64 // for a row, position and value
			run  func()
		}{
			{"F32/scores", 2, func() { AttentionScores(s, positions, q, d, keys, d, run, work, nil) }},
			{"F16/scores", 2, func() { AttentionScoresF16(s, positions, q, d, keysF16, d, run, work, nil) }},
			{"softmax", 0, func() {
				for c := range rows {
					Softmax(s[c*positions:][:positions])
				}
			}},
			{"F32/mix", 2, func() { AttentionMix(out, d, s, positions, values, d, run, nil) }},
			{"F16/mix", 2, func() { AttentionMixF16(out, d, s, positions, valuesF16, d, run, nil) }},
		} {
			b.Run(fmt.Sprintf("%s/%d", part.name, rows), func(b *testing.B) {
				for b.Loop() {
					part.run()
				}
				b.ReportMetric(part.ops*float64(rows)*positions*d*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}

func BenchmarkQuantize(b *testing.B) {
	var q q8Columns
	const n, k = 8, 1280
	q.resize(n, k)
	x := randoms(n*k, 1)
	for b.Loop() {
		active.quantize(&q, x, 0, q.blocks)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(n*k), "ns/value")
}

func BenchmarkPack(b *testing.B) {
	p := NewPool(0)
	defer p.Close()
	for _, typ := range []ggml.Type{ggml.Q8_0, ggml.Q4_0, ggml.Q4_K, ggml.Q6_K} {
		b.Run(typ.String(), func(b *testing.B) {
			m := benchMatrix(b, typ, 3584, 1280, rand.New(rand.NewPCG(1, 2)))
			best := newBest(1)
			for b.Loop() {
				c := m
				best.time(0, func() { p.Pack(&c) })
			}
			b.ReportMetric(float64(len(m.Data))/best.seconds()/1e9, "GB/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkTypes compares packed types with Q8_0: the passes take turns, so that
// other load on the machine meets all of them. "x-q8" is the time of a column
// as a part of Q8_0's; "8/1" and "16/1" are those of 8 and 16 columns as a
// multiple of that of one.
//
//	go test ./internal/tensor -run xxx -bench Types -benchtime 30x
func BenchmarkTypes(b *testing.B) {
	p := NewPool(0)
	defer p.Close()
	r := rand.New(rand.NewPCG(1, 2))
	types := []ggml.Type{ggml.Q8_0, ggml.Q4_0, ggml.Q4_K, ggml.Q5_K, ggml.Q6_K}
	columns := []int{1, 8, 16}
	const layers = 12
	var matrices [][]Matrix
	var bests [][]best
	for _, typ := range types {
		var all []Matrix
		for range layers {
			for _, s := range shapes.XLMatrices {
				m := benchMatrix(b, typ, s[0], s[1], r)
				p.Pack(&m)
				all = append(all, m)
			}
		}
		matrices = append(matrices, all)
		bests = append(bests, []best{newBest(len(all)), newBest(len(all)), newBest(len(all))})
	}
	x, y := randoms(16*3584, 3), make([]float32, 16*3840)
	for b.Loop() {
		for t := range types {
			for j, n := range columns {
				for i := range matrices[t] {
					m := &matrices[t][i]
					bests[t][j].time(i, func() { p.MatMul(y[:n*m.Rows], m, x[:n*m.Cols], n) })
				}
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	q8 := bests[0][0].seconds()
	for t, typ := range types {
		s := bests[t]
		b.ReportMetric(s[0].seconds()/q8, typ.String()+":x-q8")
		b.ReportMetric(s[1].seconds()/s[0].seconds(), typ.String()+":8/1")
		b.ReportMetric(s[2].seconds()/s[0].seconds(), typ.String()+":16/1")
	}
}

func BenchmarkPool(b *testing.B) {
	p := NewPool(0)
	defer p.Close()
	task := &sumTask{sums: make([]int64, 8*p.Threads())}
	for b.Loop() {
		p.Run(task, 2*p.Threads(), 1)
	}
}

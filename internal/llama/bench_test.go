package llama

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/machine/shapes"
	"github.com/zipar/zipar/internal/tensor"
)

// BenchmarkPass is a pass of GPT-XL without its output, in the middle and at
// the end of a picture of 512 x 512 pixels, with guidance: two sequences of so
// many columns each, a column for every row in flight; a caption's 120 positions
// are folded. All layers run: a server's cache may hold a few. "other-%" is the
// part that is not matrix products. Every part has its shortest time.
//
//	go test ./internal/llama -run xxx -bench Pass/F16 -benchtime 30x
func BenchmarkPass(b *testing.B) {
	const layers, prefix, side = shapes.XLLayers, 120, 32
	c := Config{
		Vocab: 16, Layers: layers, Dim: 1280, Hidden: 3584, Heads: shapes.XLHeads, KVHeads: shapes.XLHeads,
		HeadDim: shapes.XLHeadDim, Eps: 1e-5,
	}
	r := rand.New(rand.NewPCG(1, 2))
	normals := make([]float32, 1<<16)
	for i := range normals {
		normals[i] = float32(r.NormFloat64())
	}
	for _, typ := range []ggml.Type{ggml.F16, ggml.Q8_0} {
		b.Run(typ.String(), func(b *testing.B) {
			p := tensor.NewPool(0)
			defer p.Close()
			m := benchModel(c, typ, normals)
			m.Rotary = NewRotary2D(prefix, side, side, c.HeadDim, 10000)
			if err := m.Pack(b.Context(), p, func([]byte) {}); err != nil {
				b.Fatal(err)
			}
			for _, rows := range []int{side / 2, side} {
				for _, n := range []int{1, 4, 8} {
					b.Run(fmt.Sprintf("rows=%d/columns=%d", rows, n), func(b *testing.B) {
						run := NewRunner(m, p)
						columns := append(benchColumns(p, c, prefix, side, rows, n, normals), benchColumns(p, c, prefix, side, rows, n, normals)...)
						best := Times{MatMul: time.Hour, Attention: time.Hour, Elementwise: time.Hour}
						for b.Loop() {
							var t Times
							run.Time(&t)
							run.Forward(columns)
							best.MatMul = min(best.MatMul, t.MatMul)
							best.Attention = min(best.Attention, t.Attention)
							best.Elementwise = min(best.Elementwise, t.Elementwise)
						}
						other := best.Attention + best.Elementwise
						ms := func(d time.Duration) float64 { return d.Seconds() * 1e3 }
						b.ReportMetric(0, "ns/op")
						b.ReportMetric(ms(best.MatMul), "ms-matmul")
						b.ReportMetric(ms(best.Attention), "ms-attention")
						b.ReportMetric(ms(best.Elementwise), "ms-elementwise")
						b.ReportMetric(100*float64(other)/float64(best.MatMul+other), "other-%")
					})
				}
			}
		})
	}
}

// benchColumns are the columns of a new sequence, in the last n of so many rows,
// after a prefix. Each row is a window behind the one before it.
func benchColumns(p *tensor.Pool, c Config, prefix, side, rows, n int, normals []float32) []Column {
	k := benchCache(p, c, prefix+side*side, normals)
	for pos := range prefix + (rows-n)*side {
		k.feed(pos)
	}
	k.Fold(prefix)
	var columns []Column
	for i := range n {
		row, col := rows-n+i, side-1-i*side/n
		for x := range col {
			k.feed(prefix + row*side + x)
		}
		columns = append(columns, Column{Cache: k, Pos: prefix + row*side + col, Token: int32(i)})
	}
	return columns
}

// benchModel returns a model whose matrices of a type are all made of the same
// few values.
func benchModel(c Config, typ ggml.Type, normals []float32) *Model {
	small := make([]float32, len(normals))
	for i, v := range normals {
		small[i] = 0.02 * v
	}
	table := make([]byte, typ.RowSize(len(small)))
	ggml.Quantize(typ, table, small)
	matrix := func(rows, cols int) tensor.Matrix {
		data := make([]byte, rows*typ.RowSize(cols))
		tile(data, table)
		w, err := tensor.NewMatrix(typ, rows, cols, data)
		if err != nil {
			panic(err) // the shapes are multiples of all types' blocks
		}
		return w
	}
	ones := make([]float32, c.Dim)
	for i := range ones {
		ones[i] = 1
	}
	w := &Weights{TokenEmbd: matrix(c.Vocab, c.Dim), OutputNorm: ones, Output: matrix(c.Vocab, c.Dim)}
	for range c.Layers {
		w.Blocks = append(w.Blocks, Block{
			AttnNorm: ones, QKV: matrix(c.qDim()+2*c.kvDim(), c.Dim), AttnOut: matrix(c.Dim, c.qDim()),
			FFNNorm: ones, Gate: matrix(c.Hidden, c.Dim), Up: matrix(c.Hidden, c.Dim), Down: matrix(c.Dim, c.Hidden),
		})
	}
	return &Model{Config: c, Weights: w}
}

// benchCache returns a cache of half floats with keys and values in all places.
func benchCache(p *tensor.Pool, c Config, positions int, normals []float32) *Cache {
	half := make([]uint16, len(normals))
	tensor.ToF16(half, normals)
	k := NewCache(c, positions, true)
	k.Populate(p)
	for layer := range c.Layers {
		tile(k.keysF16[layer], half)
		tile(k.valuesF16[layer], half)
	}
	return k
}

// tile fills dst with copies of a table.
func tile[T any](dst, table []T) {
	for len(dst) > 0 {
		dst = dst[copy(dst, table):]
	}
}

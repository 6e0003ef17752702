package llama

import (
	"context"
	"fmt"

	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/weights"
)

// Weights are a model's tensors. Matrices are [out, in] and stay where the
// file is mapped; norms are copied as float32.
type Weights struct {
	TokenEmbd  tensor.Matrix // [vocab, dim]
	Blocks     []Block
	OutputNorm []float32     // [dim]
	Output     tensor.Matrix // [vocab, dim]
}

// Block is one transformer block.
type Block struct {
	AttnNorm []float32     // [dim]
	QKV      tensor.Matrix // [(heads + 2·kv heads)·head size, dim]: q rows, then k, then v
	AttnOut  tensor.Matrix // [dim, heads·head size]
	FFNNorm  []float32     // [dim]
	Gate, Up tensor.Matrix // [hidden, dim]
	Down     tensor.Matrix // [dim, hidden]
}

// ReadWeights takes a model's tensors from a file, which must stay open while
// they are used. Missing tensors and wrong shapes are errors that name them.
func ReadWeights(f *gguf.File, c Config) (*Weights, error) {
	r := weights.Reader{File: f}
	w := &Weights{
		TokenEmbd:  r.Matrix("token_embd.weight", c.Vocab, c.Dim),
		OutputNorm: r.Vector("output_norm.weight", c.Dim),
		Output:     r.Matrix("output.weight", c.Vocab, c.Dim),
	}
	for i := range c.Layers {
		name := func(part string) string { return fmt.Sprintf("blk.%d.%s.weight", i, part) }
		w.Blocks = append(w.Blocks, Block{
			AttnNorm: r.Vector(name("attn_norm"), c.Dim),
			QKV:      r.Matrix(name("attn_qkv"), c.qDim()+2*c.kvDim(), c.Dim),
			AttnOut:  r.Matrix(name("attn_output"), c.Dim, c.qDim()),
			FFNNorm:  r.Vector(name("ffn_norm"), c.Dim),
			Gate:     r.Matrix(name("ffn_gate"), c.Hidden, c.Dim),
			Up:       r.Matrix(name("ffn_up"), c.Hidden, c.Dim),
			Down:     r.Matrix(name("ffn_down"), c.Dim, c.Hidden),
		})
		if r.Err != nil {
			return nil, r.Err
		}
	}
	return w, r.Err
}

// Pack is weights.Pack of the matrices that columns are multiplied with.
func (w *Weights) Pack(ctx context.Context, p *tensor.Pool, release func(data []byte)) error {
	return weights.Pack(ctx, p, w.products(), release)
}

// PackBytes is the memory that Pack would take beside the file's.
func (w *Weights) PackBytes() int64 { return weights.PackBytes(w.products()) }

// products are the matrices that columns are multiplied with: all but the
// token embedding, of which single rows are read.
func (w *Weights) products() []*tensor.Matrix {
	var all []*tensor.Matrix
	for i := range w.Blocks {
		b := &w.Blocks[i]
		all = append(all, &b.QKV, &b.AttnOut, &b.Gate, &b.Up, &b.Down)
	}
	return append(all, &w.Output)
}

// Exact says whether all weights are float32.
func (w *Weights) Exact() bool {
	for _, b := range w.Blocks {
		for _, m := range []tensor.Matrix{b.QKV, b.AttnOut, b.Gate, b.Up, b.Down} {
			if !m.IsFloat32() {
				return false
			}
		}
	}
	return w.Output.IsFloat32() && w.TokenEmbd.IsFloat32()
}

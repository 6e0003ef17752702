package vqgan

import (
	"context"

	"github.com/zipar/zipar/internal/tensor"
)

// stack is the working memory of a pass through the network: three feature
// maps whose roles are swapped as needed, sized once for the largest layer.
type stack struct {
	pool   *tensor.Pool
	x      *tensor.Image // what a layer takes and gives, without border
	y      *tensor.Image // scratch
	padded *tensor.Image // scratch, the padded input of convolutions
	attn   []float32     // scratch of the attention blocks
}

// maps is the number of feature maps of a stack.
const maps = 3

// sizes returns how many values the largest feature map has, and how many the
// scratch of the attention blocks.
func sizes(layers []layer, h, w int) (largest, attention int) {
	for _, l := range layers {
		if a, ok := l.(*attnBlock); ok {
			attention = max(attention, a.scratch(h*w))
		}
		var values int
		h, w, values = l.size(h, w)
		largest = max(largest, values)
	}
	return largest, attention
}

// newStack returns a stack for these layers, which start at h x w pixels.
func newStack(p *tensor.Pool, layers []layer, h, w int) *stack {
	size, _ := sizes(layers, h, w)
	image := func() *tensor.Image { return &tensor.Image{Data: make([]float32, size)} }
	return &stack{pool: p, x: image(), y: image(), padded: image()}
}

// pad copies x into the padded map.
func (s *stack) pad() {
	s.padded.Reshape(s.x.H, s.x.W, s.x.C, 1)
	for y := range s.x.H {
		copy(s.padded.Row(y), s.x.Row(y))
	}
}

// attention returns n values for an attention block.
func (s *stack) attention(n int) []float32 {
	if cap(s.attn) < n {
		s.attn = make([]float32, n)
	}
	return s.attn[:n]
}

// run applies the layers in turn. It ends early when the context does.
func (s *stack) run(ctx context.Context, layers []layer, done func(layer, layers int)) error {
	for i, l := range layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		l.apply(s)
		if done != nil {
			done(i+1, len(layers))
		}
	}
	return nil
}

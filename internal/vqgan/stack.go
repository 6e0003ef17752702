package vqgan

import (
	"context"

	"github.com/zipar/zipar/internal/tensor"
)

// stack is the working memory of a pass through the network. All feature maps
// lie in one piece of memory, x at one of its ends: a layer writes to the other
// end, which becomes x, or adds to x in place. At full size that are two maps,
// what a residual block needs at least: one to add to and one between its
// convolutions, the normalisation of which needs to have seen all of it.
type stack struct {
	pool   *tensor.Pool
	maps   []float32
	x      *tensor.Image // what a layer takes and gives
	atEnd  bool          // where x lies
	window []float32     // of the convolutions

	sums, inner tensor.ChannelSums // of x, and of the map inside a residual block
	affine      tensor.Affine      // the normalisation under way

	ctx context.Context
	err error // of a layer that has ended before its end, because ctx has
}

// need is how much memory layers take.
type need struct {
	values int // of all maps that are in use at a time
	window int // of a convolution's window
	sums   int // of a map
}

// bytes is the need as a number of bytes.
func (n need) bytes() int64 { return 4*int64(n.values) + 4*int64(n.window) + 2*8*int64(n.sums) }

// needOf returns what these layers need, which start at h x w pixels.
func needOf(layers []layer, h, w int) need {
	var all need
	for _, l := range layers {
		n := l.need(h, w)
		all.values = max(all.values, n.values)
		all.window = max(all.window, n.window)
		all.sums = max(all.sums, n.sums)
		h, w = l.size(h, w)
	}
	return all
}

// newStack returns a stack for these layers, and x, which is h x w pixels of c
// channels of undefined content.
func newStack(p *tensor.Pool, layers []layer, h, w, c int) *stack {
	n := needOf(layers, h, w)
	s := &stack{pool: p, maps: make([]float32, n.values), window: make([]float32, n.window)}
	s.x = image(s.maps, h, w, c)
	s.sums.Reserve(n.sums)
	s.inner.Reserve(n.sums)
	return s
}

// image returns an image at the start of data.
func image(data []float32, h, w, c int) *tensor.Image {
	return &tensor.Image{H: h, W: w, C: c, Data: data[:h*w*c]}
}

// far returns an image at the end of the memory where x is not.
func (s *stack) far(h, w, c int) *tensor.Image {
	if s.atEnd {
		return image(s.maps, h, w, c)
	}
	return image(s.maps[len(s.maps)-h*w*c:], h, w, c)
}

// near returns an image beside x.
func (s *stack) near(h, w, c int) *tensor.Image { return image(s.beside(h*w*c), h, w, c) }

// beside returns the n values beside x.
func (s *stack) beside(n int) []float32 {
	x := len(s.x.Data)
	if s.atEnd {
		return s.maps[len(s.maps)-x-n:][:n]
	}
	return s.maps[x:][:n]
}

// moveTo makes an image that far has returned x.
func (s *stack) moveTo(im *tensor.Image) { s.x, s.atEnd = im, !s.atEnd }

// convolve runs a convolution with the stack's window.
func (s *stack) convolve(c tensor.Convolution) {
	c.Window = s.window
	s.pool.Conv3x3(c)
}

// run applies the layers in turn. It ends early when the context does.
func (s *stack) run(ctx context.Context, layers []layer, done func(layer, layers int)) error {
	s.ctx = ctx
	for i, l := range layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		if l.apply(s); s.err != nil {
			return s.err
		}
		if done != nil {
			done(i+1, len(layers))
		}
	}
	return nil
}

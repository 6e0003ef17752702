package vqgan

import (
	"fmt"
	"math"

	"github.com/zipar/zipar/internal/tensor"
)

// norm is a GroupNorm.
type norm struct {
	groups       int
	eps          float32
	weight, bias []float32 // [channels]
}

func (n *norm) apply(p *tensor.Pool, dst, src *tensor.Image, swish bool) {
	p.GroupNorm(dst, src, n.groups, n.eps, n.weight, n.bias, swish)
}

// conv1x1 is a 1x1 convolution with bias.
type conv1x1 struct {
	weight tensor.Matrix // [out, in]
	bias   []float32     // [out]
}

func (c *conv1x1) in() int  { return c.weight.Cols }
func (c *conv1x1) out() int { return c.weight.Rows }

// apply sets y = W·x + b for n pixels; x: [n, in], y: [n, out].
func (c *conv1x1) apply(p *tensor.Pool, y, x []float32, n int) {
	p.MatMul(y, &c.weight, x, n)
	p.AddToRows(y, c.bias)
}

// layer is a part of the network that works in place on the stack.
type layer interface {
	apply(s *stack)
	// size returns the height and width of the result for an input of h x w
	// pixels, and the most values that a feature map of the layer has.
	size(h, w int) (outH, outW, values int)
}

// sameSize is the size of a layer that keeps height and width.
func sameSize(h, w, in, out int) (int, int, int) {
	return h, w, tensor.ImageLen(h, w, max(in, out), 1)
}

// resBlock is x + conv2(swish(norm2(conv1(swish(norm1(x)))))); where the
// channels change, x goes through a 1x1 convolution.
type resBlock struct {
	norm1, norm2 *norm
	conv1, conv2 *tensor.Conv3x3
	shortcut     *conv1x1 // nil where the channels stay
}

// resBlock reads a block that takes in channels and returns those it gives.
func (r *reader) resBlock(name string, in int) (*resBlock, int) {
	b := &resBlock{norm1: r.norm(name+".norm1", in), conv1: r.conv3x3(name+".conv1", in)}
	if r.Err != nil {
		return nil, 0
	}
	out := b.conv1.Out
	b.norm2 = r.norm(name+".norm2", out)
	b.conv2 = r.conv3x3(name+".conv2", out)
	if r.has(name + ".nin_shortcut") {
		b.shortcut = r.conv1x1(name+".nin_shortcut", in)
	}
	if r.Err != nil {
		return nil, 0
	}
	if b.conv2.Out != out || (b.shortcut == nil && in != out) || (b.shortcut != nil && b.shortcut.out() != out) {
		r.fail("residual block %q: channels %d -> %d -> %d do not add up", name, in, out, b.conv2.Out)
	}
	return b, out
}

func (b *resBlock) size(h, w int) (int, int, int) {
	return sameSize(h, w, b.conv1.In, b.conv1.Out)
}

func (b *resBlock) apply(s *stack) {
	h, w, out := s.x.H, s.x.W, b.conv1.Out
	s.padded.Reshape(h, w, s.x.C, 1)
	b.norm1.apply(s.pool, s.padded, s.x, true)
	s.y.Reshape(h, w, out, 0)
	s.pool.Conv3x3(s.y, b.conv1, s.padded, 1)

	s.padded.Reshape(h, w, out, 1)
	b.norm2.apply(s.pool, s.padded, s.y, true)
	s.pool.Conv3x3(s.y, b.conv2, s.padded, 1)

	if b.shortcut != nil {
		s.padded.Reshape(h, w, out, 0)
		b.shortcut.apply(s.pool, s.padded.Pixels(), s.x.Pixels(), h*w)
		s.x, s.padded = s.padded, s.x
	}
	s.pool.AddImage(s.x, s.y)
}

// attnBlock is x + proj(softmax(q·kᵀ/sqrt(channels))·v) with q, k and v from
// norm(x), over all pixels, with a single head.
type attnBlock struct {
	norm          *norm
	q, k, v, proj *conv1x1
}

func (r *reader) attnBlock(name string, c int) *attnBlock {
	b := &attnBlock{
		norm: r.norm(name+".norm", c),
		q:    r.conv1x1(name+".q", c), k: r.conv1x1(name+".k", c), v: r.conv1x1(name+".v", c),
		proj: r.conv1x1(name+".proj_out", c),
	}
	if r.Err == nil && (b.q.out() != c || b.k.out() != c || b.v.out() != c || b.proj.out() != c) {
		r.fail("attention block %q: its convolutions do not give %d channels", name, c)
	}
	return b
}

func (b *attnBlock) size(h, w int) (int, int, int) {
	return sameSize(h, w, b.q.in(), b.q.in())
}

// scratch is how many values the block needs for n pixels beside the maps.
func (b *attnBlock) scratch(n int) int {
	c := b.q.in()
	return 2*n*c + max(n*c, n*n)
}

func (b *attnBlock) apply(s *stack) {
	h, w, c := s.x.H, s.x.W, s.x.C
	n := h * w
	s.y.Reshape(h, w, c, 0)
	b.norm.apply(s.pool, s.y, s.x, false)
	in := s.y.Pixels()
	buf := s.attention(b.scratch(n))
	q, k := buf[:n*c], buf[n*c:2*n*c]
	b.q.apply(s.pool, q, in, n)
	tensor.Scale(q, float32(1/math.Sqrt(float64(c))))
	b.k.apply(s.pool, k, in, n)

	// v: [n, c] is needed transposed, [c, n], as the matrix of the last product.
	v := buf[2*n*c:][:n*c]
	b.v.apply(s.pool, v, in, n)
	s.padded.Reshape(h, w, c, 0)
	vt := s.padded.Pixels()
	for i := range n {
		for j := range c {
			vt[j*n+i] = v[i*c+j]
		}
	}
	scores := buf[2*n*c:][:n*n]
	km := tensor.MatrixOf(k, n, c)
	s.pool.MatMul(scores, &km, q, n)
	s.pool.Run(softmaxRows{scores, n}, n, 16)
	vm := tensor.MatrixOf(vt, c, n)
	s.pool.MatMul(q, &vm, scores, n)
	b.proj.apply(s.pool, s.y.Pixels(), q, n)
	s.pool.AddImage(s.x, s.y)
}

// softmaxRows is a tensor.Task over rows of n values.
type softmaxRows struct {
	rows []float32
	n    int
}

func (t softmaxRows) Do(_, lo, hi int) {
	for i := lo; i < hi; i++ {
		tensor.Softmax(t.rows[i*t.n:][:t.n])
	}
}

// upsample doubles the size by repeating pixels and convolves.
type upsample struct{ conv *tensor.Conv3x3 }

func (b *upsample) size(h, w int) (int, int, int) {
	return sameSize(2*h, 2*w, b.conv.In, b.conv.Out)
}

func (b *upsample) apply(s *stack) {
	h, w := 2*s.x.H, 2*s.x.W
	s.padded.Reshape(h, w, s.x.C, 1)
	s.pool.Upsample(s.padded, s.x)
	s.x.Reshape(h, w, b.conv.Out, 0)
	s.pool.Conv3x3(s.x, b.conv, s.padded, 1)
}

// downsample halves the size by a convolution with stride 2.
type downsample struct{ conv *tensor.Conv3x3 }

func (b *downsample) size(h, w int) (int, int, int) {
	_, _, values := sameSize(h, w, b.conv.In, b.conv.Out)
	return h / 2, w / 2, values
}

func (b *downsample) apply(s *stack) {
	h, w := s.x.H, s.x.W
	s.pad()
	s.x.Reshape(h/2, w/2, b.conv.Out, 0)
	s.pool.Conv3x3(s.x, b.conv, s.padded, 2)
}

// convLayer is a convolution on its own.
type convLayer struct{ conv *tensor.Conv3x3 }

func (b *convLayer) size(h, w int) (int, int, int) {
	return sameSize(h, w, b.conv.In, b.conv.Out)
}

func (b *convLayer) apply(s *stack) {
	s.pad()
	s.x.Reshape(s.x.H, s.x.W, b.conv.Out, 0)
	s.pool.Conv3x3(s.x, b.conv, s.padded, 1)
}

// outLayer is conv(swish(norm(x))), the end of both directions.
type outLayer struct {
	norm *norm
	conv *tensor.Conv3x3
}

func (b *outLayer) size(h, w int) (int, int, int) {
	return sameSize(h, w, b.conv.In, b.conv.Out)
}

func (b *outLayer) apply(s *stack) {
	s.padded.Reshape(s.x.H, s.x.W, s.x.C, 1)
	b.norm.apply(s.pool, s.padded, s.x, true)
	s.x.Reshape(s.x.H, s.x.W, b.conv.Out, 0)
	s.pool.Conv3x3(s.x, b.conv, s.padded, 1)
}

// blockName is the name of the I-th conv block's part.
func blockName(side string, i int, part string) string {
	return fmt.Sprintf("%s.conv_blocks.%d.%s", side, i, part)
}

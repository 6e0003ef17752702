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

// of returns the norm of the image with these sums, in memory of the stack.
func (n *norm) of(s *stack, sums *tensor.ChannelSums) *tensor.Affine {
	s.affine.SetGroupNorm(sums, n.groups, n.eps, n.weight, n.bias)
	return &s.affine
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

// layer is a part of the network that turns the stack's x into another.
type layer interface {
	// apply may set s.err, and leave x undefined, when the context ends.
	apply(s *stack)
	// size returns the height and width of what it gives for h x w pixels.
	size(h, w int) (outH, outW int)
	// need returns what it takes of the stack for h x w pixels.
	need(h, w int) need
}

// sameSize is embedded by layers that keep height and width.
type sameSize struct{}

func (sameSize) size(h, w int) (int, int) { return h, w }

// resBlock is x + conv2(swish(norm2(conv1(swish(norm1(x)))))); where the
// channels change, x goes through a 1x1 convolution.
type resBlock struct {
	sameSize
	norm1, norm2 *norm
	conv1, conv2 *tensor.Conv3x3
	shortcut     *tensor.Conv1x1 // nil where the channels stay
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
		b.shortcut = r.shortcut(name+".nin_shortcut", in)
	}
	if r.Err != nil {
		return nil, 0
	}
	if b.conv2.Out != out || (b.shortcut == nil && in != out) || (b.shortcut != nil && b.shortcut.Out != out) {
		r.fail("residual block %q: channels %d -> %d -> %d do not add up", name, in, out, b.conv2.Out)
	}
	return b, out
}

func (b *resBlock) need(h, w int) need {
	in, out := b.conv1.In, b.conv1.Out
	n := need{
		values: h * w * (in + out),
		window: max(tensor.ConvWindowLen(b.conv1, h, w), tensor.ConvWindowLen(b.conv2, h, w)),
		sums:   tensor.ChannelSumsLen(h, w, out),
	}
	if b.shortcut != nil {
		n.values += h * w * out
	}
	return n
}

func (b *resBlock) apply(s *stack) {
	x, h, w, out := s.x, s.x.H, s.x.W, b.conv1.Out
	var inner *tensor.Image
	if b.shortcut == nil {
		inner = s.far(h, w, out)
	} else {
		inner = s.near(h, w, out)
	}
	s.convolve(tensor.Convolution{Conv: b.conv1, Dst: inner, Src: x, Norm: b.norm1.of(s, &s.sums), Sums: &s.inner})
	if b.shortcut != nil {
		x = s.far(h, w, out)
		s.pool.Conv1x1(x, s.x, b.shortcut)
		s.moveTo(x)
	}
	s.convolve(tensor.Convolution{Conv: b.conv2, Dst: x, Src: inner, Norm: b.norm2.of(s, &s.inner), Add: true, Sums: &s.sums})
}

// attnBlock is x + proj(softmax(q·kᵀ/sqrt(channels))·v) with q, k and v from
// norm(x), over all pixels, with a single head.
type attnBlock struct {
	sameSize
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

// scoresMost is about how many scores are computed at a time.
const scoresMost = 4 << 20

// rows is how many pixels' scores are computed at a time: few enough that they
// take little memory, so many that it does not show.
func (b *attnBlock) rows(n int) int { return min(n, max(64, scoresMost/n)) }

func (b *attnBlock) need(h, w int) need {
	n, c := h*w, b.q.in()
	return need{values: 5*n*c + b.rows(n)*n, sums: tensor.ChannelSumsLen(h, w, c)}
}

func (b *attnBlock) apply(s *stack) {
	h, w, c := s.x.H, s.x.W, s.x.C
	n, rows := h*w, b.rows(h*w)
	y := s.far(h, w, c)
	s.pool.Affine(y, s.x, b.norm.of(s, &s.sums))
	rest := s.beside(3*n*c + rows*n)
	q, k, vt, scores := rest[:n*c], rest[n*c:2*n*c], rest[2*n*c:3*n*c], rest[3*n*c:]
	b.q.apply(s.pool, q, y.Data, n)
	tensor.Scale(q, float32(1/math.Sqrt(float64(c))))
	b.k.apply(s.pool, k, y.Data, n)

	// v is needed transposed, [c, n], as the matrix of the last product, and made
	// so: the rows of its weights are the columns here.
	pixels := tensor.MatrixOf(y.Data, n, c)
	s.pool.MatMul(vt, &pixels, b.v.weight.Floats(), c)
	s.pool.Run(addToEach{vt, b.v.bias}, c, 16)

	keys, values := tensor.MatrixOf(k, n, c), tensor.MatrixOf(vt, c, n)
	for lo := 0; lo < n; lo += rows {
		// In the largest pictures all pixels' scores take minutes.
		if s.err = s.ctx.Err(); s.err != nil {
			return
		}
		m := min(rows, n-lo)
		part, to := scores[:m*n], q[lo*c:][:m*c]
		s.pool.MatMul(part, &keys, to, m)
		s.pool.Run(softmaxRows{part, n}, m, 16)
		s.pool.MatMul(to, &values, part, m)
	}
	b.proj.apply(s.pool, y.Data, q, n)
	s.pool.AddImage(s.x, y)
	s.pool.SumChannels(&s.sums, s.x)
}

// addToEach is a tensor.Task over rows, all values of which get the same
// number added.
type addToEach struct {
	rows    []float32 // [len(numbers), n]
	numbers []float32
}

func (t addToEach) Do(_, lo, hi int) {
	n := len(t.rows) / len(t.numbers)
	for i := lo; i < hi; i++ {
		row := t.rows[i*n:][:n]
		for j := range row {
			row[j] += t.numbers[i]
		}
	}
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

func (b *upsample) size(h, w int) (int, int) { return 2 * h, 2 * w }

func (b *upsample) need(h, w int) need { return convNeed(b.conv, h, w, 2*h, 2*w) }

func (b *upsample) apply(s *stack) {
	y := s.far(2*s.x.H, 2*s.x.W, b.conv.Out)
	s.convolve(tensor.Convolution{Conv: b.conv, Dst: y, Src: s.x, Double: true, Sums: &s.sums})
	s.moveTo(y)
}

// convNeed is that of a convolution that takes an image of h x w pixels as one
// of seenH x seenW.
func convNeed(c *tensor.Conv3x3, h, w, seenH, seenW int) need {
	outH, outW := seenH/c.Stride, seenW/c.Stride
	return need{
		values: h*w*c.In + outH*outW*c.Out,
		window: tensor.ConvWindowLen(c, seenH, seenW),
		sums:   tensor.ChannelSumsLen(outH, outW, c.Out),
	}
}

// downsample halves the size by a convolution with stride 2.
type downsample struct{ conv *tensor.Conv3x3 }

func (b *downsample) size(h, w int) (int, int) { return h / 2, w / 2 }

func (b *downsample) need(h, w int) need { return convNeed(b.conv, h, w, h, w) }

func (b *downsample) apply(s *stack) {
	y := s.far(s.x.H/2, s.x.W/2, b.conv.Out)
	s.convolve(tensor.Convolution{Conv: b.conv, Dst: y, Src: s.x, Sums: &s.sums})
	s.moveTo(y)
}

// convLayer is a convolution on its own.
type convLayer struct {
	sameSize
	conv *tensor.Conv3x3
}

func (b *convLayer) need(h, w int) need { return convNeed(b.conv, h, w, h, w) }

func (b *convLayer) apply(s *stack) {
	y := s.far(s.x.H, s.x.W, b.conv.Out)
	s.convolve(tensor.Convolution{Conv: b.conv, Dst: y, Src: s.x, Sums: &s.sums})
	s.moveTo(y)
}

// outLayer is conv(swish(norm(x))), the end of both directions.
type outLayer struct {
	sameSize
	norm *norm
	conv *tensor.Conv3x3
}

func (b *outLayer) need(h, w int) need { return convNeed(b.conv, h, w, h, w) }

func (b *outLayer) apply(s *stack) {
	y := s.far(s.x.H, s.x.W, b.conv.Out)
	s.convolve(tensor.Convolution{Conv: b.conv, Dst: y, Src: s.x, Norm: b.norm.of(s, &s.sums)})
	s.moveTo(y)
}

// blockName is the name of the I-th conv block's part.
func blockName(side string, i int, part string) string {
	return fmt.Sprintf("%s.conv_blocks.%d.%s", side, i, part)
}

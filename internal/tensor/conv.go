package tensor

import "fmt"

// convGroup is how many output channels a convolution computes together: two
// vectors of AVX-512.
const convGroup = 32

// convGroups is how many groups some output channels are, the last one padded.
func convGroups(out int) int { return (out + convGroup - 1) / convGroup }

// convBlock is how many inputs of a window row are added up before the next
// pixels get their turn. The weights of a block, [convBlock, convGroup],
// are 24 KiB: they stay in the first cache while pixels go by.
const convBlock = 192

// convSegment is how many pixels of a row go by at most. Their sums, [pixels,
// convGroup], are 16 KiB: they stay there, too.
const convSegment = 128

// convPixels is how many pixels a thread takes at least before it needs other
// weights, so that fetching these does not show.
const convPixels = 256

// A Conv3x3 is a 3x3 convolution with bias, its weights laid out for the
// kernels.
type Conv3x3 struct {
	In, Out int // channels

	// Stride 1 pads by one pixel of zeros on every side: the result is as large
	// as the source. Stride 2 pads by one pixel on the right and at the bottom
	// (LlamaGen vq_model.py, Downsample): it is half as large, rounded down.
	Stride int

	// panels: [Out/32, 3, 3·In, 32] for groups of 32 output channels, the last
	// padded with zeros, and window rows. The inputs of a window row, 3 pixels
	// of In channels, follow each other in an image.
	panels []float32
	bias   []float32 // [Out], padded to whole groups

	// points: [Out/32, 36, In, 32], the weights as winograd.go has them, in
	// place of panels.
	points []float32

	// rows: [3, Out, 3·In], the weights by window row, for few outputs, in place
	// of panels. Groups of 32 would be mostly padding.
	rows []float32
}

// convFew is up to how many output channels are computed as dot products.
const convFew = 4

// NewConv3x3 takes weights [out, in, 3, 3] (PyTorch's order) and bias [out].
// It keeps neither. With stride 1 it computes in Winograd's way where that pays
// (see winograd.go), and directly otherwise.
func NewConv3x3(weight, bias []float32, in, out, stride int) *Conv3x3 {
	if stride == 1 && out > convFew && in%16 == 0 && in <= winogradMost {
		mustBeConv(weight, bias, in, out, stride)
		return newWinograd(weight, bias, in, out)
	}
	return NewDirectConv3x3(weight, bias, in, out, stride)
}

// mustBeConv panics if the sizes do not fit.
func mustBeConv(weight, bias []float32, in, out, stride int) {
	if in <= 0 || out <= 0 || len(weight) != out*in*9 || len(bias) != out || stride < 1 || stride > 2 {
		panic(fmt.Sprintf("tensor: 3x3 convolution %d -> %d, stride %d, with %d weights and %d biases", in, out, stride, len(weight), len(bias)))
	}
}

// NewDirectConv3x3 is NewConv3x3 for a convolution that is computed directly.
func NewDirectConv3x3(weight, bias []float32, in, out, stride int) *Conv3x3 {
	mustBeConv(weight, bias, in, out, stride)
	if out <= convFew {
		return newNarrowConv(weight, bias, in, out, stride)
	}
	padded := convGroups(out) * convGroup
	c := &Conv3x3{In: in, Out: out, Stride: stride, panels: make([]float32, padded*in*9), bias: make([]float32, padded)}
	copy(c.bias, bias)
	for o := range out {
		panel := c.panels[o/convGroup*convGroup*in*9+o%convGroup:]
		for i := range in {
			for tap := range 9 {
				panel[(tap*in+i)*convGroup] = weight[(o*in+i)*9+tap]
			}
		}
	}
	return c
}

func newNarrowConv(weight, bias []float32, in, out, stride int) *Conv3x3 {
	c := &Conv3x3{
		In: in, Out: out, Stride: stride,
		rows: make([]float32, 9*out*in), bias: append([]float32(nil), bias...),
	}
	for o := range out {
		for i := range in {
			for tap := range 9 {
				c.rows[((tap/3*out+o)*3+tap%3)*in+i] = weight[(o*in+i)*9+tap]
			}
		}
	}
	return c
}

// A Convolution is what Pool.Conv3x3 does.
type Convolution struct {
	Conv *Conv3x3

	// Dst takes the result: of the size that Conv.Stride says, not overlapping
	// Src.
	Dst, Src *Image

	// Norm, if not nil, is applied to Src on the way, and then swish.
	Norm *Affine
	// Double makes a square of 2x2 of each pixel of Src on the way. It goes
	// without Norm.
	Double bool

	// Add adds the result to what Dst holds instead of replacing it.
	Add bool

	// Sums, if not nil, becomes the sums of Dst.
	Sums *ChannelSums

	// Window is working memory of a direct convolution. It holds the part of the
	// source that is ready to be multiplied, changed as asked and with a border,
	// so that no such image of full size is needed: at least convRows of its rows,
	// best ConvWindowLen values. It is made where it is nil.
	Window []float32
}

// A window of convWindow values, 16 MiB, has enough rows for many threads and
// is small beside the images that do not fit. convRows is the least that it
// has, or all that there are.
const (
	convWindow = 4 << 20
	convRows   = 4
)

// ConvWindowLen is how many values Convolution.Window should have for a source
// of h x w pixels, after doubling.
func ConvWindowLen(c *Conv3x3, h, w int) int {
	if c.points != nil {
		return 0
	}
	rowLen := (w + 2) * c.In
	return rowLen * min(h+2, max(convRows, convWindow/rowLen))
}

// Conv3x3 sets Dst = conv(Src) as o says.
//
// In the direct way each output is one chain, from the bias on over the window's
// rows, pixels and channels; with up to 4 output channels it is the bias plus
// three dot products. In Winograd's, each of the 36 sums is a chain over the
// channels. With Add, Dst's value is added at the end.
func (p *Pool) Conv3x3(o Convolution) {
	t, c := &p.conv, o.Conv
	t.Convolution, t.pool = o, p
	t.h, t.w = o.Src.H, o.Src.W
	if o.Double {
		t.h, t.w = 2*t.h, 2*t.w
	}
	if o.Src.C != c.In || o.Dst.C != c.Out || o.Dst.H != t.h/c.Stride || o.Dst.W != t.w/c.Stride || o.Double && o.Norm != nil {
		panic(fmt.Sprintf("tensor: convolution %d -> %d, stride %d, doubled %v, normalised %v, from %dx%dx%d to %dx%dx%d",
			c.In, c.Out, c.Stride, o.Double, o.Norm != nil, o.Src.H, o.Src.W, o.Src.C, o.Dst.H, o.Dst.W, o.Dst.C))
	}
	if o.Norm != nil {
		o.Norm.mustFit(o.Src)
	}
	if o.Dst.H > 0 && o.Dst.W > 0 {
		if c.points != nil {
			t.runWinograd()
		} else {
			t.runDirect()
		}
	}
	t.Convolution = Convolution{}
}

type convTask struct {
	Convolution
	pool *Pool
	h, w int // of the source, doubled if asked

	job convJob

	rowLen      int // of the window
	first, band int // the rows of the result that are under way
	base        int // the source row that is the window's first

	parts int // in which Winograd's way computes the channels of a region
}

// A convJob is what convTask.Do does, and what its items are.
type convJob int

const (
	convFill        convJob = iota // bring rows into the window
	convDirect                     // a row of a group of output channels
	convNarrow                     // a row
	convSum                        // sums of a row
	convWinograd                   // a part of a region
	convSumWinograd                // sums of a region
)

func (t *convTask) do(job convJob, items, chunk int) {
	t.job = job
	t.pool.Run(t, items, chunk)
}

// runDirect goes through the image in bands, each of as many rows as the
// window's allow.
func (t *convTask) runDirect() {
	c, h := t.Conv, t.Dst.H
	if t.Window == nil {
		t.Window = make([]float32, ConvWindowLen(c, t.h, t.w))
	}
	t.rowLen = (t.w + 2) * c.In
	rows := min(t.h+2, len(t.Window)/t.rowLen)
	if rows < min(t.h+2, convRows) {
		panic(fmt.Sprintf("tensor: a convolution's window of %d values, %d rows", len(t.Window), rows))
	}
	most := (rows-3)/c.Stride + 1
	if rows == t.h+2 {
		most = h
	}
	if t.Sums != nil {
		t.Sums.of(t.Dst, h)
	}
	bands := (h + most - 1) / most
	for i := range bands {
		t.first = i * h / bands
		t.band = (i+1)*h/bands - t.first
		t.base = t.sourceRow(t.first, 0)
		t.do(convFill, t.sourceRow(t.first+t.band-1, 2)+1-t.base, 1)
		if c.rows != nil {
			t.do(convNarrow, t.band, 1)
		} else {
			items := t.band * convGroups(c.Out)
			t.do(convDirect, items, max(1, min(convPixels/t.Dst.W, items/(4*t.pool.threads))))
		}
		if t.Sums != nil {
			t.do(convSum, t.band, 4)
		}
	}
}

// sourceRow is the source row that window row ky of the result's row y reads:
// -1 and h are border.
func (t *convTask) sourceRow(y, ky int) int { return y*t.Conv.Stride + ky - (2 - t.Conv.Stride) }

// place is where a source row lies in the window.
func (t *convTask) place(row int) int { return (row - t.base) * t.rowLen }

// Do computes items lo..hi-1. The rows of a group of channels follow each
// other, so that its weights stay in the second cache.
func (t *convTask) Do(worker, lo, hi int) {
	for i := lo; i < hi; i++ {
		switch t.job {
		case convFill:
			t.fill(t.Window[t.place(t.base+i):][:t.rowLen], t.base+i, -1)
		case convDirect:
			t.row(worker, t.first+i%t.band, i/t.band*convGroup)
		case convNarrow:
			t.narrowRow(worker, t.first+i)
		case convSum:
			t.Sums.row(t.Dst, t.first+i)
		case convWinograd:
			t.winograd(worker, i/t.parts, i%t.parts)
		case convSumWinograd:
			t.sumRegion(i)
		}
	}
}

// fill sets out to a source row from column x on, changed as asked. Outside of
// the image are zeros.
func (t *convTask) fill(out []float32, row, x int) {
	c := t.Conv.In
	if row < 0 || row >= t.h {
		clear(out)
		return
	}
	lo := max(0, -x)
	hi := max(lo, min(len(out)/c, t.w-x))
	clear(out[:lo*c])
	clear(out[hi*c:])
	out = out[lo*c : hi*c]
	x += lo
	switch {
	case t.Norm != nil:
		active.swish(out, t.Src.Row(row)[x*c:][:len(out)], t.Norm.Factor, t.Norm.Offset)
	case t.Double:
		from := t.Src.Row(row / 2)
		for ; len(out) > 0; out = out[c:] {
			copy(out[:c], from[x/2*c:])
			x++
		}
	default:
		copy(out, t.Src.Row(row)[x*c:])
	}
}

// windowAt is where the first window of row y has its row ky. With stride 2
// windows start at the pixel itself, not at the one before.
func (t *convTask) windowAt(y, ky int) int {
	return t.place(t.sourceRow(y, ky)) + (t.Conv.Stride-1)*t.Conv.In
}

// narrowRow computes row y of a convolution with few output channels. The
// windows of neighbouring pixels overlap; a product does not mind.
func (t *convTask) narrowRow(worker, y int) {
	c, dst := t.Conv, t.Dst.Row(y)
	k := 3 * c.In
	buffer := t.pool.workspace(worker, 2*len(dst))
	out, part := buffer[:len(dst)], buffer[len(dst):]
	for x := 0; x < len(out); x += c.Out {
		copy(out[x:], c.bias)
	}
	for ky := range 3 {
		active.dot(part, c.Out, c.rows[ky*c.Out*k:][:c.Out*k], c.Out, t.Window[t.windowAt(y, ky):], c.Stride*c.In, t.Dst.W, k, nil, 0)
		active.add(out, part)
	}
	if t.Add {
		active.add(dst, out)
	} else {
		copy(dst, out)
	}
}

// row computes row y of the group of output channels from first on.
func (t *convTask) row(worker, y, first int) {
	c, w := t.Conv, t.Dst.W
	k := 3 * c.In
	panels := c.panels[first*3*k:][:convGroup*3*k]
	// Segments of about equal length.
	segments := (w + convSegment - 1) / convSegment
	for i := range segments {
		x, end := i*w/segments, (i+1)*w/segments
		tile := convTile{
			dst: t.pool.workspace(worker, (end-x)*convGroup), dstStride: convGroup,
			init:      c.bias[first:], // for all pixels
			srcStride: c.Stride * c.In,
		}
		panel := panels
		for ky := range 3 {
			src := t.Window[t.windowAt(y, ky)+x*tile.srcStride:]
			for lo := 0; lo < k; lo += convBlock {
				tile.k = min(convBlock, k-lo)
				tile.src, tile.panel = src[lo:], panel[:tile.k*convGroup]
				active.conv(tile, end-x)
				tile.init, tile.initStride = tile.dst, tile.dstStride
				panel = panel[tile.k*convGroup:]
			}
		}
		active.put(t.Dst.Row(y)[x*c.Out+first:], c.Out, min(convGroup, c.Out-first), tile.dst, t.Add)
	}
}

// convTile is what kernels.conv works on:
//
//	dst[p·dstStride + o] = init[p·initStride + o] + Σ_i src[p·srcStride + i] · panel[i·32 + o]
//
// for pixels p, outputs o < 32 and inputs i < k. init is dst, or the bias with
// a stride of 0.
type convTile struct {
	dst, init, src                   []float32
	dstStride, initStride, srcStride int
	panel                            []float32 // [k, 32]
	k                                int
}

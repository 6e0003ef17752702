package tensor

import "fmt"

// convGroup is how many output channels a convolution computes together: two
// vectors of AVX-512.
const convGroup = 32

// convBlock is how many inputs of a window row are added up before the next
// pixels get their turn. The weights of a block, [convBlock, convGroup],
// are 24 KiB: they stay in the first cache while a row of pixels goes by.
const convBlock = 192

// A Conv3x3 is a 3x3 convolution with bias, its weights laid out for the
// kernels.
type Conv3x3 struct {
	In, Out int // channels

	// panels: [Out/32, 3, 3·In, 32] for groups of 32 output channels, the last
	// padded with zeros, and window rows. The inputs of a window row, 3 pixels
	// of In channels, follow each other in an image.
	panels []float32
	bias   []float32 // [Out], padded to whole groups

	// rows: [3, Out, 3·In], the weights by window row, for few outputs; panels
	// is nil then. Groups of 32 would be mostly padding.
	rows []float32
}

// convFew is up to how many output channels are computed as dot products.
const convFew = 4

// NewConv3x3 takes weights [out, in, 3, 3] (PyTorch's order) and bias [out].
// It keeps neither.
func NewConv3x3(weight, bias []float32, in, out int) *Conv3x3 {
	if in <= 0 || out <= 0 || len(weight) != out*in*9 || len(bias) != out {
		panic(fmt.Sprintf("tensor: 3x3 convolution %d -> %d with %d weights and %d biases", in, out, len(weight), len(bias)))
	}
	if out <= convFew {
		return newNarrowConv(weight, bias, in, out)
	}
	padded := (out + convGroup - 1) / convGroup * convGroup
	c := &Conv3x3{In: in, Out: out, panels: make([]float32, padded*in*9), bias: make([]float32, padded)}
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

func newNarrowConv(weight, bias []float32, in, out int) *Conv3x3 {
	c := &Conv3x3{In: in, Out: out, rows: make([]float32, 9*out*in), bias: append([]float32(nil), bias...)}
	for o := range out {
		for i := range in {
			for tap := range 9 {
				c.rows[((tap/3*out+o)*3+tap%3)*in+i] = weight[(o*in+i)*9+tap]
			}
		}
	}
	return c
}

// Conv3x3 sets dst = conv(src).
//
// Stride 1 pads by one pixel on every side: dst is as large as src. Stride 2
// pads by one pixel on the right and at the bottom (LlamaGen vq_model.py,
// Downsample): dst is half as large as src, rounded down. src must have a
// border of one pixel; dst must not overlap it and may have any border.
//
// Each output is one chain, from the bias on over the window's rows, pixels
// and channels; with up to 4 output channels it is the bias plus three dot
// products.
func (p *Pool) Conv3x3(dst *Image, c *Conv3x3, src *Image, stride int) {
	if src.Pad != 1 || src.C != c.In || dst.C != c.Out || stride < 1 || stride > 2 ||
		dst.H != src.H/stride || dst.W != src.W/stride {
		panic(fmt.Sprintf("tensor: convolution %d -> %d, stride %d, from %dx%dx%d+%d to %dx%dx%d",
			c.In, c.Out, stride, src.H, src.W, src.C, src.Pad, dst.H, dst.W, dst.C))
	}
	p.conv = convTask{pool: p, conv: c, dst: dst, src: src, stride: stride}
	groups := (c.Out + convGroup - 1) / convGroup
	p.Run(&p.conv, dst.H*groups, 1)
	p.conv = convTask{}
}

type convTask struct {
	pool     *Pool
	conv     *Conv3x3
	dst, src *Image
	stride   int
}

// Do computes items lo..hi-1, an item being a row of a group of output
// channels. The rows of a group follow each other, so that its weights stay
// in the second cache.
func (t *convTask) Do(worker, lo, hi int) {
	for i := lo; i < hi; i++ {
		if t.conv.rows != nil {
			t.narrowRow(worker, i)
		} else {
			t.row(worker, i%t.dst.H, i/t.dst.H)
		}
	}
}

// window is where the windows of row y start in the source, and how far apart
// source rows are.
func (t *convTask) window(y int) (at, rowLen int) {
	rowLen = (t.src.W + 2) * t.src.C
	// With stride 2 the window starts at the pixel itself, not at the border.
	origin := t.stride - 1
	return (y*t.stride+origin)*rowLen + origin*t.src.C, rowLen
}

// narrowRow computes row y of a convolution with few output channels. The
// windows of neighbouring pixels overlap; a product does not mind.
func (t *convTask) narrowRow(worker, y int) {
	c, w := t.conv, t.dst.W
	if w == 0 {
		return
	}
	k := 3 * c.In
	out := t.dst.Row(y)
	for x := 0; x < len(out); x += c.Out {
		copy(out[x:], c.bias)
	}
	part := t.pool.workspace(worker, len(out))
	at, rowLen := t.window(y)
	for ky := range 3 {
		active.dot(part, c.Out, c.rows[ky*c.Out*k:][:c.Out*k], c.Out, t.src.Data[at:], t.stride*t.src.C, w, k, nil)
		active.add(out, part)
		at += rowLen
	}
}

// row computes row y of a group.
func (t *convTask) row(worker, y, group int) {
	c, w := t.conv, t.dst.W
	if w == 0 {
		return
	}
	first := group * convGroup
	channels := min(convGroup, c.Out-first)
	out := t.dst.Row(y)
	tile := convTile{dst: out[first:], dstStride: c.Out}
	if channels < convGroup {
		tile.dst, tile.dstStride = t.pool.workspace(worker, w*convGroup), convGroup
	}
	k := 3 * c.In
	at, rowLen := t.window(y)
	tile.srcStride = t.stride * t.src.C
	panel := c.panels[first*3*k:][:convGroup*3*k]

	tile.init = c.bias[first:] // for all pixels
	for range 3 {
		for lo := 0; lo < k; lo += convBlock {
			tile.k = min(convBlock, k-lo)
			tile.src = t.src.Data[at+lo:]
			tile.panel = panel[lo*convGroup:][:tile.k*convGroup]
			active.conv(tile, w)
			tile.init, tile.initStride = tile.dst, tile.dstStride
		}
		at += rowLen
		panel = panel[k*convGroup:]
	}
	if channels < convGroup {
		for x := range w {
			copy(out[x*c.Out+first:][:channels], tile.dst[x*convGroup:])
		}
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

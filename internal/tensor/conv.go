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
}

// NewConv3x3 takes weights [out, in, 3, 3] (PyTorch's order) and bias [out].
// It keeps neither.
func NewConv3x3(weight, bias []float32, in, out int) *Conv3x3 {
	if in <= 0 || out <= 0 || len(weight) != out*in*9 || len(bias) != out {
		panic(fmt.Sprintf("tensor: 3x3 convolution %d -> %d with %d weights and %d biases", in, out, len(weight), len(bias)))
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

// Conv3x3 sets dst = conv(src).
//
// Stride 1 pads by one pixel on every side: dst is as large as src. Stride 2
// pads by one pixel on the right and at the bottom (LlamaGen vq_model.py,
// Downsample): dst is half as large as src, rounded down. src must have a
// border of one pixel; dst must not overlap it and may have any border.
//
// Each output is one chain, from the bias on over the window's rows, pixels
// and channels.
func (p *Pool) Conv3x3(dst *Image, c *Conv3x3, src *Image, stride int) {
	if src.Pad != 1 || src.C != c.In || dst.C != c.Out || stride < 1 || stride > 2 ||
		dst.H != src.H/stride || dst.W != src.W/stride {
		panic(fmt.Sprintf("tensor: convolution %d -> %d, stride %d, from %dx%dx%d+%d to %dx%dx%d",
			c.In, c.Out, stride, src.H, src.W, src.C, src.Pad, dst.H, dst.W, dst.C))
	}
	p.conv = convTask{pool: p, conv: c, dst: dst, src: src, stride: stride}
	p.Run(&p.conv, dst.H*(len(c.bias)/convGroup), 1)
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
		t.row(worker, i%t.dst.H, i/t.dst.H)
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
	rowLen := (t.src.W + 2) * t.src.C
	tile.srcStride = t.stride * t.src.C
	// With stride 2 the window starts at the pixel itself, not at the border.
	origin := t.stride - 1
	at := (y*t.stride+origin)*rowLen + origin*t.src.C
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

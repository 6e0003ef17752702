package tensor

import (
	"fmt"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// A Conv3x3 is a 3x3 convolution with bias, its weights laid out for the
// kernels of this processor.
type Conv3x3 struct {
	In, Out int // channels
	bias    []float32
	packed  []float32
}

// NewConv3x3 takes weights [out, in, 3, 3] (PyTorch's order) and bias [out].
// It keeps bias and a rearranged copy of the weights.
func NewConv3x3(weight, bias []float32, in, out int) *Conv3x3 {
	if len(weight) != out*in*9 || len(bias) != out {
		panic(fmt.Sprintf("tensor: 3x3 convolution %d -> %d with %d weights and %d biases", in, out, len(weight), len(bias)))
	}
	return &Conv3x3{In: in, Out: out, bias: bias, packed: active.convPack(in, out, weight)}
}

// Conv3x3 sets dst = conv(src).
//
// Stride 1 pads by one pixel on every side: dst is as large as src. Stride 2
// pads by one pixel on the right and at the bottom (LlamaGen vq_model.py,
// Downsample): dst is half as large as src, rounded down. src must have a
// border of one pixel; dst must not overlap it and may have any border.
func (p *Pool) Conv3x3(dst *Image, c *Conv3x3, src *Image, stride int) {
	if src.Pad != 1 || src.C != c.In || dst.C != c.Out || stride < 1 || stride > 2 ||
		dst.H != src.H/stride || dst.W != src.W/stride {
		panic(fmt.Sprintf("tensor: convolution %d -> %d, stride %d, from %dx%dx%d+%d to %dx%dx%d",
			c.In, c.Out, stride, src.H, src.W, src.C, src.Pad, dst.H, dst.W, dst.C))
	}
	groups := (c.Out + active.convGroup - 1) / active.convGroup
	p.conv = convTask{pool: p, conv: c, dst: dst, src: src, stride: stride, groups: groups}
	p.Run(&p.conv, dst.H*groups, 1)
	p.conv = convTask{}
}

type convTask struct {
	pool     *Pool
	conv     *Conv3x3
	dst, src *Image
	stride   int
	groups   int
}

// Do computes items lo..hi-1, an item being a row of a group of output
// channels. The rows of a group follow each other, so that its weights stay
// in the cache.
func (t *convTask) Do(worker, lo, hi int) {
	for i := lo; i < hi; i++ {
		active.convRow(t, worker, i%t.dst.H, i/t.dst.H)
	}
}

// window returns the source values from the top left pixel of output pixel
// (y, x)'s window on, and the distances between source rows and between the
// windows of neighbouring output pixels.
func (t *convTask) window(y, x int) (values []float32, rowStride, pixelStride int) {
	rowStride = (t.src.W + 2) * t.src.C
	// With stride 2 the window starts at the pixel itself, not at the border.
	origin := t.stride - 1
	at := (y*t.stride+origin)*rowStride + (x*t.stride+origin)*t.src.C
	return t.src.Data[at:], rowStride, t.stride * t.src.C
}

// The portable convolution: nine matrix products a row, one a tap. In
// gonum's product of untransposed matrices each output is one chain over the
// inner dimension, whatever the tile.
const (
	convPixelsGeneric = 64 // pixels and channels for which gonum starts no
	convGroupGeneric  = 64 // goroutines of its own
)

// convPackGeneric returns [9, in, out] for weights [out, in, 9].
func convPackGeneric(in, out int, weight []float32) []float32 {
	packed := make([]float32, len(weight))
	for o := range out {
		for i := range in {
			for tap := range 9 {
				packed[(tap*in+i)*out+o] = weight[(o*in+i)*9+tap]
			}
		}
	}
	return packed
}

func convRowGeneric(t *convTask, _, y, group int) {
	c := t.conv
	first := group * convGroupGeneric
	n := min(convGroupGeneric, c.Out-first)
	row := t.dst.Row(y)
	for x := 0; x < t.dst.W; x += convPixelsGeneric {
		m := min(convPixelsGeneric, t.dst.W-x)
		out := row[x*c.Out+first:]
		for i := range m {
			copy(out[i*c.Out:][:n], c.bias[first:])
		}
		values, rowStride, pixelStride := t.window(y, x)
		for tap := range 9 {
			gonum.Implementation{}.Sgemm(blas.NoTrans, blas.NoTrans, m, n, c.In, 1,
				values[tap/3*rowStride+tap%3*c.In:], pixelStride,
				c.packed[tap*c.In*c.Out+first:], c.Out, 1, out, c.Out)
		}
	}
}

package tensor

import "fmt"

// A Conv1x1 is a 1x1 convolution with bias, a product for every pixel, with its
// weights laid out for the kernel of the 3x3 ones.
type Conv1x1 struct {
	In, Out int // channels

	panels []float32 // [Out/32, In, 32], the last group padded with zeros
	bias   []float32 // [Out], padded to whole groups
}

// NewConv1x1 takes weights [out, in] and bias [out]. It keeps neither.
func NewConv1x1(weight, bias []float32, in, out int) *Conv1x1 {
	if in <= 0 || out <= 0 || len(weight) != out*in || len(bias) != out {
		panic(fmt.Sprintf("tensor: 1x1 convolution %d -> %d with %d weights and %d biases", in, out, len(weight), len(bias)))
	}
	padded := convGroups(out) * convGroup
	c := &Conv1x1{In: in, Out: out, panels: make([]float32, padded*in), bias: make([]float32, padded)}
	copy(c.bias, bias)
	for o := range out {
		panel := c.panels[o/convGroup*convGroup*in+o%convGroup:]
		for i := range in {
			panel[i*convGroup] = weight[o*in+i]
		}
	}
	return c
}

// Conv1x1 sets dst = c(src), for each pixel. Each output is one chain, from the
// bias on over the channels. dst must not overlap src.
func (p *Pool) Conv1x1(dst, src *Image, c *Conv1x1) {
	if src.C != c.In || dst.C != c.Out || dst.H != src.H || dst.W != src.W {
		panic(fmt.Sprintf("tensor: 1x1 convolution %d -> %d from %dx%dx%d to %dx%dx%d",
			c.In, c.Out, src.H, src.W, src.C, dst.H, dst.W, dst.C))
	}
	p.conv1x1 = conv1x1Task{p, c, dst, src}
	pixels := src.H * src.W
	p.Run(&p.conv1x1, (pixels+convSegment-1)/convSegment, 1)
	p.conv1x1 = conv1x1Task{}
}

type conv1x1Task struct {
	pool     *Pool
	conv     *Conv1x1
	dst, src *Image
}

// Do computes items lo..hi-1, an item being convSegment pixels.
func (t *conv1x1Task) Do(worker, lo, hi int) {
	c := t.conv
	sums := t.pool.workspace(worker, convSegment*convGroup)
	for i := lo; i < hi; i++ {
		from := i * convSegment
		n := min(convSegment, t.src.H*t.src.W-from)
		for first := 0; first < c.Out; first += convGroup {
			panel := c.panels[first*c.In:]
			tile := convTile{dst: sums, dstStride: convGroup, init: c.bias[first:], srcStride: c.In}
			for lo := 0; lo < c.In; lo += convBlock {
				tile.k = min(convBlock, c.In-lo)
				tile.src, tile.panel = t.src.Data[from*c.In+lo:], panel[lo*convGroup:][:tile.k*convGroup]
				active.conv(tile, n)
				tile.init, tile.initStride = tile.dst, tile.dstStride
			}
			active.put(t.dst.Data[from*c.Out+first:], c.Out, min(convGroup, c.Out-first), sums[:n*convGroup], false)
		}
	}
}

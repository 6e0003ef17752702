package tensor

import (
	"fmt"
	"math"
	"testing"
)

// randomImage returns an image with random values and a border of zeros.
func randomImage(h, w, c, pad int, seed uint64) *Image {
	im := NewImage(h, w, c, pad)
	next := normals(seed)
	for y := range h {
		for i := range im.Row(y) {
			im.Row(y)[i] = next(i)
		}
	}
	return im
}

// naiveConv computes an output in float64, and the size of its summands.
func naiveConv(weight, bias []float32, in int, src *Image, stride, y, x, o int) (sum, size float64) {
	sum, size = float64(bias[o]), math.Abs(float64(bias[o]))
	for ky := range 3 {
		for kx := range 3 {
			// Stride 1 pads on all sides, stride 2 on the right and below.
			sy, sx := y*stride+ky-(2-stride), x*stride+kx-(2-stride)
			if sy < 0 || sy >= src.H || sx < 0 || sx >= src.W {
				continue
			}
			for i := range in {
				p := float64(weight[((o*in+i)*3+ky)*3+kx]) * float64(src.Row(sy)[sx*in+i])
				sum += p
				size += math.Abs(p)
			}
		}
	}
	return sum, size
}

func TestConv3x3(t *testing.T) {
	pools := []*Pool{NewPool(1), NewPool(2), NewPool(8)}
	defer func() {
		for _, p := range pools {
			p.Close()
		}
	}()
	onEachCPU(t, func(t *testing.T) {
		for _, in := range []int{1, 3, 20, 32, 96} {
			for _, out := range []int{1, 3, 4, 5, 20, 32, 96} {
				weight, bias := randoms(out*in*9, 1), randoms(out, 2)
				c := NewConv3x3(weight, bias, in, out)
				for _, stride := range []int{1, 2} {
					for _, size := range [][2]int{{1, 1}, {2, 3}, {3, 2}, {4, 7}, {5, 9}, {3, 17}} {
						h, w := size[0], size[1]
						src := randomImage(h, w, in, 1, 3)
						what := fmt.Sprintf("%d -> %d, stride %d, %d x %d", in, out, stride, h, w)
						var first []float32
						for i, p := range pools {
							pad := i % 2
							data := newGuarded(ImageLen(h/stride, w/stride, out, pad), 1, zero)
							dst := &Image{H: h / stride, W: w / stride, C: out, Pad: pad, Data: data.data}
							p.Conv3x3(dst, c, src, stride)
							data.check(t, what)
							var values []float32
							for y := range dst.H {
								values = append(values, dst.Row(y)...)
							}
							if i > 0 {
								sameBits(t, fmt.Sprintf("%s, %d threads", what, p.Threads()), values, first)
								continue
							}
							first = values
							for j, v := range values {
								want, size := naiveConv(weight, bias, in, src, stride, j/(dst.W*out), j/out%dst.W, j%out)
								if !(math.Abs(float64(v)-want) <= 0x1p-24*3*math.Sqrt(float64(9*in))*size) {
									t.Fatalf("%s: value %d is %v, want %v", what, j, v, want)
								}
							}
							sum := float32(0)
							for _, v := range dst.Data {
								sum += v
							}
							for _, v := range values {
								sum -= v
							}
							if pad > 0 && sum != 0 {
								t.Fatalf("%s: the border was written", what)
							}
						}
					}
				}
			}
		}
	})
}

// TestConvPixelsAreIndependent: a pixel's bits do not depend on the width of
// the image, which decides about its tile; and blocks of inputs do not show.
func TestConvPixelsAreIndependent(t *testing.T) {
	p := NewPool(1)
	const in, out, h, most = 130, 33, 2, 19
	c := NewConv3x3(randoms(out*in*9, 1), randoms(out, 2), in, out)
	wide := randomImage(h, most+2, in, 1, 3)
	onEachCPU(t, func(t *testing.T) {
		want := NewImage(h, most+2, out, 0)
		p.Conv3x3(want, c, wide, 1)
		for w := 1; w <= most; w++ {
			src := NewImage(h, w, in, 1)
			for y := range h {
				copy(src.Row(y), wide.Row(y))
				// The right border holds the next pixel of the wide image.
				copy(src.Data[((y+1)*(w+2)+w+1)*in:][:in], wide.Row(y)[w*in:])
			}
			got := NewImage(h, w, out, 0)
			p.Conv3x3(got, c, src, 1)
			for y := range h {
				sameBits(t, fmt.Sprintf("width %d, row %d", w, y), got.Row(y), want.Row(y)[:w*out])
			}
		}
	})
}

// TestConvLevelsAgree: the assembly levels give the same bits, the portable
// one differs by rounding.
func TestConvLevelsAgree(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	const in, out, h, w = 70, 40, 5, 13
	c := NewConv3x3(randoms(out*in*9, 1), randoms(out, 2), in, out)
	src := randomImage(h, w, in, 1, 3)
	results := map[string][]float32{}
	onEachCPU(t, func(*testing.T) {
		dst := NewImage(h, w, out, 0)
		p.Conv3x3(dst, c, src, 1)
		results[CPU()] = dst.Data
	})
	names := CPUs()
	for _, name := range names[1:] {
		sameBits(t, name+" against "+names[1], results[name], results[names[1]])
		for i, v := range results[name] {
			if d := math.Abs(float64(v - results["generic"][i])); d > 1e-4 {
				t.Fatalf("%s: value %d is %v, portable %v", name, i, v, results["generic"][i])
			}
		}
	}
}

func TestConvMisusePanics(t *testing.T) {
	p := NewPool(1)
	c := NewConv3x3(make([]float32, 9*6), make([]float32, 2), 3, 2)
	im := func(h, w, c, pad int) *Image { return NewImage(h, w, c, pad) }
	mustPanic(t, "no border", func() { p.Conv3x3(im(4, 4, 2, 0), c, im(4, 4, 3, 0), 1) })
	mustPanic(t, "wrong size", func() { p.Conv3x3(im(4, 4, 2, 0), c, im(4, 5, 3, 1), 1) })
	mustPanic(t, "wrong channels", func() { p.Conv3x3(im(4, 4, 3, 0), c, im(4, 4, 3, 1), 1) })
	mustPanic(t, "stride 3", func() { p.Conv3x3(im(1, 1, 2, 0), c, im(4, 4, 3, 1), 3) })
	mustPanic(t, "too few weights", func() { NewConv3x3(make([]float32, 8), make([]float32, 1), 1, 1) })
}

func TestImageOpsAllocateNothing(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	c := NewConv3x3(randoms(9*33*8, 1), randoms(33, 2), 8, 33)
	src, dst := randomImage(5, 6, 8, 1, 3), NewImage(5, 6, 33, 0)
	weight, bias := randoms(8, 1), randoms(8, 2)
	onEachCPU(t, func(t *testing.T) {
		run := func() {
			p.GroupNorm(src, src, 4, 1e-6, weight, bias, true)
			p.Conv3x3(dst, c, src, 1)
			p.AddImage(dst, dst)
		}
		for range 20 {
			run()
		}
		if got := testing.AllocsPerRun(20, run); got != 0 {
			t.Errorf("%v allocations", got)
		}
	})
}

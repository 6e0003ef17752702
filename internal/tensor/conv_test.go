package tensor

import (
	"fmt"
	"math"
	"testing"
)

// randomImage returns an image with random values.
func randomImage(h, w, c int, seed uint64) *Image {
	return &Image{H: h, W: w, C: c, Data: randoms(h*w*c, seed)}
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
				for stride := 1; stride <= 2; stride++ {
					for _, size := range [][2]int{{1, 1}, {2, 3}, {3, 2}, {4, 7}, {5, 9}, {2, 35}, {19, 4}} {
						src := randomImage(size[0], size[1], in, 3)
						c := NewConv3x3(weight, bias, in, out, stride)
						checkConv3x3(t, pools, c, weight, bias, src)
						if c.points != nil {
							checkConv3x3(t, pools, NewDirectConv3x3(weight, bias, in, out, stride), weight, bias, src)
						}
					}
				}
			}
		}
	})
}

// checkConv3x3 compares a convolution with one in float64, and all pools and
// windows with each other.
func checkConv3x3(t *testing.T, pools []*Pool, c *Conv3x3, weight, bias []float32, src *Image) {
	t.Helper()
	h, w := src.H/c.Stride, src.W/c.Stride
	what := fmt.Sprintf("%d -> %d, stride %d, %d x %d, Winograd %v", c.In, c.Out, c.Stride, src.H, src.W, c.points != nil)
	want, sizes := make([]float64, h*w*c.Out), make([]float64, h*w*c.Out)
	largest := 0.0
	for i := range want {
		want[i], sizes[i] = naiveConv(weight, bias, c.In, src, c.Stride, i/(w*c.Out), i/c.Out%w, i%c.Out)
		largest = max(largest, sizes[i])
	}
	var first []float32
	for i, p := range pools {
		// Windows of the fewest rows, of some more, and of all.
		window := newGuarded((src.W+2)*c.In*min(convRows+i+i/2*src.H, src.H+2), 0, zero)
		data := newGuarded(h*w*c.Out, 1, zero)
		dst := &Image{H: h, W: w, C: c.Out, Data: data.data}
		p.Conv3x3(Convolution{Conv: c, Dst: dst, Src: src, Window: window.data})
		data.check(t, what)
		window.check(t, what+", window")
		if i > 0 {
			sameBits(t, fmt.Sprintf("%s, %d threads", what, p.Threads()), dst.Data, first)
			continue
		}
		first = dst.Data
		for j, v := range first {
			size := sizes[j]
			if c.points != nil {
				size = largest // what lies around a pixel's window adds to its error
			}
			if !(math.Abs(float64(v)-want[j]) <= 0x1p-24*3*math.Sqrt(float64(9*c.In))*size) {
				t.Fatalf("%s: value %d is %v, want %v", what, j, v, want[j])
			}
		}
	}
}

// TestConvPixelsAreIndependent: in the direct way, a pixel's bits do not depend on the width of
// the image, which decides about its tile and segment; and blocks of inputs do
// not show.
func TestConvPixelsAreIndependent(t *testing.T) {
	p := NewPool(1)
	const in, out, h = 130, 33, 2
	widths := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 27, 28, 29, 43, convSegment, convSegment + 1, 2*convSegment + 3}
	most := widths[len(widths)-1]
	c := NewDirectConv3x3(randoms(out*in*9, 1), randoms(out, 2), in, out, 1)
	wide := randomImage(h, most+1, in, 3)
	onEachCPU(t, func(t *testing.T) {
		want := NewImage(h, most+1, out)
		p.Conv3x3(Convolution{Conv: c, Dst: want, Src: wide})
		for _, w := range widths {
			// Its last pixel sees a border where the wide image's sees the next one.
			src := NewImage(h, w+1, in)
			for y := range h {
				copy(src.Row(y), wide.Row(y))
			}
			got := NewImage(h, w+1, out)
			p.Conv3x3(Convolution{Conv: c, Dst: got, Src: src})
			for y := range h {
				sameBits(t, fmt.Sprintf("width %d, row %d", w, y), got.Row(y)[:w*out], want.Row(y)[:w*out])
			}
		}
	})
}

// What a convolution does on the way has the bits of the same things done one
// after the other.
func TestConvOnTheWay(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	onEachCPU(t, func(t *testing.T) {
		for _, shape := range [][4]int{{5, 7, 32, 64}, {9, 3, 16, 33}, {4, 5, 12, 20}, {3, 150, 20, 32}, {2, 30, 48, 32}, {2, 4, 8, 3}} {
			h, w, in, out := shape[0], shape[1], shape[2], shape[3]
			weight, bias := randoms(out*in*9, 1), randoms(out, 2)
			src := randomImage(h, w, in, 3)
			norm := &Affine{Factor: randoms(in, 4), Offset: randoms(in, 5)}

			changed, doubled := NewImage(h, w, in), NewImage(2*h, 2*w, in)
			for y := range 2 * h {
				active.swish(changed.Row(y/2), src.Row(y/2), norm.Factor, norm.Offset)
				for x := range 2 * w {
					copy(doubled.Row(y)[x*in:][:in], src.Row(y / 2)[x/2*in:])
				}
			}
			for _, k := range []struct {
				what   string
				o      Convolution
				source *Image // what it does, done
				stride int
			}{
				{"swish", Convolution{Norm: norm}, changed, 1},
				{"swish, stride 2", Convolution{Norm: norm}, changed, 2},
				{"doubled", Convolution{Double: true}, doubled, 1},
				{"doubled, stride 2", Convolution{Double: true}, doubled, 2},
			} {
				c := NewConv3x3(weight, bias, in, out, k.stride)
				what := fmt.Sprintf("%v, %s", shape, k.what)
				want := NewImage(k.source.H/k.stride, k.source.W/k.stride, out)
				p.Conv3x3(Convolution{Conv: c, Dst: want, Src: k.source})
				all, rowLen := k.source.H+2, (k.source.W+2)*in
				for _, rows := range []int{convRows, convRows + 1, convRows + 4, all} {
					k.o.Conv, k.o.Src, k.o.Add = c, src, false
					k.o.Window = make([]float32, min(rows, all)*rowLen)
					var sums, wantSums ChannelSums
					k.o.Sums = &sums
					data := newGuarded(len(want.Data), 1, zero)
					k.o.Dst = &Image{H: want.H, W: want.W, C: out, Data: data.data}
					p.Conv3x3(k.o)
					sameBits(t, what, k.o.Dst.Data, want.Data)
					p.SumChannels(&wantSums, want)
					sameSums(t, what, &sums, &wantSums)

					added := randomImage(want.H, want.W, out, 6)
					copy(k.o.Dst.Data, added.Data)
					k.o.Add = true
					p.Conv3x3(k.o)
					p.AddImage(added, want)
					sameBits(t, what+", added", k.o.Dst.Data, added.Data)
					p.SumChannels(&wantSums, added)
					sameSums(t, what+", added", &sums, &wantSums)
					data.check(t, what)
				}
			}
		}
	})
}

// sameSums wants sums that are equal but for the order of the additions.
func sameSums(t *testing.T, what string, got, want *ChannelSums) {
	t.Helper()
	total := func(s *ChannelSums) []float64 {
		all := make([]float64, 2*s.c)
		for p := range s.parts {
			for i, v := range s.part(p) {
				all[i] += v
			}
		}
		return all
	}
	a, b := total(got), total(want)
	if got.pixels != want.pixels || len(a) != len(b) {
		t.Fatalf("%s: sums of %d pixels and %d channels, want of %d and %d", what, got.pixels, got.c, want.pixels, want.c)
	}
	for i := range a {
		if math.Abs(a[i]-b[i]) > 1e-10*float64(got.pixels) {
			t.Fatalf("%s: sum %d is %v, want %v", what, i, a[i], b[i])
		}
	}
}

// TestConvLevelsAgree: the assembly levels give the same bits, the portable
// one differs by rounding.
func TestConvLevelsAgree(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	const h, w = 5, 13
	for _, shape := range [][2]int{{70, 40}, {64, 40}} {
		in, out := shape[0], shape[1]
		c := NewConv3x3(randoms(out*in*9, 1), randoms(out, 2), in, out, 1)
		src := randomImage(h, w, in, 3)
		results := map[string][]float32{}
		onEachCPU(t, func(*testing.T) {
			dst := NewImage(h, w, out)
			p.Conv3x3(Convolution{Conv: c, Dst: dst, Src: src})
			results[CPU()] = dst.Data
		})
		names := CPUs()
		for _, name := range names[1:] {
			sameBits(t, name+" against "+names[1], results[name], results[names[1]])
			for i, v := range results[name] {
				if d := math.Abs(float64(v - results["generic"][i])); d > 5e-4 {
					t.Fatalf("%s: value %d is %v, portable %v", name, i, v, results["generic"][i])
				}
			}
		}
	}
}

func TestConvMisusePanics(t *testing.T) {
	p := NewPool(1)
	c := NewConv3x3(make([]float32, 9*6), make([]float32, 2), 3, 2, 1)
	src, dst := NewImage(4, 4, 3), NewImage(4, 4, 2)
	norm := &Affine{Factor: make([]float32, 3), Offset: make([]float32, 3)}
	for what, o := range map[string]Convolution{
		"wrong size":       {Dst: dst, Src: NewImage(4, 5, 3)},
		"wrong channels":   {Dst: NewImage(4, 4, 3), Src: src},
		"norm and double":  {Dst: NewImage(8, 8, 2), Src: src, Norm: norm, Double: true},
		"a norm of others": {Dst: dst, Src: src, Norm: &Affine{Factor: norm.Factor, Offset: norm.Offset[1:]}},
		"a small window":   {Dst: dst, Src: src, Window: make([]float32, convRows*6*3-1)},
	} {
		o.Conv = c
		mustPanic(t, what, func() { p.Conv3x3(o) })
	}
	for _, in := range []int{1, 16} {
		mustPanic(t, "too few weights", func() { NewConv3x3(make([]float32, 9*8*in-1), make([]float32, 8), in, 8, 1) })
	}
	mustPanic(t, "stride 3", func() { NewConv3x3(make([]float32, 9), make([]float32, 1), 1, 1, 3) })
}

func TestImageOpsAllocateNothing(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	const in, out = 16, 33
	winograd := NewConv3x3(randoms(9*out*in, 1), randoms(out, 2), in, out, 1)
	direct := NewDirectConv3x3(randoms(9*out*in, 1), randoms(out, 2), in, out, 1)
	flat := NewConv1x1(randoms(out*in, 1), randoms(out, 2), in, out)
	src, dst := randomImage(5, 6, in, 3), NewImage(5, 6, out)
	weight, bias := randoms(in, 1), randoms(in, 2)
	window := make([]float32, ConvWindowLen(direct, 5, 6))
	var sums, more ChannelSums
	var norm Affine
	onEachCPU(t, func(t *testing.T) {
		run := func() {
			p.SumChannels(&sums, src)
			norm.SetGroupNorm(&sums, 4, 1e-6, weight, bias)
			p.Affine(src, src, &norm)
			p.Conv3x3(Convolution{Conv: winograd, Dst: dst, Src: src, Norm: &norm, Sums: &more})
			p.Conv3x3(Convolution{Conv: direct, Dst: dst, Src: src, Add: true, Window: window})
			p.Conv1x1(dst, src, flat)
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

// put has the bits of the portable one and writes nowhere else.
func TestPut(t *testing.T) {
	onEachCPU(t, func(t *testing.T) {
		for _, channels := range []int{1, 5, 31, convGroup} {
			for _, stride := range []int{channels, channels + 1, 96} {
				for _, pixels := range []int{1, 2, 7} {
					for _, add := range []bool{false, true} {
						what := fmt.Sprintf("%d pixels of %d channels, %d apart, add %v", pixels, channels, stride, add)
						n := (pixels-1)*stride + channels
						x, dst := newGuarded(pixels*convGroup, 3, normals(1)), newGuarded(n, 1, normals(2))
						wantX, want := copyOf(x.data), copyOf(dst.data)
						putGeneric(want, stride, channels, wantX, add)
						active.put(dst.data, stride, channels, x.data, add)
						sameBits(t, what, dst.data, want)
						sameBits(t, what+", sums", x.data, wantX)
						x.check(t, what)
						dst.check(t, what)
						for i, v := range want {
							p, o := i/stride, i%stride
							before := newGuarded(n, 1, normals(2)).data[i]
							exact := before
							if o < channels {
								exact = randoms(pixels*convGroup, 1)[p*convGroup+o]
								if add {
									exact += before
								}
							}
							if v != exact {
								t.Fatalf("%s: value %d is %v, want %v", what, i, v, exact)
							}
						}
					}
				}
			}
		}
	})
}

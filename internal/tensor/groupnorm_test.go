package tensor

import (
	"fmt"
	"math"
	"testing"
)

func TestGroupNorm(t *testing.T) {
	pools := []*Pool{NewPool(1), NewPool(2), NewPool(8)}
	defer func() {
		for _, p := range pools {
			p.Close()
		}
	}()
	onEachCPU(t, func(t *testing.T) {
		for _, shape := range [][4]int{{1, 1, 4, 2}, {3, 5, 32, 8}, {7, 4, 96, 32}, {16, 16, 64, 32}, {9, 3, 20, 4}} {
			h, w, c, groups := shape[0], shape[1], shape[2], shape[3]
			src := randomImage(h, w, c, 1)
			for i := range src.Data {
				src.Data[i] += 3
			}
			weight, bias := randoms(c, 2), randoms(c, 3)
			what := fmt.Sprint(shape)
			want := naiveGroupNorm(src, groups, 1e-6, weight, bias)
			var first []float32
			for _, p := range pools {
				var sums ChannelSums
				var norm Affine
				p.SumChannels(&sums, src)
				norm.SetGroupNorm(&sums, groups, 1e-6, weight, bias)
				dst := NewImage(h, w, c)
				p.Affine(dst, src, &norm)
				if first == nil {
					first = dst.Data
					in := &Image{H: h, W: w, C: c, Data: copyOf(src.Data)}
					p.Affine(in, in, &norm)
					sameBits(t, what+" in place", in.Data, first)
				}
				sameBits(t, fmt.Sprintf("%s, %d threads", what, p.Threads()), dst.Data, first)
				for i, v := range dst.Data {
					if d := math.Abs(float64(v) - want[i]); !(d <= 4e-6*(1+math.Abs(want[i]))) {
						t.Fatalf("%s: value %d is %v, want %v", what, i, v, want[i])
					}
				}
			}
		}
	})
	im := NewImage(1, 1, 4)
	var sums ChannelSums
	pools[0].SumChannels(&sums, im)
	mustPanic(t, "groups that do not divide", func() {
		new(Affine).SetGroupNorm(&sums, 3, 1e-6, make([]float32, 4), make([]float32, 4))
	})
	mustPanic(t, "a norm of other channels", func() {
		pools[0].Affine(im, im, &Affine{Factor: make([]float32, 3), Offset: make([]float32, 3)})
	})
}

func naiveGroupNorm(src *Image, groups int, eps float64, weight, bias []float32) []float64 {
	size := src.C / groups
	out := make([]float64, len(src.Data))
	for g := range groups {
		var sum, sq, n float64
		for i, v := range src.Data {
			if i%src.C/size == g {
				sum += float64(v)
				n++
			}
		}
		mean := sum / n
		for i, v := range src.Data {
			if i%src.C/size == g {
				sq += (float64(v) - mean) * (float64(v) - mean)
			}
		}
		for i, v := range src.Data {
			if c := i % src.C; c/size == g {
				out[i] = (float64(v)-mean)/math.Sqrt(sq/n+eps)*float64(weight[c]) + float64(bias[c])
			}
		}
	}
	return out
}

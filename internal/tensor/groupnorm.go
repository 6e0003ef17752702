package tensor

import (
	"fmt"
	"math"
)

// GroupNorm sets dst = (src - mean) / sqrt(variance + eps) * weight + bias,
// mean and variance being taken over all pixels and the channels of a group,
// and then applies swish if asked. weight, bias: [C]. dst may be src; its
// border stays as it is, so it can be the padded input of a convolution.
func (p *Pool) GroupNorm(dst, src *Image, groups int, eps float32, weight, bias []float32, swish bool) {
	mustMatch("GroupNorm", dst, src)
	if groups <= 0 || src.C%groups != 0 || len(weight) != src.C || len(bias) != src.C {
		panic(fmt.Sprintf("tensor: GroupNorm of %d channels in %d groups with %d weights and %d biases",
			src.C, groups, len(weight), len(bias)))
	}
	t := &p.groupNorm
	t.dst, t.src, t.groups, t.weight, t.bias, t.swish = dst, src, groups, weight, bias, swish
	t.sums = grow(t.sums, 2*src.C*src.H)
	t.factor = grow(t.factor, src.C)
	t.offset = grow(t.offset, src.C)

	t.apply = false
	p.Run(t, src.H, 4)
	t.finish(eps)
	t.apply = true
	p.Run(t, src.H, 4)
	t.dst, t.src, t.weight, t.bias = nil, nil, nil, nil
}

// grow returns n values of undefined content, in the memory of s where that
// suffices.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

type groupNormTask struct {
	dst, src     *Image
	groups       int
	weight, bias []float32
	swish, apply bool

	// sums: [H, 2, C], a row's Σx and Σx² by channel. They are added up in
	// order afterwards, so that the threads' timing changes nothing.
	sums []float64
	// factor, offset: [C], what finish makes of them.
	factor, offset []float32
}

func (t *groupNormTask) Do(_, lo, hi int) {
	c := t.src.C
	for y := lo; y < hi; y++ {
		switch row := t.src.Row(y); {
		case !t.apply:
			sums := t.sums[2*c*y:][:2*c]
			clear(sums)
			active.channels(sums, row)
		case t.swish:
			active.swish(t.dst.Row(y), row, t.factor, t.offset)
		default:
			active.affine(t.dst.Row(y), row, t.factor, t.offset)
		}
	}
}

// finish turns the sums into a factor and an offset for each channel.
func (t *groupNormTask) finish(eps float32) {
	c := t.src.C
	size := c / t.groups
	n := float64(t.src.H * t.src.W * size)
	for g := range t.groups {
		var s, q float64
		for y := range t.src.H {
			sums := t.sums[2*c*y:][:2*c]
			for i := g * size; i < (g+1)*size; i++ {
				s += sums[i]
				q += sums[c+i]
			}
		}
		mean := s / n
		inv := 1 / math.Sqrt(max(q/n-float64(mean*mean), 0)+float64(eps))
		for i := g * size; i < (g+1)*size; i++ {
			f := inv * float64(t.weight[i])
			t.factor[i] = float32(f)
			t.offset[i] = float32(float64(t.bias[i]) - float64(mean*f))
		}
	}
}

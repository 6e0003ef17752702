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
	if need := 2 * groups * src.H; cap(t.sums) < need {
		t.sums = make([]float64, need)
	}
	t.sums = t.sums[:2*groups*src.H]
	if cap(t.scale) < 2*src.C {
		t.scale = make([]float32, 2*src.C)
	}
	t.scale = t.scale[:2*src.C]

	t.apply = false
	p.Run(t, src.H, 4)
	t.finish(eps)
	t.apply = true
	p.Run(t, src.H, 4)
	t.dst, t.src, t.weight, t.bias = nil, nil, nil, nil
}

type groupNormTask struct {
	dst, src     *Image
	groups       int
	weight, bias []float32
	swish, apply bool

	// sums: [H, groups, 2], a row's Σx and Σx². Rows are added up in order
	// afterwards, so that the threads' timing changes nothing.
	sums []float64
	// scale: [C, 2], the factor and the offset of a channel.
	scale []float32
}

func (t *groupNormTask) Do(_, lo, hi int) {
	for y := lo; y < hi; y++ {
		if t.apply {
			t.normalize(t.dst.Row(y), t.src.Row(y))
		} else {
			t.sum(t.sums[2*t.groups*y:][:2*t.groups], t.src.Row(y))
		}
	}
}

func (t *groupNormTask) sum(sums []float64, row []float32) {
	size := t.src.C / t.groups
	clear(sums)
	for len(row) > 0 {
		for g := range t.groups {
			var s, q float64
			for _, v := range row[g*size:][:size] {
				f := float64(v)
				s += f
				q += f * f
			}
			sums[2*g] += s
			sums[2*g+1] += q
		}
		row = row[t.src.C:]
	}
}

func (t *groupNormTask) finish(eps float32) {
	size := t.src.C / t.groups
	n := float64(t.src.H * t.src.W * size)
	for g := range t.groups {
		var s, q float64
		for y := range t.src.H {
			s += t.sums[2*(t.groups*y+g)]
			q += t.sums[2*(t.groups*y+g)+1]
		}
		mean := s / n
		inv := 1 / math.Sqrt(max(q/n-mean*mean, 0)+float64(eps))
		for c := g * size; c < (g+1)*size; c++ {
			f := inv * float64(t.weight[c])
			t.scale[2*c] = float32(f)
			t.scale[2*c+1] = float32(float64(t.bias[c]) - mean*f)
		}
	}
}

func (t *groupNormTask) normalize(dst, src []float32) {
	c := t.src.C
	for len(src) > 0 {
		for i, v := range src[:c] {
			f := float32(v*t.scale[2*i]) + t.scale[2*i+1]
			if t.swish {
				f = SiLU(f)
			}
			dst[i] = f
		}
		src, dst = src[c:], dst[c:]
	}
}

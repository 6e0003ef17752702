package tensor

import (
	"fmt"
	"math"
)

// ChannelSums are the sums of an image's values and of their squares, of each
// channel: what a GroupNorm needs to know of the whole image. A convolution makes
// them as it goes (Convolution.Sums), SumChannels of an image that is there.
// Their memory is used again.
type ChannelSums struct {
	parts, pixels, c int
	// sums: [parts, 2, C], Σx and Σx² of the parts of the image, each a chain
	// over pixels. The parts depend on the image's size alone and are added up in
	// order later, so that the threads' timing changes nothing.
	sums []float64
}

// ChannelSumsLen is the most float64 that the sums of an image of h x w pixels
// with c channels take.
func ChannelSumsLen(h, w, c int) int { return 2 * c * max(h, winogradRegions(h, w)) }

// Reserve makes room for n float64, so that none is made later for sums that
// take no more.
func (s *ChannelSums) Reserve(n int) { s.sums = Grow(s.sums, n) }

// of prepares for the sums of an image in so many parts.
func (s *ChannelSums) of(im *Image, parts int) {
	s.parts, s.pixels, s.c = parts, im.H*im.W, im.C
	s.sums = Grow(s.sums, 2*im.C*parts)
}

// part returns the two sums of a part.
func (s *ChannelSums) part(i int) []float64 { return s.sums[2*s.c*i:][:2*s.c] }

// SumChannels sets s to the sums of im.
func (p *Pool) SumChannels(s *ChannelSums, im *Image) {
	s.of(im, im.H)
	p.channelSums = channelSumsTask{s, im}
	p.Run(&p.channelSums, im.H, 4)
	p.channelSums = channelSumsTask{}
}

// row makes row y, which is a part, of the sums.
func (s *ChannelSums) row(im *Image, y int) {
	sums := s.part(y)
	clear(sums)
	active.channels(sums, im.Row(y))
}

type channelSumsTask struct {
	sums *ChannelSums
	im   *Image
}

func (t *channelSumsTask) Do(_, lo, hi int) {
	for y := lo; y < hi; y++ {
		t.sums.row(t.im, y)
	}
}

// An Affine is a factor and an offset for each channel.
type Affine struct{ Factor, Offset []float32 }

// SetGroupNorm makes a the GroupNorm of the image with these sums,
// (x - mean) / sqrt(variance + eps) * weight + bias, mean and variance being
// taken over all pixels and the channels of a group. weight, bias: [C].
func (a *Affine) SetGroupNorm(s *ChannelSums, groups int, eps float32, weight, bias []float32) {
	if groups <= 0 || s.c%groups != 0 || len(weight) != s.c || len(bias) != s.c {
		panic(fmt.Sprintf("tensor: GroupNorm of %d channels in %d groups with %d weights and %d biases",
			s.c, groups, len(weight), len(bias)))
	}
	a.Factor, a.Offset = Grow(a.Factor, s.c), Grow(a.Offset, s.c)
	size := s.c / groups
	n := float64(s.pixels * size)
	for g := range groups {
		var sum, squares float64
		for p := range s.parts {
			sums := s.part(p)
			for i := g * size; i < (g+1)*size; i++ {
				sum += sums[i]
				squares += sums[s.c+i]
			}
		}
		mean := sum / n
		inv := 1 / math.Sqrt(max(squares/n-float64(mean*mean), 0)+float64(eps))
		for i := g * size; i < (g+1)*size; i++ {
			f := inv * float64(weight[i])
			a.Factor[i] = float32(f)
			a.Offset[i] = float32(float64(bias[i]) - float64(mean*f))
		}
	}
}

// Affine sets dst = src·factor + offset. dst may be src.
func (p *Pool) Affine(dst, src *Image, a *Affine) {
	mustMatch("Affine", dst, src)
	a.mustFit(src)
	p.affine = affineTask{dst, src, a}
	p.Run(&p.affine, src.H, 4)
	p.affine = affineTask{}
}

// mustFit panics unless a has a factor and an offset for each channel.
func (a *Affine) mustFit(im *Image) {
	if len(a.Factor) != im.C || len(a.Offset) != im.C {
		panic(fmt.Sprintf("tensor: %d factors and %d offsets for %d channels", len(a.Factor), len(a.Offset), im.C))
	}
}

type affineTask struct {
	dst, src *Image
	affine   *Affine
}

func (t *affineTask) Do(_, lo, hi int) {
	for y := lo; y < hi; y++ {
		active.affine(t.dst.Row(y), t.src.Row(y), t.affine.Factor, t.affine.Offset)
	}
}

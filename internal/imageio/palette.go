package imageio

import (
	"cmp"
	"image"
	"image/color"
	"slices"
)

// newPalette returns at most n colours that stand for those of a picture: the
// picture's own when they are that few, else by cutting the box of its colours
// n-1 times, each time the box with the largest squared error at the mean of
// its widest axis, and moving each colour to the middle of those nearest to it.
func newPalette(im *image.NRGBA, n int) []color.NRGBA {
	counts := map[color.NRGBA]int{}
	for y := range im.Rect.Dy() {
		for x := range im.Rect.Dx() {
			c := im.NRGBAAt(im.Rect.Min.X+x, im.Rect.Min.Y+y)
			c.A = 255
			counts[c]++
		}
	}
	if len(counts) <= n {
		palette := make([]color.NRGBA, 0, len(counts))
		for c := range counts {
			palette = append(palette, c)
		}
		slices.SortFunc(palette, compareColours)
		return palette
	}
	boxes := []box{newBox(gather(counts))}
	for len(boxes) < n {
		worst := 0
		for i := range boxes {
			if boxes[i].error > boxes[worst].error {
				worst = i
			}
		}
		if boxes[worst].error == 0 {
			break
		}
		low, high := boxes[worst].cut()
		boxes[worst] = low
		boxes = append(boxes, high)
	}
	return settle(boxes)
}

func compareColours(a, b color.NRGBA) int {
	return cmp.Or(cmp.Compare(a.G, b.G), cmp.Compare(a.R, b.R), cmp.Compare(a.B, b.B))
}

// sample is a colour with the number of pixels that have it.
type sample struct {
	at     [3]float64
	weight float64
}

// gather joins colours that differ in the last three bits only, so that a
// photograph has some thousand samples. Their order is always the same.
func gather(counts map[color.NRGBA]int) []sample {
	var sums [1 << 15]sample
	for c, n := range counts {
		s := &sums[int(c.R)>>3<<10|int(c.G)>>3<<5|int(c.B)>>3]
		w := float64(n)
		// Sums of whole numbers: exact, whatever the order of the map.
		s.at[0] += float64(c.R) * w
		s.at[1] += float64(c.G) * w
		s.at[2] += float64(c.B) * w
		s.weight += w
	}
	var out []sample
	for _, s := range sums {
		if s.weight > 0 {
			for i := range s.at {
				s.at[i] /= s.weight
			}
			out = append(out, s)
		}
	}
	return out
}

// box is a set of samples that one colour stands for.
type box struct {
	samples  []sample
	mean     [3]float64
	variance [3]float64
	error    float64 // of all samples, squared
}

func newBox(samples []sample) box {
	b := box{samples: samples}
	var n float64
	for _, s := range samples {
		n += s.weight
		for i, v := range s.at {
			b.mean[i] += v * s.weight
		}
	}
	for i := range b.mean {
		b.mean[i] /= n
	}
	if len(samples) == 1 {
		return b
	}
	for _, s := range samples {
		for i, v := range s.at {
			b.variance[i] += (v - b.mean[i]) * (v - b.mean[i]) * s.weight
		}
	}
	b.error = b.variance[0] + b.variance[1] + b.variance[2]
	return b
}

func (b *box) cut() (low, high box) {
	axis := 0
	for i, v := range b.variance {
		if v > b.variance[axis] {
			axis = i
		}
	}
	slices.SortFunc(b.samples, func(x, y sample) int { return cmp.Compare(x.at[axis], y.at[axis]) })
	at, _ := slices.BinarySearchFunc(b.samples, b.mean[axis], func(s sample, mean float64) int { return cmp.Compare(s.at[axis], mean) })
	at = min(max(at, 1), len(b.samples)-1)
	return newBox(b.samples[:at:at]), newBox(b.samples[at:])
}

// settle moves the boxes' colours to the middle of the samples nearest to
// them, a few times, and returns them.
func settle(boxes []box) []color.NRGBA {
	const rounds = 3
	var samples []sample
	means := make([][3]float64, len(boxes))
	for i, b := range boxes {
		samples = append(samples, b.samples...)
		means[i] = b.mean
	}
	for range rounds {
		sums := make([]sample, len(means))
		for _, s := range samples {
			sum := &sums[nearestMean(means, s.at)]
			for i, v := range s.at {
				sum.at[i] += v * s.weight
			}
			sum.weight += s.weight
		}
		for i, sum := range sums {
			if sum.weight > 0 {
				for j, v := range sum.at {
					means[i][j] = v / sum.weight
				}
			}
		}
	}
	palette := make([]color.NRGBA, len(means))
	for i, m := range means {
		palette[i] = color.NRGBA{uint8(m[0] + 0.5), uint8(m[1] + 0.5), uint8(m[2] + 0.5), 255}
	}
	return palette
}

func nearestMean(means [][3]float64, at [3]float64) int {
	best, found := 1e30, 0
	for i := range means {
		m := &means[i]
		r, g, b := m[0]-at[0], m[1]-at[1], m[2]-at[2]
		if d := r*r + g*g + b*b; d < best {
			best, found = d, i
		}
	}
	return found
}

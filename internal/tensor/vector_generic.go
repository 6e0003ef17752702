package tensor

import "math"

// The portable elementwise kernels, which the assembly ones match bit for
// bit. The explicit float32 conversions keep compilers for processors with a
// fused multiply-add from fusing: the bits are the same on every processor.

func softmaxGeneric(x []float32, _ uintptr) {
	top := largestGeneric(x)
	var sums lanes32
	for i, v := range x {
		e := Exp(v - top)
		x[i] = e
		sums[i%16] += e
	}
	scaleGeneric(x, 1/sums.total())
}

// squaresGeneric: the square of a float32 is exact in a float64.
func squaresGeneric(x []float32) (lanes lanes64) {
	for i, v := range x {
		lanes[i%16] += float64(float64(v) * float64(v))
	}
	return lanes
}

// largestGeneric returns the largest of x and -Inf, passing NaNs over.
func largestGeneric(x []float32) float32 {
	top := float32(math.Inf(-1))
	for _, v := range x {
		if v > top {
			top = v
		}
	}
	return top
}

func scaleGeneric(x []float32, f float32) {
	for i := range x {
		x[i] *= f
	}
}

func addGeneric(dst, x []float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] += x[i]
	}
}

func scaleByGeneric(dst, x, weight []float32, f float32) {
	dst, weight = dst[:len(x)], weight[:len(x)]
	for i, v := range x {
		dst[i] = float32(v*f) * weight[i]
	}
}

func swigluGeneric(gate, up []float32) {
	up = up[:len(gate)]
	for i, g := range gate {
		gate[i] = SiLU(g) * up[i]
	}
}

// geluGeneric: x/2·(1 + tanh(u)) is x·sigmoid(2u).
func geluGeneric(x []float32) {
	for i, v := range x {
		x[i] = geluTanh(v)
	}
}

func geluTanh(x float32) float32 {
	const (
		linear = 1.5957691216057308 // 2·sqrt(2/π)
		cubic  = linear * 0.044715
	)
	u := float32(float32(x*x)*cubic) + linear
	return x / (1 + Exp(-float32(x*u)))
}

// channelsGeneric adds each channel's Σx to the first half of sums and its
// Σx² to the second, in the order of pixels. sums: [2, C], row: [pixels, C].
func channelsGeneric(sums []float64, row []float32) {
	c := len(sums) / 2
	s, q := sums[:c], sums[c:][:c]
	for ; len(row) >= c; row = row[c:] {
		for i, v := range row[:c] {
			f := float64(v)
			s[i] += f
			q[i] += float64(f * f)
		}
	}
}

func affineGeneric(dst, src, factor, offset []float32) {
	c := len(factor)
	offset = offset[:c]
	for len(src) > 0 {
		for i, v := range src[:c] {
			dst[i] = float32(v*factor[i]) + offset[i]
		}
		src, dst = src[c:], dst[c:]
	}
}

func swishGeneric(dst, src, factor, offset []float32) {
	c := len(factor)
	offset = offset[:c]
	for len(src) > 0 {
		for i, v := range src[:c] {
			dst[i] = SiLU(float32(v*factor[i]) + offset[i])
		}
		src, dst = src[c:], dst[c:]
	}
}

// rotateGeneric: one head after the other.
func rotateGeneric(x, turn []float32, scale float32) {
	for ; len(x) >= len(turn) && len(turn) > 0; x = x[len(turn):] {
		head := x[:len(turn)]
		for i := 0; i+1 < len(head); i += 2 {
			a, b := head[i], head[i+1]
			cos, sin := turn[i], turn[i+1]
			head[i] = (float32(a*cos) - float32(b*sin)) * scale
			head[i+1] = (float32(b*cos) + float32(a*sin)) * scale
		}
	}
}

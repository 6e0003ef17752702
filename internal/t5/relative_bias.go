package t5

import "math"

// maxDistance is the distance from which on all share the last bucket. Every
// T5 has 128, and GGUF files have no key for it.
const maxDistance = 128

// relativeBucket is the bucket of the relative position key - query, out of an
// even number of buckets (transformers' T5Attention, bidirectional): the upper
// half for keys behind the query; in each half, one bucket a distance for the
// first half of it, then distances on a logarithmic scale up to maxDistance.
func relativeBucket(distance, buckets int) int {
	half := buckets / 2
	exact := half / 2
	first := 0
	if distance > 0 {
		first = half
	} else {
		distance = -distance
	}
	if distance < exact {
		return first + distance
	}
	// In float32 as the reference has it: at powers of two the quotient is a
	// whole number, and rounding must not push it below.
	log := float32(math.Log(float64(float32(distance) / float32(exact))))
	step := int(log / float32(math.Log(maxDistance/float64(exact))) * float32(half-exact))
	return first + min(exact+step, half-1)
}

// biasByDistance spreads the weight [buckets, heads] out by distance: the
// result is [heads, 2n-1], and query i sees key j with the value at j-i+n-1.
func biasByDistance(weight []float32, buckets, heads, n int) []float32 {
	dst := make([]float32, heads*(2*n-1))
	for d := 1 - n; d < n; d++ {
		row := weight[relativeBucket(d, buckets)*heads:][:heads]
		for h, v := range row {
			dst[h*(2*n-1)+d+n-1] = v
		}
	}
	return dst
}

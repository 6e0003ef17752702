package tensor

import "math"

// q8Columns are quantised activations. The blocks of all columns lie side by
// side, so that a kernel reaches a tile of columns by constant offsets.
type q8Columns struct {
	n, blocks int
	quants    []int8    // [blocks, n, 32]
	scales    []float32 // [blocks, n]

	// preset: [blocks, n], -128·Σ quants: takes back what a packed group's
	// weights have too much. For 4 and 5 bits it is -8 or -16 times the sum.
	preset []int32
	halves []int32   // [blocks, 2, n], -32·Σ of 16 quants, for Q6_K
	sums   []float32 // [blocks, n], scale·Σ quants, for Q4_K and Q5_K
	terms  []float32 // [blocks, 3, n], for Q8_0; see prepareQ8
}

func (q *q8Columns) resize(n, k int) {
	q.n, q.blocks = n, k/q8Block
	q.quants = Grow(q.quants, n*k)
	q.scales = Grow(q.scales, n*q.blocks)
	q.preset = Grow(q.preset, n*q.blocks)
	q.halves = Grow(q.halves, 2*n*q.blocks)
	q.sums = Grow(q.sums, n*q.blocks)
	q.terms = Grow(q.terms, 3*n*q.blocks)
}

// A block whose values are smaller than q8Smallest counts as zero: the inverse of
// its scale must be a float32. The scale of one with a value as large as
// q8Largest, or a NaN, is a NaN: products of scales must be float32, too.
const (
	q8Smallest = 0x1p-100
	q8Largest  = 0x1p100
)

func quantizeGeneric(q *q8Columns, x []float32, lo, hi int) {
	k := q.blocks * q8Block
	for b := lo; b < hi; b++ {
		for c := range q.n {
			at := b*q.n + c
			q.scales[at], q.preset[at] = quantizeBlock(
				(*[q8Block]int8)(q.quants[at*q8Block:]), (*[q8Block]float32)(x[c*k+b*q8Block:]))
		}
	}
}

// quantizeBlock rounds x·127/max|x| to the nearest integers, halves to even. The
// scale has 22 bits, so that three times a scale is a float32; see prepareQ8.
func quantizeBlock(q *[q8Block]int8, x *[q8Block]float32) (scale float32, preset int32) {
	// Without their sign, floats are ordered as their bits are, and a NaN
	// comes out on top.
	var most uint32
	for _, v := range x {
		most = max(most, math.Float32bits(v)&0x7fffffff)
	}
	top := math.Float32frombits(most)
	var inverse float32
	if !(top < q8Smallest) {
		inverse = 127 / top
		scale = math.Float32frombits(math.Float32bits(top/127) &^ 3)
	}
	if !(top < q8Largest) {
		scale = math.Float32frombits(^uint32(0))
	}
	// Adding 3·2²² leaves the integer in the low bits.
	const round = 3 << 22
	for i, v := range x {
		q[i] = int8(math.Float32bits(float32(v*inverse) + round))
		preset -= int32(q[i])
	}
	return scale, preset * 128
}

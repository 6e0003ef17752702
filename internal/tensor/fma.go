package tensor

import (
	"math"

	"github.com/x448/float16"
)

// fma is a·b + c with a single rounding, what a processor's fused
// multiply-add of float32 gives.
func fma(a, b, c float32) float32 {
	p := float64(a) * float64(b) // exact: 48 bits
	s := p + float64(c)
	// Rounding s, itself rounded, to float32 is right unless s seems to lie
	// half-way between two float32 (or among the subnormal ones, whose
	// half-way points are elsewhere).
	bits := math.Float64bits(s)
	if bits&(1<<29-1) != 1<<28 && math.Abs(s) >= 0x1p-125 || s == 0 || math.IsInf(s, 0) || s != s {
		return float32(s)
	}
	// What the sum lost (D. Knuth, TAOCP 2, 4.2.2, theorem B).
	t := s - p
	lost := (p - (s - t)) + (float64(c) - t)
	// An odd last bit stands for "and something more": the second rounding
	// then goes to the right side (round to odd).
	if lost != 0 && bits&1 == 0 {
		if (lost > 0) == (s > 0) {
			bits++
		} else {
			bits--
		}
	}
	return float32(math.Float64frombits(bits))
}

// fmaFast is fma of float32 in float64s, if it says so. If not, the caller has
// to call that. It is small enough for the compiler to copy it there; the result
// must be zero or a normal number.
func fmaFast(a, b, c float64) (sum float64, ok bool) {
	const below = 1<<29 - 1 // bits that a float32 does not have
	s := math.Float64bits(float64(a*b) + c)
	return math.Float64frombits((s + 1<<28 - 1 + s>>29&1) &^ below), s&below != 1<<28
}

// halfToFloat converts a half float, exactly.
func halfToFloat(h uint16) float32 {
	// A normal number: the exponent's bias becomes 127.
	if mag := uint32(h) & 0x7fff; mag-0x0400 < 0x7c00-0x0400 {
		return math.Float32frombits(uint32(h&0x8000)<<16 | (mag<<13 + (127-15)<<23))
	}
	return float16.Frombits(h).Float32()
}

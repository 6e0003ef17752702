// Float32 to the 256-element "K" blocks. The format leaves free how scales are chosen; this search keeps the squared error
// of what is read back small. It is this package's own: the bytes are not llama.cpp's, the error is lower (quantize_k_test.go
// has both).
//
// A block is quantised in two rounds. First each sub-block gets the real-valued scale (and offset) that suit it best. Then
// these are rounded to the block's small integers, which changes them, so that the neighbouring integers are tried too, with
// the elements rounded anew for each.
//
// Conversions of products to float64 keep compilers from fusing them with sums: the bytes are the same on every processor.

package ggml

import (
	"encoding/binary"
	"math"

	"github.com/x448/float16"
)

// finite tells whether no element is infinite or NaN.
func finite(x []float32) bool {
	for _, v := range x {
		if v-v != 0 {
			return false
		}
	}
	return true
}

// putStep stores the step of a block's integers as a half. A step so small that halves lose precision is rounded away from
// zero: the integers can be smaller, but not larger than they are meant to be.
func putStep(dst []byte, step float32) {
	h := float16.Fromfloat32(step)
	if bits := h.Bits() & 0x7fff; bits < 0x0400 && math.Abs(float64(h.Float32())) < math.Abs(float64(step)) {
		h++
	}
	binary.LittleEndian.PutUint16(dst, h.Bits())
}

// quantizeQ4_K: see type.go for the layout.
func quantizeQ4_K(dst []byte, src []float32) {
	for len(src) >= 256 && len(dst) >= 144 {
		b := (*[144]byte)(dst)
		var q [256]uint8
		quantizeAffine((*[256]float32)(src), 15, (*[16]byte)(b[:]), &q)
		for run := range 4 { // two sub-blocks share 32 bytes
			for i := range 32 {
				b[16+32*run+i] = q[64*run+i] | q[64*run+32+i]<<4
			}
		}
		src, dst = src[256:], dst[144:]
	}
}

// quantizeQ5_K: see type.go for the layout.
func quantizeQ5_K(dst []byte, src []float32) {
	for len(src) >= 256 && len(dst) >= 176 {
		b := (*[176]byte)(dst)
		var q [256]uint8
		quantizeAffine((*[256]float32)(src), 31, (*[16]byte)(b[:]), &q)
		fifth := (*[32]byte)(b[16:])
		clear(fifth[:])
		for run := range 4 {
			for i := range 32 {
				lo, hi := q[64*run+i], q[64*run+32+i]
				b[48+32*run+i] = lo&15 | hi&15<<4
				fifth[i] |= lo>>4<<(2*run) | hi>>4<<(2*run+1)
			}
		}
		src, dst = src[256:], dst[176:]
	}
}

// quantizeAffine finds scales, offsets and levels 0..top of a Q4_K or Q5_K block. head is the start of the block: the steps
// of scales and of offsets as halves, and the packed 6-bit integers. q: the levels, in order.
func quantizeAffine(x *[256]float32, top int, head *[16]byte, q *[256]uint8) {
	clear(head[:])
	if !finite(x[:]) {
		head[0], head[1] = halfNaN&0xff, halfNaN>>8
		return
	}
	var wide [256]float64
	var scales, offsets [8]float64
	var maxScale, maxOffset float64
	for i, v := range x {
		wide[i] = float64(v)
	}
	for j := range 8 {
		scales[j], offsets[j] = fitAffine((*[32]float64)(wide[32*j:]), top)
		maxScale, maxOffset = max(maxScale, scales[j]), max(maxOffset, offsets[j])
	}
	putStep(head[0:], float32(maxScale/63))
	putStep(head[2:], float32(maxOffset/63))
	d, m := float64(scale(head[0:])), float64(scale(head[2:]))
	for j := range 8 {
		sub := (*[32]float64)(wide[32*j:])
		s0, o0 := nearestOf(scales[j], d, 63), nearestOf(offsets[j], m, 63)
		s, o, best := s0, o0, math.Inf(1)
		for s1 := max(s0-1, 0); s1 <= min(s0+1, 63); s1++ {
			for o1 := max(o0-1, 0); o1 <= min(o0+1, 63); o1++ {
				if e := affineError(sub, float64(d*float64(s1)), float64(m*float64(o1)), top, best); e < best {
					best, s, o = e, s1, o1
				}
			}
		}
		packScaleMin((*[12]byte)(head[4:]), j, s, o)
		roundAffine((*[32]uint8)(q[32*j:]), sub, float64(d*float64(s)), float64(m*float64(o)), top)
	}
}

// fitAffine finds scale and offset, neither negative, such that x = scale*q - offset fits well with integers q in 0..top.
// It tries steps around the one that spans the values exactly, each with the least-squares line through its levels.
func fitAffine(x *[32]float64, top int) (fitScale, fitOffset float64) {
	var lo, sumX float64
	hi := x[0]
	for _, v := range x {
		lo, hi = min(lo, v), max(hi, v)
		sumX += v
	}
	if hi == lo {
		return 0, -lo
	}
	// The fit with the least squared error is the one that explains most of the sum of squares.
	most := math.Inf(-1)
	for step := range 11 {
		inverse := (float64(top) - 2 + float64(0.3*float64(step))) / (hi - lo)
		if math.IsInf(inverse, 1) {
			break // the values are smaller than any half
		}
		var sumQ, sumQQ int
		var even, odd float64 // two chains of additions at a time
		for i := 0; i < 32; i += 2 {
			l, k := levelOf((x[i]-lo)*inverse, top), levelOf((x[i+1]-lo)*inverse, top)
			sumQ += l + k
			sumQQ += l*l + k*k
			even += float64(x[i] * float64(l))
			odd += float64(x[i+1] * float64(k))
		}
		q, qq, sumXQ := float64(sumQ), float64(sumQQ), even+odd
		det := 32*qq - q*q
		s := (float64(32*sumXQ) - float64(sumX*q)) / det
		o := (float64(s*q) - sumX) / 32
		explained := sumX*sumX/32 + s*s*det/32
		if det == 0 || o < 0 {
			s, o = sumXQ/qq, 0
			explained = sumXQ * s
		}
		if explained > most && s > 0 {
			most, fitScale, fitOffset = explained, s, o
		}
	}
	return fitScale, fitOffset
}

// affineError is the squared error of x with this scale and offset and the best levels, or more than limit once it is clear
// that it is.
func affineError(x *[32]float64, s, o float64, top int, limit float64) float64 {
	inverse := invert(s)
	var sum float64
	for i, v := range x {
		e := v + o - float64(s*float64(levelOf((v+o)*inverse, top)))
		sum += float64(e * e)
		if i == 15 && sum > limit {
			break
		}
	}
	return sum
}

// roundAffine sets the levels for this scale and offset.
func roundAffine(q *[32]uint8, x *[32]float64, s, o float64, top int) {
	inverse := invert(s)
	for i, v := range x {
		q[i] = uint8(levelOf((v+o)*inverse, top))
	}
}

// levelOf rounds v, which an int can hold, to an integer in 0..top.
func levelOf(v float64, top int) int {
	return max(0, min(int(float64(v)+0.5), top))
}

// nearestOf returns the integer in 0..top whose multiple of step is nearest to v, both not negative.
func nearestOf(v, step float64, top int) int {
	if !(step > 0) {
		return 0
	}
	return levelOf(v/step, top)
}

// packScaleMin is the reverse of scaleMin, into bytes that are 0 where nothing has been packed.
func packScaleMin(p *[12]byte, j, s, o int) {
	if j < 4 {
		p[j] |= byte(s)
		p[j+4] |= byte(o)
		return
	}
	p[j+4] |= byte(s&15 | o&15<<4)
	p[j-4] |= byte(s >> 4 << 6)
	p[j] |= byte(o >> 4 << 6)
}

// quantizeQ6_K: see type.go for the layout.
func quantizeQ6_K(dst []byte, src []float32) {
	for len(src) >= 256 && len(dst) >= 210 {
		b := (*[210]byte)(dst)
		var q [256]uint8
		quantizeSymmetric((*[256]float32)(src), (*[18]byte)(b[192:]), &q)
		for half := range 2 {
			for i := range 32 {
				at := 128*half + i
				q0, q1, q2, q3 := q[at], q[at+32], q[at+64], q[at+96]
				b[64*half+i] = q0&15 | q2&15<<4
				b[64*half+32+i] = q1&15 | q3&15<<4
				b[128+32*half+i] = q0>>4 | q1>>4<<2 | q2>>4<<4 | q3>>4<<6
			}
		}
		src, dst = src[256:], dst[210:]
	}
}

// quantizeSymmetric finds the scales and levels of a Q6_K block. tail is the end of the block: sixteen int8 scales and their
// step as a half. q: the levels in order, 32 for zero.
func quantizeSymmetric(x *[256]float32, tail *[18]byte, q *[256]uint8) {
	clear(tail[:])
	if !finite(x[:]) {
		tail[16], tail[17] = halfNaN&0xff, halfNaN>>8
		return
	}
	var wide [256]float64
	var scales [16]float64
	var far float64
	for i, v := range x {
		wide[i] = float64(v)
	}
	for j := range 16 {
		scales[j] = fitSymmetric((*[16]float64)(wide[16*j:]))
		if math.Abs(scales[j]) > math.Abs(far) {
			far = scales[j]
		}
	}
	putStep(tail[16:], float32(far/-128))
	d := float64(scale(tail[16:]))
	for j := range 16 {
		sub := (*[16]float64)(wide[16*j:])
		s0 := 0
		if d != 0 {
			s0 = int(math.Round(max(-128, min(127, scales[j]/d))))
		}
		s, best := s0, math.Inf(1)
		for s1 := max(s0-1, -128); s1 <= min(s0+1, 127); s1++ {
			if e := symmetricError(sub, d*float64(s1)); e < best {
				best, s = e, s1
			}
		}
		tail[j] = byte(int8(s))
		inverse := invert(d * float64(s))
		for i, v := range sub {
			q[16*j+i] = uint8(signedLevelOf(v*inverse) + 32)
		}
	}
}

// fitSymmetric finds the scale, of either sign, such that x = scale*q fits well with integers q in -32..31. It tries steps
// around the one that makes the value farthest from zero -32, each with the least-squares scale of its levels.
func fitSymmetric(x *[16]float64) float64 {
	var far float64
	for _, v := range x {
		if math.Abs(v) > math.Abs(far) {
			far = v
		}
	}
	if far == 0 {
		return 0
	}
	var fit, most float64
	for step := -8; step <= 1; step++ {
		inverse := -(32 + float64(0.6*float64(step))) / far
		var sumQQ int
		var even, odd float64 // two chains of additions at a time
		for i := 0; i < 16; i += 2 {
			l, k := signedLevelOf(x[i]*inverse), signedLevelOf(x[i+1]*inverse)
			sumQQ += l*l + k*k
			even += float64(x[i] * float64(l))
			odd += float64(x[i+1] * float64(k))
		}
		sumXQ := even + odd
		if s := sumXQ / float64(sumQQ); sumXQ*s > most {
			most, fit = sumXQ*s, s
		}
	}
	return fit
}

// symmetricError is the squared error of x with this scale and the best levels.
func symmetricError(x *[16]float64, s float64) float64 {
	inverse := invert(s)
	var sum float64
	for _, v := range x {
		e := v - float64(s*float64(signedLevelOf(v*inverse)))
		sum += float64(e * e)
	}
	return sum
}

// invert returns 1/s, or 0 where s is 0 or, because the step overflowed a half, NaN.
func invert(s float64) float64 {
	if s == 0 || s != s {
		return 0
	}
	return 1 / s
}

// signedLevelOf rounds v to an integer in -32..31.
func signedLevelOf(v float64) int {
	return levelOf(float64(v)+32, 63) - 32
}

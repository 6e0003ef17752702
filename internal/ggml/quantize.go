// Float32 to blocks: the entry point and Q8_0. Source of the Q8_0 rule: quantize_row_q8_0_ref in llama.cpp's ggml-quants.c.

package ggml

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/x448/float16"
)

// Quantize converts src to a row of t.
//
//	src: [n], n a multiple of t.BlockLen()
//	dst: [t.RowSize(n)] bytes
//
// F16 and BF16 round to nearest, ties to even. The 32-element types are byte for byte what llama.cpp's reference computes;
// where that is undefined, because a NaN or an infinity makes no integer, the integer is the one that stands for 0. The K
// types have scales of this package's own choice. In all of them a block with a NaN or an infinity reads back as NaN, all of
// it: damage does not turn into plausible numbers.
//
// It allocates nothing. Panics if t is unknown or a length does not fit.
func Quantize(t Type, dst []byte, src []float32) {
	if want := t.RowSize(len(src)); len(dst) != want {
		panic(fmt.Sprintf("ggml: quantize %d elements to %s: have %d bytes, want %d", len(src), t, len(dst), want))
	}
	switch t {
	case F32:
		quantizeF32(dst, src)
	case F16:
		quantizeF16(dst, src)
	case BF16:
		quantizeBF16(dst, src)
	case Q8_0:
		quantizeQ8_0(dst, src)
	case Q4_0:
		quantizeQ4_0(dst, src)
	case Q4_1:
		quantizeQ4_1(dst, src)
	case Q5_0:
		quantizeQ5_0(dst, src)
	case Q5_1:
		quantizeQ5_1(dst, src)
	case Q4_K:
		quantizeQ4_K(dst, src)
	case Q5_K:
		quantizeQ5_K(dst, src)
	case Q6_K:
		quantizeQ6_K(dst, src)
	}
}

// quantizeQ8_0 sets d = max|x|/127 and q = round(x/d), halves away from zero. The quotient uses d before it is rounded to a
// half, as the reference does.
func quantizeQ8_0(dst []byte, src []float32) {
	for len(src) >= 32 && len(dst) >= 34 {
		x, b := (*[32]float32)(src), (*[34]byte)(dst)
		// Without their sign, floats are ordered as their bits are, and a NaN comes out on top.
		var most uint32
		for _, v := range x {
			most = max(most, math.Float32bits(v)&0x7fffffff)
		}
		d := math.Float32frombits(most) / 127
		var inverse float32
		if d != 0 {
			inverse = 1 / d
		}
		binary.LittleEndian.PutUint16(b[:], float16.Fromfloat32(d).Bits())
		for i, v := range x {
			b[2+i] = byte(roundInt8(v * inverse))
		}
		src, dst = src[32:], dst[34:]
	}
}

// roundInt8 rounds half away from zero, or returns 0 if x is out of range. Adding one half in float64 is exact where it
// matters; in float32, 0.49999997 would become 1.
func roundInt8(x float32) int8 {
	if !(x > -128 && x < 128) {
		return 0
	}
	return int8(int32(float64(x) + math.Copysign(0.5, float64(x))))
}

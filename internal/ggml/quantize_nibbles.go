// Float32 to the 32-element blocks of 4 and 5 bits. Source of the rules: quantize_row_q4_0_ref and its siblings in llama.cpp's
// ggml-quants.c, which these follow byte for byte. Products and sums round separately, as on processors without a fused
// multiply-add.

package ggml

import (
	"encoding/binary"
	"math"

	"github.com/x448/float16"
)

// halfNaN is the scale of a block that holds a NaN: all of it reads back as NaN.
const halfNaN = 0x7e00

// putHalf stores x as an IEEE half.
func putHalf(dst []byte, x float32) {
	binary.LittleEndian.PutUint16(dst, float16.Fromfloat32(x).Bits())
}

// quantizeQ4_0: the value farthest from zero becomes -8, or 15/2 on the other side is cut to 7.
func quantizeQ4_0(dst []byte, src []float32) {
	for len(src) >= 32 && len(dst) >= 18 {
		x, b := (*[32]float32)(src), (*[18]byte)(dst)
		d, inverse := symmetricScale(x, -8)
		putHalf(b[:], d)
		for i := range 16 {
			lo := level(float32(x[i]*inverse)+8.5, 15, 8)
			hi := level(float32(x[i+16]*inverse)+8.5, 15, 8)
			b[2+i] = byte(lo | hi<<4)
		}
		src, dst = src[32:], dst[18:]
	}
}

// quantizeQ5_0: as Q4_0, with the levels -16 to 15.
func quantizeQ5_0(dst []byte, src []float32) {
	for len(src) >= 32 && len(dst) >= 22 {
		x, b := (*[32]float32)(src), (*[22]byte)(dst)
		d, inverse := symmetricScale(x, -16)
		putHalf(b[:], d)
		var fifth uint32
		for i := range 16 {
			lo := level(float32(x[i]*inverse)+16.5, 31, 16)
			hi := level(float32(x[i+16]*inverse)+16.5, 31, 16)
			b[6+i] = byte(lo&15 | hi&15<<4)
			fifth |= lo>>4<<i | hi>>4<<(i+16)
		}
		binary.LittleEndian.PutUint32(b[2:], fifth)
		src, dst = src[32:], dst[22:]
	}
}

// quantizeQ4_1: the smallest value becomes 0 and the largest 15.
func quantizeQ4_1(dst []byte, src []float32) {
	for len(src) >= 32 && len(dst) >= 20 {
		x, b := (*[32]float32)(src), (*[20]byte)(dst)
		d, m, inverse := affineScale(x, 15)
		putHalf(b[:], d)
		putHalf(b[2:], m)
		for i := range 16 {
			lo := level(float32((x[i]-m)*inverse)+0.5, 15, 0)
			hi := level(float32((x[i+16]-m)*inverse)+0.5, 15, 0)
			b[4+i] = byte(lo | hi<<4)
		}
		src, dst = src[32:], dst[20:]
	}
}

// quantizeQ5_1: as Q4_1, with the levels 0 to 31.
func quantizeQ5_1(dst []byte, src []float32) {
	for len(src) >= 32 && len(dst) >= 24 {
		x, b := (*[32]float32)(src), (*[24]byte)(dst)
		d, m, inverse := affineScale(x, 31)
		putHalf(b[:], d)
		putHalf(b[2:], m)
		var fifth uint32
		for i := range 16 {
			lo := level(float32((x[i]-m)*inverse)+0.5, 31, 0)
			hi := level(float32((x[i+16]-m)*inverse)+0.5, 31, 0)
			b[8+i] = byte(lo&15 | hi&15<<4)
			fifth |= lo>>4<<i | hi>>4<<(i+16)
		}
		binary.LittleEndian.PutUint32(b[4:], fifth)
		src, dst = src[32:], dst[24:]
	}
}

// symmetricScale returns the step d that makes the value farthest from zero, the first if there are several, the level most,
// and its inverse, 0 where there is none. A NaN makes d a NaN.
func symmetricScale(x *[32]float32, most float32) (d, inverse float32) {
	var far, size float32
	for _, v := range x {
		if v != v {
			return v, 0
		}
		if a := float32(math.Abs(float64(v))); a > size {
			size, far = a, v
		}
	}
	if d = far / most; d != 0 {
		inverse = 1 / d
	}
	return d, inverse
}

// affineScale returns the step that makes the smallest value the level 0 and the largest the level top, the smallest value,
// and the step's inverse, 0 where there is none. A NaN makes all NaN.
func affineScale(x *[32]float32, top float32) (d, lowest, inverse float32) {
	lo, hi := x[0], x[0]
	for _, v := range x {
		if v != v {
			return v, v, v
		}
		if v < lo {
			lo = v
		}
		if v > hi {
			hi = v
		}
	}
	if d = (hi - lo) / top; d != 0 {
		inverse = 1 / d
	}
	return d, lo, inverse
}

// level cuts the fraction off v, which is the level plus one half, and bounds it by top. Where the reference is undefined,
// because v is no number that an int8 holds, it is zero: the level that stands for 0, with a step that is 0 or not finite.
func level(v float32, top, zero uint32) uint32 {
	if !(v > -1 && v < 128) {
		return zero
	}
	return min(uint32(int32(v)), top)
}

// Half-precision floats as rows of little-endian bytes: the loops are here because a matmul calls them once a weight row.
// Single values go through x448/float16.

package ggml

import (
	"encoding/binary"
	"math"

	"github.com/x448/float16"
)

// halfToFloat converts an IEEE half, given in the low 16 bits, exactly.
//
// The common case, a normal number, is one add and one shift: the exponent's bias changes from 15 to 127. A subnormal is
// converted as an integer instead of by scaling a subnormal float32, which costs some processors a hundred cycles.
func halfToFloat(h uint32) float32 {
	sign := (h & 0x8000) << 16
	mag := h & 0x7fff
	if mag-0x0400 < 0x7c00-0x0400 {
		return math.Float32frombits(sign | (mag<<13 + (127-15)<<23))
	}
	return halfSpecial(sign, mag)
}

// halfSpecial is halfToFloat for zeros, subnormals, infinities and NaNs. It is apart so that halfToFloat can be inlined.
func halfSpecial(sign, mag uint32) float32 {
	if mag >= 0x7c00 {
		return math.Float32frombits(sign | 0x7f800000 | (mag&0x03ff)<<13)
	}
	return math.Float32frombits(sign | math.Float32bits(float32(int32(mag))*0x1p-24))
}

// scale reads the half float at the start of b.
func scale(b []byte) float32 {
	return halfToFloat(uint32(binary.LittleEndian.Uint16(b)))
}

// dequantizeF16: src [2*len(dst)].
func dequantizeF16(dst []float32, src []byte) {
	for len(dst) >= 4 && len(src) >= 8 {
		y, x := (*[4]float32)(dst), binary.LittleEndian.Uint64(src)
		y[0] = halfToFloat(uint32(x) & 0xffff)
		y[1] = halfToFloat(uint32(x) >> 16)
		y[2] = halfToFloat(uint32(x>>32) & 0xffff)
		y[3] = halfToFloat(uint32(x >> 48))
		dst, src = dst[4:], src[8:]
	}
	for i := range dst {
		dst[i] = scale(src[2*i:])
	}
}

// dequantizeBF16: src [2*len(dst)].
func dequantizeBF16(dst []float32, src []byte) {
	for len(dst) >= 4 && len(src) >= 8 {
		y, x := (*[4]float32)(dst), binary.LittleEndian.Uint64(src)
		y[0] = math.Float32frombits(uint32(x) << 16)
		y[1] = math.Float32frombits(uint32(x) & 0xffff0000)
		y[2] = math.Float32frombits(uint32(x>>32) << 16)
		y[3] = math.Float32frombits(uint32(x>>32) & 0xffff0000)
		dst, src = dst[4:], src[8:]
	}
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
	}
}

// dequantizeF32: src [4*len(dst)].
func dequantizeF32(dst []float32, src []byte) {
	for len(dst) >= 4 && len(src) >= 16 {
		y, x := (*[4]float32)(dst), (*[16]byte)(src)
		y[0] = math.Float32frombits(binary.LittleEndian.Uint32(x[0:]))
		y[1] = math.Float32frombits(binary.LittleEndian.Uint32(x[4:]))
		y[2] = math.Float32frombits(binary.LittleEndian.Uint32(x[8:]))
		y[3] = math.Float32frombits(binary.LittleEndian.Uint32(x[12:]))
		dst, src = dst[4:], src[16:]
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

// quantizeF32: dst [4*len(src)].
func quantizeF32(dst []byte, src []float32) {
	for i, x := range src {
		binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(x))
	}
}

// quantizeF16 rounds to nearest, ties to even; what is too large becomes infinite. dst: [2*len(src)].
func quantizeF16(dst []byte, src []float32) {
	for i, x := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], float16.Fromfloat32(x).Bits())
	}
}

// quantizeBF16 rounds to nearest, ties to even. A NaN keeps its sign and the upper bits of its payload and becomes quiet, or
// cutting the lower bits off could turn it into an infinity. dst: [2*len(src)].
func quantizeBF16(dst []byte, src []float32) {
	for i, x := range src {
		u := math.Float32bits(x)
		if u&0x7fffffff > 0x7f800000 {
			u |= 1 << 22
		} else {
			u += 0x7fff + u>>16&1
		}
		binary.LittleEndian.PutUint16(dst[2*i:], uint16(u>>16))
	}
}

// Blocks to float32: the entry point and the 32-element blocks. See type.go for the layouts.
//
// All products are exact: a half float has 11 significant bits, a scale at most 7 more and a quant at most 6, which fits the
// 24 of a float32. So only a sum can round, once, whether or not the compiler fuses it with the product before it, and every
// processor computes the same bits.

package ggml

import (
	"encoding/binary"
	"fmt"
)

// Dequantize converts the row src to float32.
//
//	dst: [n], n a multiple of t.BlockLen()
//	src: [t.RowSize(n)] bytes
//
// It allocates nothing, and the result is the same bits on every processor. Panics if t is unknown or a length does not fit.
func Dequantize(t Type, dst []float32, src []byte) {
	if want := t.RowSize(len(dst)); len(src) != want {
		panic(fmt.Sprintf("ggml: dequantize %d elements of %s: have %d bytes, want %d", len(dst), t, len(src), want))
	}
	switch t {
	case F32:
		dequantizeF32(dst, src)
	case F16:
		dequantizeF16(dst, src)
	case BF16:
		dequantizeBF16(dst, src)
	case Q8_0:
		dequantizeQ8_0(dst, src)
	case Q4_0:
		dequantizeQ4_0(dst, src)
	case Q4_1:
		dequantizeQ4_1(dst, src)
	case Q5_0:
		dequantizeQ5_0(dst, src)
	case Q5_1:
		dequantizeQ5_1(dst, src)
	case Q4_K:
		dequantizeQ4_K(dst, src)
	case Q5_K:
		dequantizeQ5_K(dst, src)
	case Q6_K:
		dequantizeQ6_K(dst, src)
	}
}

// dequantizeQ8_0: x = d*q.
func dequantizeQ8_0(dst []float32, src []byte) {
	for len(dst) >= 32 && len(src) >= 34 {
		y, b := (*[32]float32)(dst), (*[34]byte)(src)
		d := scale(b[:])
		q := (*[32]byte)(b[2:])
		for i := range y {
			y[i] = d * float32(int8(q[i]))
		}
		dst, src = dst[32:], src[34:]
	}
}

// dequantizeQ4_0: x = d*(q-8). Byte i holds element i below and element i+16 above, as in all 32-element nibble blocks.
func dequantizeQ4_0(dst []float32, src []byte) {
	for len(dst) >= 32 && len(src) >= 18 {
		y, b := (*[32]float32)(dst), (*[18]byte)(src)
		d := scale(b[:])
		q := (*[16]byte)(b[2:])
		for i, v := range q {
			y[i] = d * float32(int32(v&15)-8)
			y[i+16] = d * float32(int32(v>>4)-8)
		}
		dst, src = dst[32:], src[18:]
	}
}

// dequantizeQ4_1: x = d*q + m.
func dequantizeQ4_1(dst []float32, src []byte) {
	for len(dst) >= 32 && len(src) >= 20 {
		y, b := (*[32]float32)(dst), (*[20]byte)(src)
		d, m := scale(b[:]), scale(b[2:])
		q := (*[16]byte)(b[4:])
		for i, v := range q {
			y[i] = d*float32(int32(v&15)) + m
			y[i+16] = d*float32(int32(v>>4)) + m
		}
		dst, src = dst[32:], src[20:]
	}
}

// dequantizeQ5_0: x = d*(q-16). Bit i of the u32 is the fifth bit of element i.
func dequantizeQ5_0(dst []float32, src []byte) {
	for len(dst) >= 32 && len(src) >= 22 {
		y, b := (*[32]float32)(dst), (*[22]byte)(src)
		d := scale(b[:])
		h := binary.LittleEndian.Uint32(b[2:])
		q := (*[16]byte)(b[6:])
		for i, v := range q {
			lo := int32(uint32(v&15) | h&1<<4)
			hi := int32(uint32(v>>4) | h>>16&1<<4)
			h >>= 1
			y[i] = d * float32(lo-16)
			y[i+16] = d * float32(hi-16)
		}
		dst, src = dst[32:], src[22:]
	}
}

// dequantizeQ5_1: x = d*q + m.
func dequantizeQ5_1(dst []float32, src []byte) {
	for len(dst) >= 32 && len(src) >= 24 {
		y, b := (*[32]float32)(dst), (*[24]byte)(src)
		d, m := scale(b[:]), scale(b[2:])
		h := binary.LittleEndian.Uint32(b[4:])
		q := (*[16]byte)(b[8:])
		for i, v := range q {
			lo := int32(uint32(v&15) | h&1<<4)
			hi := int32(uint32(v>>4) | h>>16&1<<4)
			h >>= 1
			y[i] = d*float32(lo) + m
			y[i+16] = d*float32(hi) + m
		}
		dst, src = dst[32:], src[24:]
	}
}

// Blocks to float32: the 256-element "K" blocks, whose sub-blocks have small integer scales of their own. See type.go for
// the layouts.

package ggml

// scaleMin unpacks the 6-bit scale and offset of sub-block j in 0..7 of a Q4_K or Q5_K block. Bytes 0-3 hold the scales 0-3
// and bytes 4-7 the offsets 0-3 in their low six bits; the others have their low nibbles in bytes 8-11 (scale below, offset
// above) and their top two bits in the spare bits of bytes 0-7.
func scaleMin(p *[12]byte, j int) (s, o float32) {
	if j < 4 {
		return float32(int32(p[j] & 63)), float32(int32(p[j+4] & 63))
	}
	return float32(int32(p[j+4]&15 | p[j-4]>>6<<4)), float32(int32(p[j+4]>>4 | p[j]>>6<<4))
}

// dequantizeQ4_K: x = (d*s)*q - m*o. Each run of 32 bytes holds two sub-blocks: the first in the low nibbles, the second in
// the high ones.
func dequantizeQ4_K(dst []float32, src []byte) {
	for len(dst) >= 256 && len(src) >= 144 {
		y, b := (*[256]float32)(dst), (*[144]byte)(src)
		d, m := scale(b[:]), scale(b[2:])
		p := (*[12]byte)(b[4:])
		for j := 0; j < 8; j += 2 {
			s, o := scaleMin(p, j)
			d1, m1 := d*s, m*o
			s, o = scaleMin(p, j+1)
			d2, m2 := d*s, m*o
			q := (*[32]byte)(b[16+16*j:])
			lo, hi := (*[32]float32)(y[32*j:]), (*[32]float32)(y[32*j+32:])
			for i, v := range q {
				lo[i] = d1*float32(int32(v&15)) - m1
				hi[i] = d2*float32(int32(v>>4)) - m2
			}
		}
		dst, src = dst[256:], src[144:]
	}
}

// dequantizeQ5_K: as Q4_K, with bit j of fifth-bit byte i belonging to element i of sub-block j.
func dequantizeQ5_K(dst []float32, src []byte) {
	for len(dst) >= 256 && len(src) >= 176 {
		y, b := (*[256]float32)(dst), (*[176]byte)(src)
		d, m := scale(b[:]), scale(b[2:])
		p := (*[12]byte)(b[4:])
		h := (*[32]byte)(b[16:])
		for j := 0; j < 8; j += 2 {
			s, o := scaleMin(p, j)
			d1, m1 := d*s, m*o
			s, o = scaleMin(p, j+1)
			d2, m2 := d*s, m*o
			q := (*[32]byte)(b[48+16*j:])
			lo, hi := (*[32]float32)(y[32*j:]), (*[32]float32)(y[32*j+32:])
			for i, v := range q {
				top := h[i] >> j
				lo[i] = d1*float32(int32(v&15|top&1<<4)) - m1
				hi[i] = d2*float32(int32(v>>4|top&2<<3)) - m2
			}
		}
		dst, src = dst[256:], src[176:]
	}
}

// dequantizeQ6_K: x = (d*s)*(q-32). Each half of 128 elements has 64 bytes of low nibbles and 32 bytes of high pairs: byte i
// of the pairs serves the elements i, i+32, i+64 and i+96, whose low nibbles are in bytes i and i+32, low and high. A scale
// covers 16 elements.
func dequantizeQ6_K(dst []float32, src []byte) {
	for len(dst) >= 256 && len(src) >= 210 {
		b := (*[210]byte)(src)
		d := scale(b[208:])
		for half := range 2 {
			y := (*[128]float32)(dst[128*half:])
			ql := (*[64]byte)(b[64*half:])
			qh := (*[32]byte)(b[128+32*half:])
			s := (*[8]byte)(b[192+8*half:])
			for part := range 2 { // elements 0-15 and 16-31 of each 32
				d0 := d * float32(int8(s[part]))
				d1 := d * float32(int8(s[part+2]))
				d2 := d * float32(int8(s[part+4]))
				d3 := d * float32(int8(s[part+6]))
				for i := 16 * part; i < 16*part+16; i++ {
					a, c, h := ql[i], ql[i+32], qh[i]
					y[i] = d0 * float32(int32(a&15|h&3<<4)-32)
					y[i+32] = d1 * float32(int32(c&15|h>>2&3<<4)-32)
					y[i+64] = d2 * float32(int32(a>>4|h>>4&3<<4)-32)
					y[i+96] = d3 * float32(int32(c>>4|h>>6<<4)-32)
				}
			}
		}
		dst, src = dst[256:], src[210:]
	}
}

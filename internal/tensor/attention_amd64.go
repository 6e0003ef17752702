//go:build !noasm

package tensor

import "unsafe"

// The widest tiles of rows.
const (
	mixRowsAVX512 = 6
	mixRowsAVX2   = 3
)

func mixAVX512(out []float32, ldo int, p []float32, ldp, n int, values []float32, d, count int) {
	width := d &^ 15
	for c := 0; c < n && width > 0; {
		tile := dotTile(n-c, mixRowsAVX512)
		mixTileF32AVX512(tile, &out[c*ldo], ldo, width, &p[c*ldp], ldp, count, &values[0], d)
		c += tile
	}
	// What is left beyond the vectors, with the same bits.
	for c := range n {
		for j := width; j < d; j++ {
			for i, u := range p[c*ldp:][:count] {
				out[c*ldo+j] = fma(u, values[i*d+j], out[c*ldo+j])
			}
		}
	}
}

func mixF16AVX512(out []float32, ldo int, p []float32, ldp, n int, values []uint16, d, count int) {
	if d%16 != 0 {
		mixF16Generic(out, ldo, p, ldp, n, values, d, count)
		return
	}
	for c := 0; c < n; {
		tile := dotTile(n-c, mixRowsAVX512)
		mixTileF16AVX512(tile, &out[c*ldo], ldo, d, &p[c*ldp], ldp, count, &values[0], d)
		c += tile
	}
}

func scoresF16AVX512(s []float32, lds int, keys []uint16, count int, q []float32, ldq, n, d int) {
	if d%16 != 0 {
		scoresF16Generic(s, lds, keys, count, q, ldq, n, d)
		return
	}
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(keys))), 2*len(keys))
	dotF16AVX512(s, lds, bytes, count, q, ldq, n, d, nil)
}

func halfAVX512(dst []uint16, src []float32) {
	n := tail(len(src))
	if n > 0 {
		halfAsmAVX512(&dst[0], &src[0], n)
	}
	halfGeneric(dst[n:], src[n:])
}

func mixAVX2(out []float32, ldo int, p []float32, ldp, n int, values []float32, d, count int) {
	width := d &^ 7
	for c := 0; c < n && width > 0; {
		tile := dotTile(n-c, mixRowsAVX2)
		mixTileF32AVX2(tile, &out[c*ldo], ldo, width, &p[c*ldp], ldp, count, &values[0], d)
		c += tile
	}
	// What is left beyond the vectors, with the same bits.
	for c := range n {
		for j := width; j < d; j++ {
			for i, u := range p[c*ldp:][:count] {
				out[c*ldo+j] = fma(u, values[i*d+j], out[c*ldo+j])
			}
		}
	}
}

func mixF16AVX2(out []float32, ldo int, p []float32, ldp, n int, values []uint16, d, count int) {
	if d%16 != 0 {
		mixF16Generic(out, ldo, p, ldp, n, values, d, count)
		return
	}
	for c := 0; c < n; {
		tile := dotTile(n-c, mixRowsAVX2)
		mixTileF16AVX2(tile, &out[c*ldo], ldo, d, &p[c*ldp], ldp, count, &values[0], d)
		c += tile
	}
}

func scoresF16AVX2(s []float32, lds int, keys []uint16, count int, q []float32, ldq, n, d int) {
	if d%16 != 0 {
		scoresF16Generic(s, lds, keys, count, q, ldq, n, d)
		return
	}
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(keys))), 2*len(keys))
	dotF16AVX2(s, lds, bytes, count, q, ldq, n, d, nil)
}

func halfAVX2(dst []uint16, src []float32) {
	n := tail(len(src))
	if n > 0 {
		halfAsmAVX2(&dst[0], &src[0], n)
	}
	halfGeneric(dst[n:], src[n:])
}

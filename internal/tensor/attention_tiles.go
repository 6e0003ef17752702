//go:build !noasm && (amd64 || arm64)

package tensor

import "unsafe"

// A scoresKernel is one of the functions scoresTile..., for keys of type T. It
// fetches what lies before end and then, instead of what lies behind it, ahead.
type scoresKernel[T float32 | uint16] func(columns int, s *float32, lds int, keys *T, blocks int, q *float32, ldq, d int, end, ahead uintptr)

// tiled is kernels.scores with a kernel for tiles of up to widest columns.
func (tile scoresKernel[T]) tiled(widest int, s []float32, lds int, q []float32, ldq, n int, keys []T, d, lo, hi int, work []float32, ahead uintptr) {
	end, ahead := fetched(keys, ahead)
	spill := 0 // how many scores more fit behind each row's
	if whole := KeyLen(hi, 1) - lo; whole <= lds && (n-1)*lds+whole <= len(s) {
		spill = KeyBlock - 1
	}
	for c := 0; c < n; {
		columns := dotTile(n-c, widest)
		q := &q[c*ldq]
		for at := lo; at < hi; {
			to, first := c*lds+at-lo, at%KeyBlock
			if blocks := (hi - at + spill) / KeyBlock; first == 0 && blocks > 0 {
				tile(columns, &s[to], lds, &keys[at*d], blocks, q, ldq, d, end, ahead)
				at += blocks * KeyBlock
				continue
			}
			// Part of a block: the others' scores must not be written.
			tile(columns, &work[0], KeyBlock, &keys[(at-first)*d], 1, q, ldq, d, end, ahead)
			part := min(KeyBlock-first, hi-at)
			for i := range columns {
				copy(s[to+i*lds:][:part], work[i*KeyBlock+first:])
			}
			at += part
		}
		c += columns
	}
}

// fetched returns the end of a slice and what to fetch beyond it: its own
// beginning, which is there already, if nothing is wanted.
func fetched[T any](s []T, ahead uintptr) (end, beyond uintptr) {
	start := Address(s)
	if ahead == 0 {
		ahead = start
	}
	return start + uintptr(len(s))*unsafe.Sizeof(s[0]), ahead
}

// mixBlock is how many values, about, are mixed before other rows or outputs
// have their turn: 8 or 16 KiB, which stay in the first cache.
const mixBlock = 4096

// A mixKernel is one of the functions mixTile..., for values of type T. It
// fetches as a scoresKernel does.
type mixKernel[T float32 | uint16] func(rows int, out *float32, ldo, width int, p *float32, ldp, n int, values *T, stride int, end, ahead uintptr)

// tiled is kernels.mix with a kernel for tiles of up to widest rows and
// vectors of so many lanes.
func (tile mixKernel[T]) tiled(widest, lanes int, out []float32, ldo int, p []float32, ldp, n int, values []T, d, count int, ahead uintptr) {
	end, ahead := fetched(values, ahead)
	width := d &^ (lanes - 1)
	block := max(1, mixBlock/d)
	for lo := 0; lo < count && width > 0; lo += block {
		m := min(block, count-lo)
		for c := 0; c < n; {
			rows := dotTile(n-c, widest)
			tile(rows, &out[c*ldo], ldo, width, &p[c*ldp+lo], ldp, m, &values[lo*d], d, end, ahead)
			c += rows
		}
	}
	// What is left beyond the vectors, with the same bits.
	for c := range n {
		for j := width; j < d; j++ {
			sum := out[c*ldo+j]
			for i, u := range p[c*ldp:][:count] {
				sum = fma(u, widen(values[i*d+j]), sum)
			}
			out[c*ldo+j] = sum
		}
	}
}

// widen converts a half float; a float32 stays as it is.
func widen[T float32 | uint16](v T) float32 {
	if h, ok := any(v).(uint16); ok {
		return halfToFloat(h)
	}
	return float32(v)
}

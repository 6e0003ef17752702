//go:build !noasm && (amd64 || arm64)

package tensor

import "unsafe"

// A scoresKernel is one of the functions scoresTile..., for keys of type T, which
// end at end. It fetches what a Stream says.
type scoresKernel[T float32 | uint16] func(columns int, s *float32, lds int, keys *T, blocks int, q *float32, ldq, d int, end, ahead, limit, then uintptr)

// tiled is kernels.scores with a kernel for tiles of up to widest columns.
func (tile scoresKernel[T]) tiled(widest int, s []float32, lds int, q []float32, ldq int, keys []T, d int, runs []Run, work []float32, ahead *Stream) {
	size := KeyBlock * d * int(unsafe.Sizeof(keys[0]))
	for i := range runs {
		r := &runs[i]
		last := KeyLen(r.Hi, 1) // the end of the run's last block
		end := Address(keys) + uintptr(last/KeyBlock*size)
		spill := 0 // how many scores more fit behind each row's
		if behind := r.At + last - r.Lo; behind <= lds && (r.End-1)*lds+behind <= len(s) {
			spill = KeyBlock - 1
		}
		for c := r.First; c < r.End; {
			columns := dotTile(r.End-c, widest)
			q := &q[c*ldq]
			for at := r.Lo; at < r.Hi; {
				to, first := c*lds+r.At+at-r.Lo, at%KeyBlock
				blocks := (r.Hi - at + spill) / KeyBlock
				whole := first == 0 && blocks > 0
				if !whole {
					blocks = 1
				}
				key := &keys[(at-first)*d]
				f := here(uintptr(unsafe.Pointer(key)))
				if c == r.First { // later tiles find the keys in a cache
					blocks = ahead.piece(blocks*size, size) / size
					f = ahead.take(blocks*size, f.at, end)
				}
				if whole {
					tile(columns, &s[to], lds, key, blocks, q, ldq, d, end, f.at, f.limit, f.then)
					at += blocks * KeyBlock
					continue
				}
				// Part of a block: the others' scores must not be written.
				tile(columns, &work[0], KeyBlock, key, 1, q, ldq, d, end, f.at, f.limit, f.then)
				part := min(KeyBlock-first, r.Hi-at)
				for i := range columns {
					copy(s[to+i*lds:][:part], work[i*KeyBlock+first:])
				}
				at += part
			}
			c += columns
		}
	}
}

// mixBlock is how many values, about, are mixed before other rows or outputs
// have their turn: 8 or 16 KiB, which stay in the first cache.
const mixBlock = 4096

// A mixKernel is one of the functions mixTile..., for values of type T, which end
// at end. It fetches what a Stream says.
type mixKernel[T float32 | uint16] func(rows int, out *float32, ldo, width int, p *float32, ldp, n int, values *T, stride int, end, ahead, limit, then uintptr)

// tiled is kernels.mix with a kernel for tiles of up to len(vectors) rows, which
// have so many vectors of so many lanes.
func (tile mixKernel[T]) tiled(vectors []int, lanes int, out []float32, ldo int, p []float32, ldp int, values []T, d int, runs []Run, ahead *Stream) {
	size := d * int(unsafe.Sizeof(values[0]))
	width := d &^ (lanes - 1)
	for i := range runs {
		r := &runs[i]
		n, end := r.End-r.First, Address(values)+uintptr(r.Hi*size)
		block := max(1, mixBlock/d)
		if n <= len(vectors) && width <= vectors[n-1]*lanes {
			block = r.Hi - r.Lo // a single tile reads each value once
		}
		for lo, m := r.Lo, 0; lo < r.Hi && width > 0; lo += m {
			m = ahead.piece(min(block, r.Hi-lo)*size, size) / size
			own := uintptr(unsafe.Pointer(&values[lo*d]))
			f := ahead.take(m*size, own, end)
			for c := r.First; c < r.End; {
				rows := dotTile(r.End-c, len(vectors))
				tile(rows, &out[c*ldo], ldo, width, &p[c*ldp+r.At+lo-r.Lo], ldp, m, &values[lo*d], d, end, f.at, f.limit, f.then)
				f = here(own)
				c += rows
			}
		}
		// What is left beyond the vectors, with the same bits.
		for c := r.First; c < r.End && width < d; c++ {
			for j := width; j < d; j++ {
				sum := out[c*ldo+j]
				for i, u := range p[c*ldp+r.At:][:r.Hi-r.Lo] {
					sum = fma(u, widen(values[(r.Lo+i)*d+j]), sum)
				}
				out[c*ldo+j] = sum
			}
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

//go:build !noasm && (amd64 || arm64)

package tensor

import (
	"unsafe"

	"github.com/zipar/zipar/internal/ggml"
)

// How assembly is called, the same for every processor that has some: in
// tiles of columns, for whole vectors, after checks of all lengths.

// dotTile is how many of n columns the next tile takes. Tiles of about equal
// width leave no narrow, slow one at the end.
func dotTile(n, widest int) int {
	tiles := (n + widest - 1) / widest
	return (n + tiles - 1) / tiles
}

// A dotMode says what a kernel does with the chains of its outputs, which
// wait in carry while other blocks of k are computed. Several blocks one after
// the other give the bits of a single long one.
type dotMode = int

const (
	dotResume  dotMode = 1 // take the chains from carry, do not start them
	dotSuspend dotMode = 2 // leave them in carry, do not add them up
)

// dotNoBlocks is for weights that are converted: that takes longer than waiting
// for columns that are not in the first cache.
const dotNoBlocks = 0

// A dotKernel is one of the functions dotTile..., for weights stored as T.
type dotKernel[T float32 | byte] func(columns int, y *float32, ldy int, w *T, ldw, rows int, x *float32, ldx, k int,
	carry *float32, mode dotMode, ahead uintptr, step int)

// tiled is kernels.dot with a kernel for tiles of up to len(tileRows) columns,
// which have so many rows, and blocks of about most values of a row. size is
// how many T a weight has.
func (tile dotKernel[T]) tiled(tileRows []int, most, size int, y []float32, ldy int, w []T, rows int, x []float32, ldx, n, k int, carry []float32, ahead uintptr) {
	if rows <= 0 || n <= 0 || k <= 0 {
		return
	}
	_, _, _ = y[(n-1)*ldy+rows-1], x[(n-1)*ldx+k-1], w[rows*k*size-1]
	widest := len(tileRows)
	// Few columns wait for the weights from memory, which come faster in one go.
	blocks := 1
	if most > 0 && n > widest && len(carry) >= dotCarry {
		blocks = (k + most - 1) / most
	}
	block := ((k+blocks-1)/blocks + 15) &^ 15
	tiles := (n + widest - 1) / widest
	for r := 0; r < rows; r += dotGroup {
		m := min(dotGroup, rows-r)
		next := ahead
		if r+m < rows {
			next = uintptr(unsafe.Pointer(&w[(r+m)*k*size]))
		}
		// The bytes that are fetched during a tile of columns.
		share := m * k * size * int(unsafe.Sizeof(w[0])) / tiles
		for c := 0; c < n; {
			columns := dotTile(n-c, widest)
			steps := (m + tileRows[columns-1] - 1) / tileRows[columns-1] // for 16 values of the rows
			at, step := next, 0
			if next == 0 {
				at = uintptr(unsafe.Pointer(&w[r*k*size])) // which is there already
			} else if k >= 16 {
				step = (share + steps*(k/16) - 1) / (steps * (k / 16))
			}
			for lo := 0; lo < k; lo += block {
				mode := dotResume | dotSuspend
				if lo == 0 {
					mode &^= dotResume
				}
				if lo+block >= k {
					mode &^= dotSuspend
				}
				var chains *float32
				if blocks > 1 {
					chains = &carry[0]
				}
				length := min(block, k-lo)
				tile(columns, &y[c*ldy+r], ldy, &w[(r*k+lo)*size], k, m, &x[c*ldx+lo], ldx, length, chains, mode, at, step)
				at += uintptr(steps * (length / 16) * step)
			}
			if next != 0 {
				next += uintptr(share)
			}
			c += columns
		}
	}
}

// A nibbleTile computes the first columns of n.
type nibbleTile func(columns int, y *float32, ldy int, quants *byte, scales *byte,
	xq *int8, xs *float32, xp *int32, xm *float32, n int, blocks int)

// nibbleKernel returns the product that is made of tiles of at most so many
// columns.
func nibbleKernel(typ ggml.Type, tile nibbleTile, most int) packedKernel {
	f := nibbleTypes[typ] // nil for Q8_0
	return func(y []float32, ldy int, g packedGroup, n int, x *q8Columns) {
		quants, scales := packings[typ].size(x.blocks)
		_, _, _ = y[(x.n-1)*ldy+n*packedRows-1], g.quants[n*quants-1], g.scales[n*scales-1]
		preset, step := x.preset, 1
		if f != nil && f.form == sixteenScales {
			preset, step = x.halves, 2
		}
		_, _, _ = preset[step*x.n*x.blocks-1], x.sums[x.n*x.blocks-1], x.quants[x.n*x.blocks*q8Block-1]
		for i := range n {
			for c := 0; c < x.n; {
				columns := dotTile(x.n-c, most)
				tile(columns, &y[c*ldy+i*packedRows], ldy, &g.quants[i*quants], &g.scales[i*scales],
					&x.quants[c*q8Block], &x.scales[c], &preset[c], &x.sums[c], x.n, x.blocks)
				c += columns
			}
		}
	}
}

// checkConv panics unless the buffers are as large as the tile needs.
func checkConv(t *convTile, pixels int) {
	last := pixels - 1
	_ = t.dst[last*t.dstStride+convGroup-1]
	_ = t.init[last*t.initStride+convGroup-1]
	_ = t.src[last*t.srcStride+t.k-1]
	_ = t.panel[t.k*convGroup-1]
}

// putting is kernels.put with assembly for whole groups of channels: set for
// putting, plus for adding.
func putting(set, plus func(dst *float32, stride int, x *float32, pixels int)) func(dst []float32, stride, channels int, x []float32, add bool) {
	return func(dst []float32, stride, channels int, x []float32, add bool) {
		pixels := len(x) / convGroup
		if channels != convGroup || pixels == 0 {
			putGeneric(dst, stride, channels, x, add)
			return
		}
		_ = dst[(pixels-1)*stride+convGroup-1]
		if add {
			plus(&dst[0], stride, &x[0], pixels)
		} else {
			set(&dst[0], stride, &x[0], pixels)
		}
	}
}

// winogradIn is kernels.winogradInput with assembly for whole blocks of 16
// channels.
func winogradIn(asm func(v *float32, step int, src *float32, rowLen, channels int)) func(v []float32, step int, src []float32, rowLen, channels int) {
	return func(v []float32, step int, src []float32, rowLen, channels int) {
		if channels%16 != 0 {
			winogradInputGeneric(v, step, src, rowLen, channels)
			return
		}
		_, _ = v[(winogradPoints-1)*step+channels-1], src[(winogradPatch-1)*rowLen+winogradPatch*channels-1]
		asm(&v[0], step, &src[0], rowLen, channels)
	}
}

// winogradOut is kernels.winogradOutput with assembly: set for putting, plus
// for adding.
func winogradOut(set, plus func(dst *float32, rowLen, stride int, m *float32, step int, bias *float32)) func(dst []float32, rowLen, stride int, m []float32, step int, bias []float32, add bool) {
	return func(dst []float32, rowLen, stride int, m []float32, step int, bias []float32, add bool) {
		_, _ = dst[(winogradTile-1)*(rowLen+stride)+convGroup-1], m[(winogradPoints-1)*step+convGroup-1]
		_ = bias[convGroup-1]
		if add {
			plus(&dst[0], rowLen, stride, &m[0], step, &bias[0])
		} else {
			set(&dst[0], rowLen, stride, &m[0], step, &bias[0])
		}
	}
}

// The elementwise assembly does whole blocks of 16 values, the portable kernels
// the rest: both give the same bits.

// tail is where the last block of 16 of n values ends.
func tail(n int) int { return n &^ 15 }

// halving is kernels.half.
func halving(asm func(dst *uint16, src *float32, n int)) func(dst []uint16, src []float32) {
	return func(dst []uint16, src []float32) {
		n := tail(len(src))
		if n > 0 {
			asm(&dst[0], &src[0], n)
		}
		halfGeneric(dst[n:], src[n:])
	}
}

// rotating is kernels.rotate with a kernel for one head.
func rotating(asm func(x, turn *float32, n int, scale float32)) func(x, turn []float32, scale float32) {
	return func(x, turn []float32, scale float32) {
		n := len(turn)
		if n == 0 || n != tail(n) {
			rotateGeneric(x, turn, scale)
			return
		}
		for ; len(x) >= n; x = x[n:] {
			asm(&x[0], &turn[0], n, scale)
		}
	}
}

func reading(asm func(p *byte, n int) uint32) func(b []byte) uint32 {
	return func(b []byte) uint32 {
		_ = b[len(b)&^(readStep-1)-1]
		return asm(&b[0], len(b))
	}
}

func peaking(asm func(sums *uint32, rounds int)) func(sums *[peakSums]uint32, rounds int) {
	return func(sums *[peakSums]uint32, rounds int) { asm(&sums[0], rounds) }
}

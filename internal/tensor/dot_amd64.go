//go:build !noasm

package tensor

// The widest tiles of columns.
const (
	dotColumnsAVX512 = 8
	dotColumnsAVX2   = 3
)

// A dotMode says what a kernel does with the chains of its outputs, which
// wait in carry while other blocks of k are computed. Several blocks one after
// the other give the bits of a single long one.
type dotMode = int

const (
	dotResume  dotMode = 1 // take the chains from carry, do not start them
	dotSuspend dotMode = 2 // leave them in carry, do not add them up
)

// How many values of a row, about, are multiplied before the next rows get
// their turn, so that a tile's columns and rows stay in the first cache: 22
// and 20 KiB. Halves have no blocks: converting them takes longer than waiting
// for the columns.
const (
	dotBlockAVX512 = 512
	dotBlockAVX2   = 1024
	dotNoBlocks    = 0
)

// dotTile is how many of n columns the next tile takes. Tiles of about equal
// width leave no narrow, slow one at the end.
func dotTile(n, widest int) int {
	tiles := (n + widest - 1) / widest
	return (n + tiles - 1) / tiles
}

// A dotKernel is one of the functions dotTile..., for weights stored as T.
type dotKernel[T float32 | byte] func(columns int, y *float32, ldy int, w *T, ldw, rows int, x *float32, ldx, k int, carry *float32, mode dotMode)

// tiled is kernels.dot with a kernel for tiles of up to widest columns and
// blocks of about most values of a row. size is how many T a weight has.
func (tile dotKernel[T]) tiled(widest, most, size int, y []float32, ldy int, w []T, rows int, x []float32, ldx, n, k int, carry []float32) {
	if rows <= 0 || n <= 0 || k <= 0 {
		return
	}
	_, _, _ = y[(n-1)*ldy+rows-1], x[(n-1)*ldx+k-1], w[rows*k*size-1]
	// Few columns wait for the weights from memory, which come faster in one go.
	blocks := 1
	if most > 0 && n > widest && len(carry) >= dotCarry {
		blocks = (k + most - 1) / most
	}
	block := ((k+blocks-1)/blocks + 15) &^ 15
	for c := 0; c < n; {
		columns := dotTile(n-c, widest)
		if blocks == 1 {
			tile(columns, &y[c*ldy], ldy, &w[0], k, rows, &x[c*ldx], ldx, k, nil, 0)
			c += columns
			continue
		}
		for r := 0; r < rows; r += matmulRows {
			m := min(matmulRows, rows-r)
			for lo := 0; lo < k; lo += block {
				mode := dotResume | dotSuspend
				if lo == 0 {
					mode &^= dotResume
				}
				if lo+block >= k {
					mode &^= dotSuspend
				}
				tile(columns, &y[c*ldy+r], ldy, &w[(r*k+lo)*size], k, m, &x[c*ldx+lo], ldx, min(block, k-lo), &carry[0], mode)
			}
		}
		c += columns
	}
}

func dotAVX512(y []float32, ldy int, w []float32, rows int, x []float32, ldx, n, k int, carry []float32) {
	dotKernel[float32](dotTileF32AVX512).tiled(dotColumnsAVX512, dotBlockAVX512, 1, y, ldy, w, rows, x, ldx, n, k, carry)
}

func dotF16AVX512(y []float32, ldy int, w []byte, rows int, x []float32, ldx, n, k int, carry []float32) {
	dotKernel[byte](dotTileF16AVX512).tiled(dotColumnsAVX512, dotNoBlocks, 2, y, ldy, w, rows, x, ldx, n, k, carry)
}

func dotBF16AVX512(y []float32, ldy int, w []byte, rows int, x []float32, ldx, n, k int, carry []float32) {
	dotKernel[byte](dotTileBF16AVX512).tiled(dotColumnsAVX512, dotNoBlocks, 2, y, ldy, w, rows, x, ldx, n, k, carry)
}

func dotAVX2(y []float32, ldy int, w []float32, rows int, x []float32, ldx, n, k int, carry []float32) {
	dotKernel[float32](dotTileF32AVX2).tiled(dotColumnsAVX2, dotBlockAVX2, 1, y, ldy, w, rows, x, ldx, n, k, carry)
}

func dotF16AVX2(y []float32, ldy int, w []byte, rows int, x []float32, ldx, n, k int, carry []float32) {
	dotKernel[byte](dotTileF16AVX2).tiled(dotColumnsAVX2, dotNoBlocks, 2, y, ldy, w, rows, x, ldx, n, k, carry)
}

func dotBF16AVX2(y []float32, ldy int, w []byte, rows int, x []float32, ldx, n, k int, carry []float32) {
	dotKernel[byte](dotTileBF16AVX2).tiled(dotColumnsAVX2, dotNoBlocks, 2, y, ldy, w, rows, x, ldx, n, k, carry)
}

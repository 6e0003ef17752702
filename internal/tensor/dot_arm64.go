//go:build !noasm

package tensor

// dotRowsNEON are the rows of tiles of 1, 2, ... columns, as in _gen/arm_dot.go.
var dotRowsNEON = []int{4, 3, 2}

// dotBlockNEON is how many values of a row, about, are multiplied before the
// next rows get their turn: a tile's columns and rows are 20 KiB.
const dotBlockNEON = 1024

func dotNEON(y []float32, ldy int, w []float32, rows int, x []float32, ldx, n, k int, carry []float32, ahead uintptr) {
	dotKernel[float32](dotTileF32NEON).tiled(dotRowsNEON, dotBlockNEON, 1, y, ldy, w, rows, x, ldx, n, k, carry, ahead)
}

func dotF16NEON(y []float32, ldy int, w []byte, rows int, x []float32, ldx, n, k int, carry []float32, ahead uintptr) {
	dotKernel[byte](dotTileF16NEON).tiled(dotRowsNEON, dotNoBlocks, 2, y, ldy, w, rows, x, ldx, n, k, carry, ahead)
}

func dotBF16NEON(y []float32, ldy int, w []byte, rows int, x []float32, ldx, n, k int, carry []float32, ahead uintptr) {
	dotKernel[byte](dotTileBF16NEON).tiled(dotRowsNEON, dotNoBlocks, 2, y, ldy, w, rows, x, ldx, n, k, carry, ahead)
}

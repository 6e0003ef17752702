//go:build !noasm

package tensor

const (
	// dotColumnsNEON is the widest tile of columns.
	dotColumnsNEON = 3
	// dotBlockNEON is how many values of a row, about, are multiplied before
	// the next rows get their turn: a tile's columns and rows are 20 KiB.
	dotBlockNEON = 1024
)

func dotNEON(y []float32, ldy int, w []float32, rows int, x []float32, ldx, n, k int, carry []float32) {
	dotKernel[float32](dotTileF32NEON).tiled(dotColumnsNEON, dotBlockNEON, 1, y, ldy, w, rows, x, ldx, n, k, carry)
}

func dotF16NEON(y []float32, ldy int, w []byte, rows int, x []float32, ldx, n, k int, carry []float32) {
	dotKernel[byte](dotTileF16NEON).tiled(dotColumnsNEON, dotNoBlocks, 2, y, ldy, w, rows, x, ldx, n, k, carry)
}

func dotBF16NEON(y []float32, ldy int, w []byte, rows int, x []float32, ldx, n, k int, carry []float32) {
	dotKernel[byte](dotTileBF16NEON).tiled(dotColumnsNEON, dotNoBlocks, 2, y, ldy, w, rows, x, ldx, n, k, carry)
}

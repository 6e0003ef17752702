//go:build !noasm

package tensor

// The widest tiles of columns.
const (
	dotColumnsAVX512 = 8
	dotColumnsAVX2   = 3
)

// How many values of a row, about, are multiplied before the next rows get
// their turn, so that a tile's columns and rows stay in the first cache: 22
// and 20 KiB.
const (
	dotBlockAVX512 = 512
	dotBlockAVX2   = 1024
)

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

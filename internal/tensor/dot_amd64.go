//go:build !noasm

package tensor

// The rows of tiles of 1, 2, ... columns, as in _gen/dot.go.
var (
	dotRowsAVX512 = []int{4, 4, 4, 4, 4, 4, 3, 3}
	dotRowsAVX2   = []int{4, 3, 2}
)

// How many values of a row, about, are multiplied before the next rows get
// their turn, so that a tile's columns and rows stay in the first cache: 22
// and 20 KiB.
const (
	dotBlockAVX512 = 512
	dotBlockAVX2   = 1024
)

func dotAVX512(y []float32, ldy int, w []float32, rows int, x []float32, ldx, n, k int, carry []float32, ahead uintptr) {
	dotKernel[float32](dotTileF32AVX512).tiled(dotRowsAVX512, dotBlockAVX512, 1, y, ldy, w, rows, x, ldx, n, k, carry, ahead)
}

func dotF16AVX512(y []float32, ldy int, w []byte, rows int, x []float32, ldx, n, k int, carry []float32, ahead uintptr) {
	dotKernel[byte](dotTileF16AVX512).tiled(dotRowsAVX512, dotNoBlocks, 2, y, ldy, w, rows, x, ldx, n, k, carry, ahead)
}

func dotBF16AVX512(y []float32, ldy int, w []byte, rows int, x []float32, ldx, n, k int, carry []float32, ahead uintptr) {
	dotKernel[byte](dotTileBF16AVX512).tiled(dotRowsAVX512, dotNoBlocks, 2, y, ldy, w, rows, x, ldx, n, k, carry, ahead)
}

func dotAVX2(y []float32, ldy int, w []float32, rows int, x []float32, ldx, n, k int, carry []float32, ahead uintptr) {
	dotKernel[float32](dotTileF32AVX2).tiled(dotRowsAVX2, dotBlockAVX2, 1, y, ldy, w, rows, x, ldx, n, k, carry, ahead)
}

func dotF16AVX2(y []float32, ldy int, w []byte, rows int, x []float32, ldx, n, k int, carry []float32, ahead uintptr) {
	dotKernel[byte](dotTileF16AVX2).tiled(dotRowsAVX2, dotNoBlocks, 2, y, ldy, w, rows, x, ldx, n, k, carry, ahead)
}

func dotBF16AVX2(y []float32, ldy int, w []byte, rows int, x []float32, ldx, n, k int, carry []float32, ahead uintptr) {
	dotKernel[byte](dotTileBF16AVX2).tiled(dotRowsAVX2, dotNoBlocks, 2, y, ldy, w, rows, x, ldx, n, k, carry, ahead)
}

//go:build !noasm

package tensor

// The widest tiles: columns of scores, rows of a mix.
const (
	scoresColumnsNEON = 6
	mixRowsNEON       = 6
)

func scoresNEON(s []float32, lds int, q []float32, ldq, n int, keys []float32, d, lo, hi int, work []float32, ahead uintptr) {
	scoresKernel[float32](scoresTileF32NEON).tiled(scoresColumnsNEON, s, lds, q, ldq, n, keys, d, lo, hi, work, ahead)
}

func scoresF16NEON(s []float32, lds int, q []float32, ldq, n int, keys []uint16, d, lo, hi int, work []float32, ahead uintptr) {
	scoresKernel[uint16](scoresTileF16NEON).tiled(scoresColumnsNEON, s, lds, q, ldq, n, keys, d, lo, hi, work, ahead)
}

func mixNEON(out []float32, ldo int, p []float32, ldp, n int, values []float32, d, count int, ahead uintptr) {
	mixKernel[float32](mixTileF32NEON).tiled(mixRowsNEON, 4, out, ldo, p, ldp, n, values, d, count, ahead)
}

func mixF16NEON(out []float32, ldo int, p []float32, ldp, n int, values []uint16, d, count int, ahead uintptr) {
	mixKernel[uint16](mixTileF16NEON).tiled(mixRowsNEON, 4, out, ldo, p, ldp, n, values, d, count, ahead)
}

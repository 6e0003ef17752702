//go:build !noasm

package tensor

// scoresColumnsNEON is the widest tile of scores, in columns.
const scoresColumnsNEON = 6

// mixVectorsNEON are the vectors of tiles of 1, 2, ... rows of a mix, as in
// _gen/arm_mix.go.
var mixVectorsNEON = []int{4, 4, 4, 4, 4, 4}

func scoresNEON(s []float32, lds int, q []float32, ldq int, keys []float32, d int, runs []Run, work []float32, ahead *Stream) {
	scoresKernel[float32](scoresTileF32NEON).tiled(scoresColumnsNEON, s, lds, q, ldq, keys, d, runs, work, ahead)
}

func scoresF16NEON(s []float32, lds int, q []float32, ldq int, keys []uint16, d int, runs []Run, work []float32, ahead *Stream) {
	scoresKernel[uint16](scoresTileF16NEON).tiled(scoresColumnsNEON, s, lds, q, ldq, keys, d, runs, work, ahead)
}

func mixNEON(out []float32, ldo int, p []float32, ldp int, values []float32, d int, runs []Run, ahead *Stream) {
	mixKernel[float32](mixTileF32NEON).tiled(mixVectorsNEON, 4, out, ldo, p, ldp, values, d, runs, ahead)
}

func mixF16NEON(out []float32, ldo int, p []float32, ldp int, values []uint16, d int, runs []Run, ahead *Stream) {
	mixKernel[uint16](mixTileF16NEON).tiled(mixVectorsNEON, 4, out, ldo, p, ldp, values, d, runs, ahead)
}

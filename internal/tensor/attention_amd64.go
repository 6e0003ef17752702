//go:build !noasm

package tensor

// The widest tiles of scores, in columns.
const (
	scoresColumnsAVX512 = 8
	scoresColumnsAVX2   = 6
)

// The vectors of tiles of 1, 2, ... rows of a mix, as in _gen/mix.go.
var (
	mixVectorsAVX512 = []int{4, 4, 4, 4, 4, 4, 2, 2}
	mixVectorsAVX2   = []int{4, 4, 4, 2, 2, 2}
)

// settingKeys is kernels.setKeys with a kernel for four keys at each of k0 to k3.
// The last ones of these may lie beyond the count, but not beyond the slice.
func settingKeys(asm func(block, k0, k1, k2, k3 *float32, stride, d int)) func(block, keys []float32, stride, count, d int) {
	return func(block, keys []float32, stride, count, d int) {
		last := (count - 1) &^ 3
		if d%4 != 0 || len(keys) < (last+3)*stride+d {
			setKeysGeneric(block, keys, stride, count, d)
			return
		}
		_ = block[KeyBlock*d-1]
		four := func(first int) *float32 { return &keys[min(first, last)*stride] }
		asm(&block[0], four(0), four(4), four(8), four(12), stride, d)
	}
}

func scoresAVX512(s []float32, lds int, q []float32, ldq int, keys []float32, d int, runs []Run, work []float32, ahead *Stream) {
	scoresKernel[float32](scoresTileF32AVX512).tiled(scoresColumnsAVX512, s, lds, q, ldq, keys, d, runs, work, ahead)
}

func scoresF16AVX512(s []float32, lds int, q []float32, ldq int, keys []uint16, d int, runs []Run, work []float32, ahead *Stream) {
	scoresKernel[uint16](scoresTileF16AVX512).tiled(scoresColumnsAVX512, s, lds, q, ldq, keys, d, runs, work, ahead)
}

func mixAVX512(out []float32, ldo int, p []float32, ldp int, values []float32, d int, runs []Run, ahead *Stream) {
	mixKernel[float32](mixTileF32AVX512).tiled(mixVectorsAVX512, 16, out, ldo, p, ldp, values, d, runs, ahead)
}

func mixF16AVX512(out []float32, ldo int, p []float32, ldp int, values []uint16, d int, runs []Run, ahead *Stream) {
	mixKernel[uint16](mixTileF16AVX512).tiled(mixVectorsAVX512, 16, out, ldo, p, ldp, values, d, runs, ahead)
}

func scoresAVX2(s []float32, lds int, q []float32, ldq int, keys []float32, d int, runs []Run, work []float32, ahead *Stream) {
	scoresKernel[float32](scoresTileF32AVX2).tiled(scoresColumnsAVX2, s, lds, q, ldq, keys, d, runs, work, ahead)
}

func scoresF16AVX2(s []float32, lds int, q []float32, ldq int, keys []uint16, d int, runs []Run, work []float32, ahead *Stream) {
	scoresKernel[uint16](scoresTileF16AVX2).tiled(scoresColumnsAVX2, s, lds, q, ldq, keys, d, runs, work, ahead)
}

func mixAVX2(out []float32, ldo int, p []float32, ldp int, values []float32, d int, runs []Run, ahead *Stream) {
	mixKernel[float32](mixTileF32AVX2).tiled(mixVectorsAVX2, 8, out, ldo, p, ldp, values, d, runs, ahead)
}

func mixF16AVX2(out []float32, ldo int, p []float32, ldp int, values []uint16, d int, runs []Run, ahead *Stream) {
	mixKernel[uint16](mixTileF16AVX2).tiled(mixVectorsAVX2, 8, out, ldo, p, ldp, values, d, runs, ahead)
}

//go:build !noasm

package tensor

import "github.com/zipar/zipar/internal/ggml"

// packedColumnsNEON is the widest tile of columns.
const packedColumnsNEON = 4

func packedDotProd() map[ggml.Type]packedKernel {
	return map[ggml.Type]packedKernel{
		ggml.Q8_0: nibbleKernel(ggml.Q8_0, q8TileDotProd, packedColumnsNEON),
		ggml.Q4_0: nibbleKernel(ggml.Q4_0, q40TileDotProd, packedColumnsNEON),
		ggml.Q5_0: nibbleKernel(ggml.Q5_0, q50TileDotProd, packedColumnsNEON),
		ggml.Q4_K: nibbleKernel(ggml.Q4_K, q4KTileDotProd, packedColumnsNEON),
		ggml.Q5_K: nibbleKernel(ggml.Q5_K, q5KTileDotProd, packedColumnsNEON),
		ggml.Q6_K: nibbleKernel(ggml.Q6_K, q6KTileDotProd, packedColumnsNEON),
	}
}

func packedNEON() map[ggml.Type]packedKernel {
	return map[ggml.Type]packedKernel{
		ggml.Q8_0: nibbleKernel(ggml.Q8_0, q8TileNEON, packedColumnsNEON),
		ggml.Q4_0: nibbleKernel(ggml.Q4_0, q40TileNEON, packedColumnsNEON),
		ggml.Q5_0: nibbleKernel(ggml.Q5_0, q50TileNEON, packedColumnsNEON),
		ggml.Q4_K: nibbleKernel(ggml.Q4_K, q4KTileNEON, packedColumnsNEON),
		ggml.Q5_K: nibbleKernel(ggml.Q5_K, q5KTileNEON, packedColumnsNEON),
		ggml.Q6_K: nibbleKernel(ggml.Q6_K, q6KTileNEON, packedColumnsNEON),
	}
}

func quantizeNEON(q *q8Columns, x []float32, lo, hi int) {
	if lo >= hi {
		return
	}
	k := q.blocks * q8Block
	_ = x[q.n*k-1]
	for c := range q.n {
		at := lo*q.n + c
		quantizeAsmNEON(&q.quants[at*q8Block], &q.scales[at], &q.preset[at], &x[c*k+lo*q8Block], q.n, hi-lo)
	}
}

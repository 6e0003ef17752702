//go:build !noasm

package tensor

import "github.com/zipar/zipar/internal/ggml"

// The widest tiles of columns.
const (
	nibbleColumnsVNNI = 8
	nibbleColumnsAVX2 = 4
)

func packedVNNI() map[ggml.Type]packedKernel {
	return map[ggml.Type]packedKernel{
		ggml.Q8_0: q8VNNI,
		ggml.Q4_0: nibbleKernel(ggml.Q4_0, q40TileVNNI, nibbleColumnsVNNI),
		ggml.Q5_0: nibbleKernel(ggml.Q5_0, q50TileVNNI, nibbleColumnsVNNI),
		ggml.Q4_K: nibbleKernel(ggml.Q4_K, q4KTileVNNI, nibbleColumnsVNNI),
		ggml.Q5_K: nibbleKernel(ggml.Q5_K, q5KTileVNNI, nibbleColumnsVNNI),
		ggml.Q6_K: nibbleKernel(ggml.Q6_K, q6KTileVNNI, nibbleColumnsVNNI),
	}
}

func pairVNNI() map[ggml.Type]pairKernel { return map[ggml.Type]pairKernel{ggml.Q8_0: q8PairVNNI} }

func packedAVX2() map[ggml.Type]packedKernel {
	return map[ggml.Type]packedKernel{
		ggml.Q8_0: q8AVX2,
		ggml.Q4_0: nibbleKernel(ggml.Q4_0, q40TileAVX2, nibbleColumnsAVX2),
		ggml.Q5_0: nibbleKernel(ggml.Q5_0, q50TileAVX2, nibbleColumnsAVX2),
		ggml.Q4_K: nibbleKernel(ggml.Q4_K, q4KTileAVX2, nibbleColumnsAVX2),
		ggml.Q5_K: nibbleKernel(ggml.Q5_K, q5KTileAVX2, nibbleColumnsAVX2),
		ggml.Q6_K: nibbleKernel(ggml.Q6_K, q6KTileAVX2, nibbleColumnsAVX2),
	}
}

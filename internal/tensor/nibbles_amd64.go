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

// A nibbleTile computes the first columns of n.
type nibbleTile func(columns int, y *float32, ldy int, quants *byte, scales *byte,
	xq *int8, xs *float32, xp *int32, xm *float32, n int, blocks int)

// nibbleKernel returns the product that is made of tiles of at most so many
// columns.
func nibbleKernel(typ ggml.Type, tile nibbleTile, most int) packedKernel {
	f := nibbleTypes[typ]
	return func(y []float32, ldy int, g packedGroup, x *q8Columns) {
		quants, scales := packings[typ].size(x.blocks)
		_, _, _ = y[(x.n-1)*ldy+packedRows-1], g.quants[quants-1], g.scales[scales-1]
		preset, step := x.preset, 1
		if f.form == sixteenScales {
			preset, step = x.halves, 2
		}
		_, _, _ = preset[step*x.n*x.blocks-1], x.sums[x.n*x.blocks-1], x.quants[x.n*x.blocks*q8Block-1]
		for c := 0; c < x.n; {
			columns := dotTile(x.n-c, most)
			tile(columns, &y[c*ldy], ldy, &g.quants[0], &g.scales[0],
				&x.quants[c*q8Block], &x.scales[c], &preset[c], &x.sums[c], x.n, x.blocks)
			c += columns
		}
	}
}

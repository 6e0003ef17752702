//go:build !noasm

package tensor

// The widest tiles of columns.
const (
	q8ColumnsVNNI = 12
	q8ColumnsAVX2 = 4
	q8ColumnsPair = 12
)

// A q8Tile computes the first columns of n. xs are numbers of the columns' blocks.
type q8Tile func(columns int, y *float32, ldy int, quants *byte, scales *byte, xq *int8, xs *float32, n int, blocks int)

// tiled is a packedKernel with tiles of at most so many columns.
func (tile q8Tile) tiled(most int, y []float32, ldy int, g packedGroup, n int, x *q8Columns, xs []float32) {
	quants, scales := q8Packing.size(x.blocks)
	_, _, _ = y[(x.n-1)*ldy+n*packedRows-1], g.quants[n*quants-1], g.scales[n*scales-1]
	_, _ = x.quants[x.n*x.blocks*q8Block-1], xs[x.n*x.blocks-1]
	for i := range n {
		for c := 0; c < x.n; {
			columns := dotTile(x.n-c, most)
			tile(columns, &y[c*ldy+i*packedRows], ldy, &g.quants[i*quants], &g.scales[i*scales],
				&x.quants[c*q8Block], &xs[c], x.n, x.blocks)
			c += columns
		}
	}
}

func q8VNNI(y []float32, ldy int, g packedGroup, n int, x *q8Columns) {
	q8Tile(q8TileVNNI).tiled(q8ColumnsVNNI, y, ldy, g, n, x, x.terms)
}

// q8PairVNNI fetches the next pair while it computes all tiles but, if there are
// many, the last ones. A block of it has 16 lines of weights; a tile asks for no
// more than 6.
func q8PairVNNI(y []float32, ldy int, g packedGroup, x *q8Columns, carry []float32, ahead uintptr) {
	_, _ = y[(x.n-1)*ldy+2*packedRows-1], carry[q8ColumnsPair*2*packedRows-1]
	_ = g.quants[x.blocks*2*packedRows*q8Block-1]
	_ = g.scales[x.blocks*2*packedRows*2-1]
	tiles := (x.n + q8ColumnsPair - 1) / q8ColumnsPair
	step := cacheLine * min(6, max(3, (16+tiles-1)/tiles)) // bytes for each block
	left := x.blocks * 2 * packedRows * q8Block
	for c := 0; c < x.n; {
		tile := dotTile(x.n-c, q8ColumnsPair)
		from, by := ahead, step
		if from == 0 || left <= 0 {
			from, by = Address(g.quants), 0 // which is there already
		}
		q8PairTileVNNI(tile, &y[c*ldy], ldy, &g.quants[0], &g.scales[0],
			&x.quants[c*q8Block], &x.terms[c], x.n, x.blocks, &carry[0], from, by)
		c += tile
		ahead += uintptr(by * x.blocks)
		left -= step * x.blocks
	}
}

func q8AVX2(y []float32, ldy int, g packedGroup, n int, x *q8Columns) {
	q8Tile(q8TileAVX2).tiled(q8ColumnsAVX2, y, ldy, g, n, x, x.scales)
}

func quantizeAVX512(q *q8Columns, x []float32, lo, hi int) {
	if lo >= hi {
		return
	}
	k := q.blocks * q8Block
	_ = x[q.n*k-1]
	for c := range q.n {
		at := lo*q.n + c
		quantizeAsmAVX512(&q.quants[at*q8Block], &q.scales[at], &q.preset[at], &x[c*k+lo*q8Block], q.n, hi-lo)
	}
}

func quantizeAVX2(q *q8Columns, x []float32, lo, hi int) {
	if lo >= hi {
		return
	}
	k := q.blocks * q8Block
	_ = x[q.n*k-1]
	for c := range q.n {
		at := lo*q.n + c
		quantizeAsmAVX2(&q.quants[at*q8Block], &q.scales[at], &q.preset[at], &x[c*k+lo*q8Block], q.n, hi-lo)
	}
}

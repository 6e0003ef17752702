//go:build !noasm

package tensor

import "unsafe"

// The widest tiles of columns.
const (
	q8ColumnsVNNI = 12
	q8ColumnsAVX2 = 4
	q8ColumnsPair = 7
)

// checkQ8 panics unless the buffers are as large as a product needs.
func checkQ8(y []float32, ldy int, g packedGroup, x *q8Columns) {
	_ = y[(x.n-1)*ldy+packedRows-1]
	_ = g.quants[x.blocks*packedRows*q8Block-1]
	_ = g.scales[x.blocks*packedRows*2-1]
}

func q8VNNI(y []float32, ldy int, g packedGroup, x *q8Columns) {
	checkQ8(y, ldy, g, x)
	for c := 0; c < x.n; {
		tile := dotTile(x.n-c, q8ColumnsVNNI)
		q8TileVNNI(tile, &y[c*ldy], ldy, &g.quants[0], &g.scales[0],
			&x.quants[c*q8Block], &x.scales[c], &x.preset[c], x.n, x.blocks)
		c += tile
	}
}

// q8PairVNNI fetches the next pair while it computes all tiles but, if there are
// many, the last ones.
func q8PairVNNI(y []float32, ldy int, g packedGroup, x *q8Columns, ahead uintptr) {
	_ = y[(x.n-1)*ldy+2*packedRows-1]
	_ = g.quants[x.blocks*2*packedRows*q8Block-1]
	_ = g.scales[x.blocks*2*packedRows*2-1]
	const step = 64 * 3 // bytes that a tile fetches in a block
	left := x.blocks * 2 * packedRows * q8Block
	for c := 0; c < x.n; {
		tile := dotTile(x.n-c, q8ColumnsPair)
		from, by := ahead, step
		if from == 0 || left <= 0 {
			from, by = uintptr(unsafe.Pointer(&g.quants[0])), 0 // which is there already
		}
		q8PairTileVNNI(tile, &y[c*ldy], ldy, &g.quants[0], &g.scales[0],
			&x.quants[c*q8Block], &x.scales[c], &x.preset[c], x.n, x.blocks, &x.zeros[c], from, by)
		c += tile
		ahead += uintptr(by * x.blocks)
		left -= step * x.blocks
	}
}

func q8AVX2(y []float32, ldy int, g packedGroup, x *q8Columns) {
	checkQ8(y, ldy, g, x)
	for c := 0; c < x.n; {
		tile := dotTile(x.n-c, q8ColumnsAVX2)
		q8TileAVX2(tile, &y[c*ldy], ldy, &g.quants[0], &g.scales[0],
			&x.quants[c*q8Block], &x.scales[c], &x.preset[c], x.n, x.blocks)
		c += tile
	}
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

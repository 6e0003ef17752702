//go:build !noasm

package tensor

// The widest tiles of columns.
const (
	q8ColumnsVNNI = 12
	q8ColumnsAVX2 = 4
	q8ColumnsPair = 12
)

// checkQ8 panics unless the buffers are as large as a product with n groups
// needs. It returns how many bytes the quants and scales of a group take.
func checkQ8(y []float32, ldy int, g packedGroup, n int, x *q8Columns) (quants, scales int) {
	quants, scales = q8Packing.size(x.blocks)
	_, _, _ = y[(x.n-1)*ldy+n*packedRows-1], g.quants[n*quants-1], g.scales[n*scales-1]
	return quants, scales
}

// q8VNNI fetches weights 8 KB before it needs them. With several tiles of columns
// it is the next group's, evenly over all tiles: this one's are in a cache after
// the first tile, and the memory would be idle. The next group's pages come
// first; see FetchPages.
func q8VNNI(y []float32, ldy int, g packedGroup, n int, x *q8Columns) {
	quants, scales := checkQ8(y, ldy, g, n, x)
	tiles := (x.n + q8ColumnsVNNI - 1) / q8ColumnsVNNI
	far, step := 8<<10, packedRows*q8Block/tiles // bytes for each block
	if tiles > 1 {
		far = quants + 2<<10
	}
	for i := range n {
		if i+1 < n && quants >= pageBytes {
			fetchAsm(Address(g.quants[(i+1)*quants:]), quants/pageBytes, pageBytes)
		}
		for c, ahead := 0, far; c < x.n; {
			columns := dotTile(x.n-c, q8ColumnsVNNI)
			q8TileVNNI(columns, &y[c*ldy+i*packedRows], ldy, &g.quants[i*quants], &g.scales[i*scales],
				&x.quants[c*q8Block], &x.terms[c], x.n, x.blocks, ahead, step)
			c += columns
			ahead += step * x.blocks
		}
	}
}

// q8PairVNNI fetches the next pair while it computes all tiles but, if there are
// many, the last ones. A block of it has 16 lines of weights; a tile asks for no
// more than 6.
func q8PairVNNI(y []float32, ldy int, g packedGroup, x *q8Columns, carry []float32, ahead uintptr) {
	quants, _ := checkQ8(y, ldy, g, 2, x)
	_ = carry[q8ColumnsPair*2*packedRows-1]
	tiles := (x.n + q8ColumnsPair - 1) / q8ColumnsPair
	step := cacheLine * min(6, max(3, (16+tiles-1)/tiles)) // bytes for each block
	left := 2 * quants
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
	quants, scales := checkQ8(y, ldy, g, n, x)
	for i := range n {
		for c := 0; c < x.n; {
			columns := dotTile(x.n-c, q8ColumnsAVX2)
			q8TileAVX2(columns, &y[c*ldy+i*packedRows], ldy, &g.quants[i*quants], &g.scales[i*scales],
				&x.quants[c*q8Block], &x.scales[c], x.n, x.blocks)
			c += columns
		}
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

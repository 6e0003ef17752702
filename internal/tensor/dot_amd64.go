//go:build !noasm

package tensor

// The tiles' widths, in columns. Halves are converted once for all columns of
// a tile, which makes wide tiles better; float32 weights are read anyway.
const (
	dotColumnsF32AVX512  = 6
	dotColumnsHalfAVX512 = 8
	dotColumnsAVX2       = 3
)

// dotTile is how many of n columns the next tile takes. Tiles of about equal
// width leave no narrow, slow one at the end.
func dotTile(n, widest int) int {
	tiles := (n + widest - 1) / widest
	return (n + tiles - 1) / tiles
}

// checkDot panics unless the buffers are as large as a product needs. It
// reports whether there is anything to compute.
func checkDot(y []float32, ldy, rows int, x []float32, ldx, n, k, weights int) bool {
	if rows <= 0 || n <= 0 || k <= 0 {
		return false
	}
	_ = y[(n-1)*ldy+rows-1]
	_ = x[(n-1)*ldx+k-1]
	if weights < rows*k {
		panic("tensor: too few weights")
	}
	return true
}

func dotAVX512(y []float32, ldy int, w []float32, rows int, x []float32, ldx, n, k int) {
	if !checkDot(y, ldy, rows, x, ldx, n, k, len(w)) {
		return
	}
	for c := 0; c < n; {
		tile := dotTile(n-c, dotColumnsF32AVX512)
		dotTileF32AVX512(tile, &y[c*ldy], ldy, &w[0], rows, &x[c*ldx], ldx, k)
		c += tile
	}
}

func dotF16AVX512(y []float32, ldy int, w []byte, rows int, x []float32, ldx, n, k int) {
	if !checkDot(y, ldy, rows, x, ldx, n, k, len(w)/2) {
		return
	}
	for c := 0; c < n; {
		tile := dotTile(n-c, dotColumnsHalfAVX512)
		dotTileF16AVX512(tile, &y[c*ldy], ldy, &w[0], rows, &x[c*ldx], ldx, k)
		c += tile
	}
}

func dotBF16AVX512(y []float32, ldy int, w []byte, rows int, x []float32, ldx, n, k int) {
	if !checkDot(y, ldy, rows, x, ldx, n, k, len(w)/2) {
		return
	}
	for c := 0; c < n; {
		tile := dotTile(n-c, dotColumnsHalfAVX512)
		dotTileBF16AVX512(tile, &y[c*ldy], ldy, &w[0], rows, &x[c*ldx], ldx, k)
		c += tile
	}
}

func dotAVX2(y []float32, ldy int, w []float32, rows int, x []float32, ldx, n, k int) {
	if !checkDot(y, ldy, rows, x, ldx, n, k, len(w)) {
		return
	}
	for c := 0; c < n; {
		tile := dotTile(n-c, dotColumnsAVX2)
		dotTileF32AVX2(tile, &y[c*ldy], ldy, &w[0], rows, &x[c*ldx], ldx, k)
		c += tile
	}
}

func dotF16AVX2(y []float32, ldy int, w []byte, rows int, x []float32, ldx, n, k int) {
	if !checkDot(y, ldy, rows, x, ldx, n, k, len(w)/2) {
		return
	}
	for c := 0; c < n; {
		tile := dotTile(n-c, dotColumnsAVX2)
		dotTileF16AVX2(tile, &y[c*ldy], ldy, &w[0], rows, &x[c*ldx], ldx, k)
		c += tile
	}
}

func dotBF16AVX2(y []float32, ldy int, w []byte, rows int, x []float32, ldx, n, k int) {
	if !checkDot(y, ldy, rows, x, ldx, n, k, len(w)/2) {
		return
	}
	for c := 0; c < n; {
		tile := dotTile(n-c, dotColumnsAVX2)
		dotTileBF16AVX2(tile, &y[c*ldy], ldy, &w[0], rows, &x[c*ldx], ldx, k)
		c += tile
	}
}

//go:build !noasm

package tensor

func convAVX512(t convTile, pixels int) {
	checkConv(&t, pixels)
	evenTiles(pixels, 14, func(p, width, tiles int) {
		convTilesAVX512(width, tiles, &t.dst[p*t.dstStride], t.dstStride, &t.init[p*t.initStride], t.initStride,
			&t.src[p*t.srcStride], t.srcStride, &t.panel[0], t.k)
	})
}

func convAVX2(t convTile, pixels int) {
	checkConv(&t, pixels)
	evenTiles(pixels, 6, func(p, width, tiles int) {
		for half := 0; half < convGroup; half += convGroup / 2 {
			convTilesAVX2(width, tiles, &t.dst[p*t.dstStride+half], t.dstStride, &t.init[p*t.initStride+half], t.initStride,
				&t.src[p*t.srcStride], t.srcStride, &t.panel[half], t.k)
		}
	})
}

// evenTiles cuts pixels into tiles of about equal width, at most widest: first
// the wider ones, then those with a pixel less. do gets the first pixel, the
// width and the number of each kind.
func evenTiles(pixels, widest int, do func(p, width, tiles int)) {
	tiles := (pixels + widest - 1) / widest
	width, wider := pixels/tiles, pixels%tiles
	if wider > 0 {
		do(0, width+1, wider)
	}
	do(wider*(width+1), width, tiles-wider)
}

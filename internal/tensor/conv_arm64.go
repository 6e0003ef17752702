//go:build !noasm

package tensor

func convNEON(t convTile, pixels int) {
	checkConv(&t, pixels)
	for p := 0; p < pixels; p += 6 {
		for half := 0; half < convGroup; half += convGroup / 2 {
			convTileNEON(min(6, pixels-p), &t.dst[p*t.dstStride+half], t.dstStride, &t.init[p*t.initStride+half], t.initStride,
				&t.src[p*t.srcStride], t.srcStride, &t.panel[half], t.k)
		}
	}
}

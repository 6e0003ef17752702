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

func putAVX512(dst []float32, stride, channels int, x []float32, add bool) {
	pixels := len(x) / convGroup
	if channels != convGroup || pixels == 0 {
		putGeneric(dst, stride, channels, x, add)
		return
	}
	_ = dst[(pixels-1)*stride+convGroup-1]
	if add {
		addPutAsmAVX512(&dst[0], stride, &x[0], pixels)
	} else {
		putAsmAVX512(&dst[0], stride, &x[0], pixels)
	}
}

func putAVX2(dst []float32, stride, channels int, x []float32, add bool) {
	pixels := len(x) / convGroup
	if channels != convGroup || pixels == 0 {
		putGeneric(dst, stride, channels, x, add)
		return
	}
	_ = dst[(pixels-1)*stride+convGroup-1]
	if add {
		addPutAsmAVX2(&dst[0], stride, &x[0], pixels)
	} else {
		putAsmAVX2(&dst[0], stride, &x[0], pixels)
	}
}

func winogradInputAVX512(v []float32, step int, src []float32, rowLen, channels int) {
	if channels%16 != 0 {
		winogradInputGeneric(v, step, src, rowLen, channels)
		return
	}
	_, _ = v[(winogradPoints-1)*step+channels-1], src[(winogradPatch-1)*rowLen+winogradPatch*channels-1]
	winogradInputAsmAVX512(&v[0], step, &src[0], rowLen, channels)
}

func winogradOutputAVX512(dst []float32, rowLen, stride int, m []float32, step int, bias []float32, add bool) {
	_, _ = dst[(winogradTile-1)*(rowLen+stride)+convGroup-1], m[(winogradPoints-1)*step+convGroup-1]
	_ = bias[convGroup-1]
	if add {
		winogradAddOutputAsmAVX512(&dst[0], rowLen, stride, &m[0], step, &bias[0])
	} else {
		winogradOutputAsmAVX512(&dst[0], rowLen, stride, &m[0], step, &bias[0])
	}
}

func winogradInputAVX2(v []float32, step int, src []float32, rowLen, channels int) {
	if channels%16 != 0 {
		winogradInputGeneric(v, step, src, rowLen, channels)
		return
	}
	_, _ = v[(winogradPoints-1)*step+channels-1], src[(winogradPatch-1)*rowLen+winogradPatch*channels-1]
	winogradInputAsmAVX2(&v[0], step, &src[0], rowLen, channels)
}

func winogradOutputAVX2(dst []float32, rowLen, stride int, m []float32, step int, bias []float32, add bool) {
	_, _ = dst[(winogradTile-1)*(rowLen+stride)+convGroup-1], m[(winogradPoints-1)*step+convGroup-1]
	_ = bias[convGroup-1]
	if add {
		winogradAddOutputAsmAVX2(&dst[0], rowLen, stride, &m[0], step, &bias[0])
	} else {
		winogradOutputAsmAVX2(&dst[0], rowLen, stride, &m[0], step, &bias[0])
	}
}

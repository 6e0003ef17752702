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

func putNEON(dst []float32, stride, channels int, x []float32, add bool) {
	pixels := len(x) / convGroup
	if channels != convGroup || pixels == 0 {
		putGeneric(dst, stride, channels, x, add)
		return
	}
	_ = dst[(pixels-1)*stride+convGroup-1]
	if add {
		addPutAsmNEON(&dst[0], stride, &x[0], pixels)
	} else {
		putAsmNEON(&dst[0], stride, &x[0], pixels)
	}
}

func winogradInputNEON(v []float32, step int, src []float32, rowLen, channels int) {
	if channels%16 != 0 {
		winogradInputGeneric(v, step, src, rowLen, channels)
		return
	}
	_, _ = v[(winogradPoints-1)*step+channels-1], src[(winogradPatch-1)*rowLen+winogradPatch*channels-1]
	winogradInputAsmNEON(&v[0], step, &src[0], rowLen, channels)
}

func winogradOutputNEON(dst []float32, rowLen, stride int, m []float32, step int, bias []float32, add bool) {
	_, _ = dst[(winogradTile-1)*(rowLen+stride)+convGroup-1], m[(winogradPoints-1)*step+convGroup-1]
	_ = bias[convGroup-1]
	if add {
		winogradAddOutputAsmNEON(&dst[0], rowLen, stride, &m[0], step, &bias[0])
	} else {
		winogradOutputAsmNEON(&dst[0], rowLen, stride, &m[0], step, &bias[0])
	}
}

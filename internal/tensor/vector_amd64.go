//go:build !noasm

package tensor

func scaleAVX512(x []float32, f float32) {
	n := tail(len(x))
	if n > 0 {
		scaleAsmAVX512(&x[0], n, f)
	}
	scaleGeneric(x[n:], f)
}

func addAVX512(dst, x []float32) {
	x = x[:len(dst)]
	n := tail(len(dst))
	if n > 0 {
		addAsmAVX512(&dst[0], &x[0], n)
	}
	addGeneric(dst[n:], x[n:])
}

func scaleByAVX512(dst, x, weight []float32, f float32) {
	dst, weight = dst[:len(x)], weight[:len(x)]
	n := tail(len(x))
	if n > 0 {
		scaleByAsmAVX512(&dst[0], &x[0], &weight[0], n, f)
	}
	scaleByGeneric(dst[n:], x[n:], weight[n:], f)
}

func swigluAVX512(gate, up []float32) {
	up = up[:len(gate)]
	n := tail(len(gate))
	if n > 0 {
		swigluAsmAVX512(&gate[0], &up[0], n)
	}
	swigluGeneric(gate[n:], up[n:])
}

func geluAVX512(x []float32) {
	n := tail(len(x))
	if n > 0 {
		geluAsmAVX512(&x[0], n)
	}
	geluGeneric(x[n:])
}

func squaresAVX512(x []float32) (lanes lanes64) {
	n := tail(len(x))
	if n > 0 {
		squaresAsmAVX512(&lanes[0], &x[0], n)
	}
	for i, v := range x[n:] {
		lanes[i] += float64(v) * float64(v)
	}
	return lanes
}

func softmaxAVX512(x []float32, ahead uintptr) {
	if len(x) > 0 {
		softmaxAsmAVX512(&x[0], len(x), ahead)
	}
}

func affineAVX512(dst, src, factor, offset []float32) {
	c, pixels := len(factor), len(src)/max(1, len(factor))
	if c%16 != 0 || pixels == 0 {
		affineGeneric(dst, src, factor, offset)
		return
	}
	_, _ = dst[pixels*c-1], offset[c-1]
	affineAsmAVX512(&dst[0], &src[0], &factor[0], &offset[0], c, pixels)
}

func swishAVX512(dst, src, factor, offset []float32) {
	c, pixels := len(factor), len(src)/max(1, len(factor))
	if c%16 != 0 || pixels == 0 {
		swishGeneric(dst, src, factor, offset)
		return
	}
	_, _ = dst[pixels*c-1], offset[c-1]
	swishAsmAVX512(&dst[0], &src[0], &factor[0], &offset[0], c, pixels)
}

func channelsAVX512(sums []float64, row []float32) {
	c := len(sums) / 2
	pixels := len(row) / max(1, c)
	if c%16 != 0 || pixels == 0 {
		channelsGeneric(sums, row)
		return
	}
	for i := 0; i < c; i += 16 {
		channelsAsmAVX512(&sums[i], &sums[c+i], &row[i], c, pixels)
	}
}

func scaleAVX2(x []float32, f float32) {
	n := tail(len(x))
	if n > 0 {
		scaleAsmAVX2(&x[0], n, f)
	}
	scaleGeneric(x[n:], f)
}

func addAVX2(dst, x []float32) {
	x = x[:len(dst)]
	n := tail(len(dst))
	if n > 0 {
		addAsmAVX2(&dst[0], &x[0], n)
	}
	addGeneric(dst[n:], x[n:])
}

func scaleByAVX2(dst, x, weight []float32, f float32) {
	dst, weight = dst[:len(x)], weight[:len(x)]
	n := tail(len(x))
	if n > 0 {
		scaleByAsmAVX2(&dst[0], &x[0], &weight[0], n, f)
	}
	scaleByGeneric(dst[n:], x[n:], weight[n:], f)
}

func swigluAVX2(gate, up []float32) {
	up = up[:len(gate)]
	n := tail(len(gate))
	if n > 0 {
		swigluAsmAVX2(&gate[0], &up[0], n)
	}
	swigluGeneric(gate[n:], up[n:])
}

func geluAVX2(x []float32) {
	n := tail(len(x))
	if n > 0 {
		geluAsmAVX2(&x[0], n)
	}
	geluGeneric(x[n:])
}

func squaresAVX2(x []float32) (lanes lanes64) {
	n := tail(len(x))
	if n > 0 {
		squaresAsmAVX2(&lanes[0], &x[0], n)
	}
	for i, v := range x[n:] {
		lanes[i] += float64(v) * float64(v)
	}
	return lanes
}

func softmaxAVX2(x []float32, ahead uintptr) {
	n := tail(len(x))
	top := largestGeneric(x[n:])
	var sums lanes32
	if n > 0 {
		largestAsmAVX2(&sums[0], &x[0], n)
		top = max(top, largestGeneric(sums[:]))
		expSumAsmAVX2(&sums[0], &x[0], n, ahead, top)
	}
	if rest := x[n:]; len(rest) > 0 {
		last, more := lastLanes(rest), lanes32{}
		expSumAsmAVX2(&more[0], &last[0], len(last), Address(x), top)
		copy(rest, last[:])
		sums.addFirst(len(rest), more)
	}
	scaleAVX2(x, 1/sums.total())
}

func affineAVX2(dst, src, factor, offset []float32) {
	c, pixels := len(factor), len(src)/max(1, len(factor))
	if c%16 != 0 || pixels == 0 {
		affineGeneric(dst, src, factor, offset)
		return
	}
	_, _ = dst[pixels*c-1], offset[c-1]
	affineAsmAVX2(&dst[0], &src[0], &factor[0], &offset[0], c, pixels)
}

func swishAVX2(dst, src, factor, offset []float32) {
	c, pixels := len(factor), len(src)/max(1, len(factor))
	if c%16 != 0 || pixels == 0 {
		swishGeneric(dst, src, factor, offset)
		return
	}
	_, _ = dst[pixels*c-1], offset[c-1]
	swishAsmAVX2(&dst[0], &src[0], &factor[0], &offset[0], c, pixels)
}

func channelsAVX2(sums []float64, row []float32) {
	c := len(sums) / 2
	pixels := len(row) / max(1, c)
	if c%16 != 0 || pixels == 0 {
		channelsGeneric(sums, row)
		return
	}
	for i := 0; i < c; i += 16 {
		channelsAsmAVX2(&sums[i], &sums[c+i], &row[i], c, pixels)
	}
}

//go:build !noasm

package tensor

func scaleNEON(x []float32, f float32) {
	n := tail(len(x))
	if n > 0 {
		scaleAsmNEON(&x[0], n, f)
	}
	scaleGeneric(x[n:], f)
}

func addNEON(dst, x []float32) {
	x = x[:len(dst)]
	n := tail(len(dst))
	if n > 0 {
		addAsmNEON(&dst[0], &x[0], n)
	}
	addGeneric(dst[n:], x[n:])
}

func scaleByNEON(dst, x, weight []float32, f float32) {
	dst, weight = dst[:len(x)], weight[:len(x)]
	n := tail(len(x))
	if n > 0 {
		scaleByAsmNEON(&dst[0], &x[0], &weight[0], n, f)
	}
	scaleByGeneric(dst[n:], x[n:], weight[n:], f)
}

func swigluNEON(gate, up []float32) {
	up = up[:len(gate)]
	n := tail(len(gate))
	if n > 0 {
		swigluAsmNEON(&gate[0], &up[0], n)
	}
	swigluGeneric(gate[n:], up[n:])
}

func geluNEON(x []float32) {
	n := tail(len(x))
	if n > 0 {
		geluAsmNEON(&x[0], n)
	}
	geluGeneric(x[n:])
}

func squaresNEON(x []float32) (lanes lanes64) {
	n := tail(len(x))
	if n > 0 {
		squaresAsmNEON(&lanes[0], &x[0], n)
	}
	for i, v := range x[n:] {
		lanes[i] += float64(v) * float64(v)
	}
	return lanes
}

func softmaxNEON(x []float32, _ uintptr) {
	n := tail(len(x))
	top := largestGeneric(x[n:])
	var sums lanes32
	if n > 0 {
		largestAsmNEON(&sums[0], &x[0], n)
		top = max(top, largestGeneric(sums[:]))
		expSumAsmNEON(&sums[0], &x[0], n, top)
	}
	if rest := x[n:]; len(rest) > 0 {
		last, more := lastLanes(rest), lanes32{}
		expSumAsmNEON(&more[0], &last[0], len(last), top)
		copy(rest, last[:])
		sums.addFirst(len(rest), more)
	}
	scaleNEON(x, 1/sums.total())
}

func affineNEON(dst, src, factor, offset []float32) {
	c, pixels := len(factor), len(src)/max(1, len(factor))
	if c%16 != 0 || pixels == 0 {
		affineGeneric(dst, src, factor, offset)
		return
	}
	_, _ = dst[pixels*c-1], offset[c-1]
	affineAsmNEON(&dst[0], &src[0], &factor[0], &offset[0], c, pixels)
}

func swishNEON(dst, src, factor, offset []float32) {
	c, pixels := len(factor), len(src)/max(1, len(factor))
	if c%16 != 0 || pixels == 0 {
		swishGeneric(dst, src, factor, offset)
		return
	}
	_, _ = dst[pixels*c-1], offset[c-1]
	swishAsmNEON(&dst[0], &src[0], &factor[0], &offset[0], c, pixels)
}

func channelsNEON(sums []float64, row []float32) {
	c := len(sums) / 2
	pixels := len(row) / max(1, c)
	if c%16 != 0 || pixels == 0 {
		channelsGeneric(sums, row)
		return
	}
	for i := 0; i < c; i += 16 {
		channelsAsmNEON(&sums[i], &sums[c+i], &row[i], c, pixels)
	}
}

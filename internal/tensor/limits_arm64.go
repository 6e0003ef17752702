//go:build !noasm

package tensor

func limitsNEON() limits {
	return limits{
		reads: []func(b []byte) uint32{reading(readPlainNEON)},
		fma:   peakLoop{name: "FMLA on 128 bits", sums: 24 * 4, ops: 2, run: peaking(peakFMANEON)},
		// Eight products and their additions to a word, in 16 bits first.
		dot: peakLoop{name: "SMLAL on 128 bits", sums: 8 * 4, ops: 16, run: peaking(peakDotNEON)},
	}
}

func limitsDotProd() limits {
	l := limitsNEON()
	l.dot = peakLoop{name: "SDOT on 128 bits", sums: 24 * 4, ops: 8, run: peaking(peakDotDotProd)}
	return l
}

//go:build !noasm

package tensor

func limitsAVX2() limits {
	return limits{
		reads: []func(b []byte) uint32{reading(readPlainAVX2), reading(readPrefetchAVX2)},
		fma:   peakLoop{name: "VFMADD231PS on 256 bits", sums: 12 * 8, ops: 2, run: peaking(peakFMAAVX2)},
		// Four products and their additions to a word, which two sums of 16
		// bits share.
		dot: peakLoop{name: "VPMADDUBSW on 256 bits", sums: 8 * 8, ops: 8, run: peaking(peakDotAVX2)},
	}
}

func limitsAVX512(vnni bool) limits {
	l := limitsAVX2()
	l.reads = []func(b []byte) uint32{reading(readPlainAVX512), reading(readPrefetchAVX512)}
	l.fma = peakLoop{name: "VFMADD231PS on 512 bits", sums: 24 * 16, ops: 2, run: peaking(peakFMAAVX512)}
	if vnni {
		l.dot = peakLoop{name: "VPDPBUSD on 512 bits", sums: 24 * 16, ops: 8, run: peaking(peakDotVNNI)}
	}
	return l
}

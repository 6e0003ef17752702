package main

// The loops of limits.go.

func armLimits(a *arm) {
	a.constants("limitsConstants", []uint32{f32(1), f32(1.0 / (1 << 12)), 0x01010101})
	a.read()
	a.peak("peakFMANEON", 24, func(sum, _ vreg) { a.v3("fmla 4s", sum, 29, 30) })
	a.peak("peakDotDotProd", 24, func(sum, _ vreg) { a.v3("sdot 4s 16b 16b", sum, 31, 31) })
	// As many multiplications before an addition of pairs as the kernels of 4
	// to 6 bits have.
	a.peak("peakDotNEON", 8, func(sum, t vreg) {
		a.v3("smull 8h 8b 8b", t, 31, 31)
		a.v3("smlal2 8h 16b 16b", t, 31, 31)
		a.v3("smlal 8h 8b 8b", t, 31, 31)
		a.v3("smlal2 8h 16b 16b", t, 31, 31)
		a.v2("sadalp 4s 8h", sum, t)
	})
}

// read makes a loop that combines all 32-bit words by exclusive or.
func (a *arm) read() {
	a.function("readPlainNEON", "p *byte, n int", "uint32",
		"readPlainNEON is one of limits.reads. n is a positive multiple of 256.")
	p, n := a.load("p"), a.load("n")
	for i := range vreg(16) {
		a.zero(i)
	}
	a.op("LSR $8, %v, %v", n, n) // rounds of readStep bytes
	a.loop(n, func() {
		for i := range vreg(16) {
			a.ldrQ(p, 16*int(i), 16+i)
			a.v3("eor 16b", i, i, 16+i)
		}
		a.add(readStep, p)
	})
	for n := vreg(8); n > 0; n /= 2 {
		for i := range n {
			a.v3("eor 16b", i, i, i+n)
		}
	}
	low, high := a.reg(), a.reg()
	a.op("VMOV V0.D[0], %v", low)
	a.op("VMOV V0.D[1], %v", high)
	a.op("EOR %v, %v, %v", high, low, low)
	a.op("EOR %v>>32, %v, %v", low, low, low)
	a.op("MOVW %v, %s", low, a.param("ret"))
	a.ret()
}

// peak makes a loop over chains of sums. step adds products of vectors 29 and
// 30 or 31 to one of them; t is free.
func (a *arm) peak(name string, chains int, step func(sum, t vreg)) {
	a.function(name, "sums *uint32, rounds int", "", name+" is a peakLoop. rounds > 0.")
	out, n := a.load("sums"), a.load("rounds")
	for i := range chains {
		a.zero(vreg(i))
	}
	table := a.table("limitsConstants")
	for r := vreg(29); r < 32; r++ {
		a.ld1rNext(table, r)
	}
	a.loop(n, func() {
		for i := range chains {
			step(vreg(i), vreg(8+i%8))
		}
	})
	for i := range chains {
		a.strQ(vreg(i), out, 16*i)
	}
	a.ret()
}

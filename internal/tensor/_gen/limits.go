package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Loops that find the limits of a processor: they read memory, or multiply and
// add in registers, and do nothing else. See limits.go there.

// readStep is how many bytes a round of the reading loops reads.
const readStep = 256

func genLimits(g *gen) {
	one, step := g.constant("limitsOne", f32(1)), g.constant("limitsStep", f32(1.0/(1<<12)))
	ones := g.constant("limitsBytes", 0x01010101)
	for _, s := range []isa{avx512, avx2} {
		g.read(s, "readPlain", false)
		g.read(s, "readPrefetch", true)
		chains := map[string]int{"AVX512": 24, "AVX2": 12}[s.name]
		g.peak(s, "peakFMA"+s.name, chains, one, step, func(a, b, sum, _ reg.VecPhysical) {
			g.VFMADD231PS(b, a, sum)
		})
	}
	g.peak(avx512, "peakDotVNNI", 24, ones, ones, func(a, b, sum, _ reg.VecPhysical) {
		g.VPDPBUSD(b, a, sum)
	})
	g.peak(avx2, "peakDotAVX2", 8, ones, ones, func(a, b, sum, t reg.VecPhysical) {
		g.VPMADDUBSW(b, a, t)
		g.VPADDW(t, sum, sum)
	})
}

// read makes a loop that combines all 32-bit words by exclusive or.
func (g *gen) read(s isa, name string, prefetch bool) {
	name += s.name
	how := "leaves fetching ahead to the processor."
	if prefetch {
		how = "fetches ahead as the kernels of packed types do."
	}
	g.function(name, "func(p *byte, n int) uint32", name+" is one of limits.reads: it "+how,
		fmt.Sprintf("n is a positive multiple of %d.", readStep))
	p, n := g.load("p"), g.load("n")
	xor := func(ops ...operand.Op) { g.VPXOR(ops[0], ops[1], ops[2]) }
	if s.name == "AVX512" {
		xor = func(ops ...operand.Op) { g.VPXORD(ops...) }
	}
	sums := s.vec[:readStep/s.bytes]
	for _, r := range sums {
		g.zero(s, r)
	}
	g.SHRQ(operand.U8(8), n) // rounds of readStep bytes
	g.loop(n, func() {
		for i, r := range sums {
			disp := i * s.bytes
			if prefetch && disp%64 == 0 {
				g.PREFETCHT1(at(p, disp+8192))
				g.PREFETCHT0(at(p, disp+1024))
			}
			xor(at(p, disp), r, r)
		}
		g.ADDQ(imm(readStep), p)
	})
	const dst, scratch = 8, 9
	g.tree(s, sums, xor, dst, scratch)
	sum := g.GP32()
	g.VMOVD(xmm[dst], sum)
	g.Store(sum, g.ReturnIndex(0))
	g.ret()
}

// peak makes a loop over chains of sums that depend on nothing but themselves.
// add adds products of a and b to one of them; t is free.
func (g *gen) peak(s isa, name string, chains int, a, b operand.Mem, add func(a, b, sum, t reg.VecPhysical)) {
	g.function(name, "func(sums *uint32, rounds int)",
		fmt.Sprintf("%s is a peakLoop of %d sums. rounds > 0.", name, chains*s.lanes()))
	out, n := g.load("sums"), g.load("rounds")
	sums, free := s.vec[:chains], s.vec[chains:]
	for _, r := range sums {
		g.zero(s, r)
	}
	g.VMOVUPS(a, free[0])
	g.VMOVUPS(b, free[1])
	temporary := free[2:]
	g.loop(n, func() {
		for i, r := range sums {
			add(free[0], free[1], r, temporary[i%len(temporary)])
		}
	})
	for i, r := range sums {
		g.VMOVUPS(r, at(out, i*s.bytes))
	}
	g.ret()
}

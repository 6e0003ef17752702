package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/reg"
)

// genMix: out[j] += Σ_i p[i]·values[i*stride+j], the outputs being lanes. As many
// vectors of outputs as there are go through all positions together.
func genMix(g *gen) {
	for _, s := range []isa{avx512, avx2} {
		g.mix(s)
	}
}

func (g *gen) mix(s isa) {
	name := "mixAsm" + s.name
	g.function(name, "func(out *float32, width int, p *float32, n int, values *float32, stride int)",
		fmt.Sprintf("%s adds Σ_i p[i]·values[i*stride+j] to out[j] for j < width, i < n. width is a multiple of %d, n > 0.", name, s.lanes()))
	out, width := g.load("out"), g.loadBytes("width")
	p, n, values := g.load("p"), g.load("n"), g.load("values")
	stride := g.loadBytes("stride")
	for _, vectors := range []int{256 / s.bytes, 1} {
		bytes := vectors * s.bytes
		g.while(width, bytes, func() {
			for v := range vectors {
				g.VMOVUPS(at(out, v*s.bytes), s.vec[v])
			}
			from, weight, count := g.GP64(), g.GP64(), g.GP64()
			g.MOVQ(values, from)
			g.MOVQ(p, weight)
			g.MOVQ(n, count)
			factor := s.vec[15]
			g.loop(count, func() {
				g.VBROADCASTSS(at(weight, 0), factor)
				for v := range vectors {
					g.VFMADD231PS(at(from, v*s.bytes), factor, s.vec[v])
				}
				g.ADDQ(imm(4), weight)
				g.ADDQ(stride, from)
			})
			for v := range vectors {
				g.VMOVUPS(s.vec[v], at(out, v*s.bytes))
			}
			for _, r := range []reg.Register{out, values} {
				g.ADDQ(imm(bytes), r)
			}
			g.SUBQ(imm(bytes), width)
		})
	}
	g.ret()
}

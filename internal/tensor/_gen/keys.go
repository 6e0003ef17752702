package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Keys in the order of their positions become a block: [16 positions][d] ->
// [d][16 positions]. A register has four rows of a quarter of the positions in
// each of its lanes of 16 bytes, so that two steps of unpacking turn four values
// of each.
func genKeys(g *gen) {
	for _, s := range []isa{avx512, avx2} {
		g.setKeys(s)
	}
}

func (g *gen) setKeys(s isa) {
	name := "setKeys" + s.name
	g.function(name, "func(block, k0, k1, k2, k3 *float32, stride int, d int)",
		name+" sets block[j*16+4*i+r] = ki[r*stride+j] for i, r < 4, j < d. d is a positive multiple of 4.")
	block := g.load("block")
	keys := rows{base: []reg.Register{g.load("k0"), g.load("k1"), g.load("k2"), g.load("k3")}}
	stride, triple := g.loadBytes("stride"), g.GP64()
	g.LEAQ(operand.Mem{Base: stride, Index: stride, Scale: 2}, triple)
	keys.step, keys.triple = stride, triple
	n := g.load("d")
	g.SHRQ(operand.U8(2), n)
	lanes := s.bytes / 16
	g.loop(n, func() {
		for first := 0; first < 4; first += lanes {
			in, out := s.vec[:4], s.vec[4:8]
			for r, v := range in {
				g.VMOVDQU(keys.at(4*first+r, 0), xmm[r])
				for lane := 1; lane < lanes; lane++ {
					from := keys.at(4*(first+lane)+r, 0)
					if s.name == "AVX512" {
						g.VINSERTI32X4(operand.U8(uint8(lane)), from, v, v)
					} else {
						g.VINSERTI128(operand.U8(1), from, v, v)
					}
				}
			}
			for i := range 2 { // values 0 and 1, 2 and 3 of two rows
				unpack := []func(...operand.Op){g.VPUNPCKLDQ, g.VPUNPCKHDQ}[i]
				unpack(in[1], in[0], out[i])
				unpack(in[3], in[2], out[2+i])
			}
			for j := range 4 {
				unpack := []func(...operand.Op){g.VPUNPCKLQDQ, g.VPUNPCKHQDQ}[j%2]
				unpack(out[2+j/2], out[j/2], in[j])
			}
			for j, v := range in {
				g.VMOVUPS(v, at(block, 64*j+16*first))
			}
		}
		g.advance(keys, 16)
		g.ADDQ(imm(256), block)
	})
	g.ret()
}

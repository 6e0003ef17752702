package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Keys in the order of their positions become a block: [16 positions][d] ->
// [d][16 positions]. A register has four rows of a quarter of the positions in
// each of its lanes of 16 bytes, so that two steps of unpacking turn four words
// of each.
func genKeys(g *gen) {
	order := g.StaticGlobal("keysWords")
	g.DataAttributes(attr.RODATA | attr.NOPTR)
	for half := range 2 { // the low words of all positions, then the high ones
		for i := range 8 {
			at := uint32(4*i + half)
			g.AppendDatum(operand.U32(at | (at+2)<<16))
		}
	}
	bytes := g.StaticGlobal("keysBytes")
	g.DataAttributes(attr.RODATA | attr.NOPTR)
	for range 2 {
		for _, word := range []uint32{0x05040100, 0x0d0c0908, 0x07060302, 0x0f0e0b0a} {
			g.AppendDatum(operand.U32(word))
		}
	}
	for _, s := range []isa{avx512, avx2} {
		for _, w := range weightTypes[:2] {
			g.setKeys(s, w, order, bytes)
		}
	}
}

func (g *gen) setKeys(s isa, w weightType, order, bytes operand.Mem) {
	name := fmt.Sprintf("setKeys%s%s", w.name, s.name)
	typ := map[int]string{4: "float32", 2: "uint16"}[w.size]
	g.function(name, fmt.Sprintf("func(block, k0, k1, k2, k3 *%s, stride int, d int)", typ),
		fmt.Sprintf("%s sets block[j*16+4*i+r] = ki[r*stride+j] for i, r < 4, j < d. d is a positive multiple of %d.", name, 16/w.size))
	block := g.load("block")
	rows := []reg.Register{g.load("k0"), g.load("k1"), g.load("k2"), g.load("k3")}
	stride, triple := g.load("stride"), g.GP64()
	g.SHLQ(operand.U8(map[int]uint64{4: 2, 2: 1}[w.size]), stride)
	g.LEAQ(operand.Mem{Base: stride, Index: stride, Scale: 2}, triple)
	row := func(lane, r int) operand.Mem {
		m := at(rows[lane], 0)
		switch r {
		case 1, 2:
			m.Index, m.Scale = stride, uint8(r)
		case 3:
			m.Index, m.Scale = triple, 1
		}
		return m
	}
	words := s.vec[8]
	if w.size == 2 && s.name == "AVX512" {
		g.VMOVDQU32(order, words)
	}
	if w.size == 2 && s.name == "AVX2" {
		g.VMOVDQU(bytes, words)
	}
	n := g.load("d")
	g.SHRQ(operand.U8(map[int]uint64{4: 2, 2: 3}[w.size]), n)
	lanes := s.bytes / 16
	g.loop(n, func() {
		for first := 0; first < 4; first += lanes {
			in, out := s.vec[:4], s.vec[4:8]
			for r, v := range in {
				g.VMOVDQU(row(first, r), xmm[r])
				for lane := 1; lane < lanes; lane++ {
					if s.name == "AVX512" {
						g.VINSERTI32X4(operand.U8(uint8(lane)), row(lane, r), v, v)
					} else {
						g.VINSERTI128(operand.U8(1), row(first+lane, r), v, v)
					}
				}
			}
			for i := range 2 { // words 0 and 1, 2 and 3 of two rows
				unpack := []func(...operand.Op){g.VPUNPCKLDQ, g.VPUNPCKHDQ}[i]
				unpack(in[1], in[0], out[i])
				unpack(in[3], in[2], out[2+i])
			}
			for j := range 4 {
				unpack := []func(...operand.Op){g.VPUNPCKLQDQ, g.VPUNPCKHQDQ}[j%2]
				unpack(out[2+j/2], out[j/2], in[j])
			}
			for j, v := range in {
				switch {
				case w.size == 4:
					g.VMOVUPS(v, at(block, 64*j+16*first))
				case s.name == "AVX512":
					g.VPERMW(v, words, v)
					g.VMOVDQU32(v, at(block, 64*j))
				default:
					g.VPSHUFB(words, v, v)
					g.VPERMQ(operand.U8(0xd8), v, v)
					g.VMOVDQU(xmm[j], at(block, 64*j+8*first))
					g.VEXTRACTI128(operand.U8(1), v, at(block, 64*j+32+8*first))
				}
			}
		}
		for _, r := range rows {
			g.ADDQ(imm(16), r)
		}
		g.ADDQ(imm(256), block)
	})
	g.ret()
}

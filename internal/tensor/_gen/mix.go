package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The weighted sums of attention: some rows of outputs, each a sum of the same
// values with its own weights. Outputs are lanes, each one chain in the order
// of the positions. A tile is some rows by some vectors.
var mixTiles = []struct {
	isa           isa
	rows, vectors int
}{{avx512, 6, 4}, {avx2, 3, 4}}

func genMix(g *gen) {
	for _, t := range mixTiles {
		for _, w := range weightTypes[:2] {
			var names []string
			for rows := 1; rows <= t.rows; rows++ {
				names = append(names, g.mix(t.isa, w, rows, t.vectors))
			}
			g.choose("mixTile"+w.name+t.isa.name, "rows", names)
		}
	}
	g.half(avx512)
	g.half(avx2)
}

func (g *gen) mix(s isa, w weightType, rows, vectors int) string {
	name := fmt.Sprintf("mix%sx%d%s", w.name, rows, s.name)
	typ := map[int]string{4: "float32", 2: "uint16"}[w.size]
	g.function(name, fmt.Sprintf("func(out *float32, ldo int, width int, p *float32, ldp int, n int, values *%s, stride int)", typ),
		fmt.Sprintf("%s adds Σ_i p[c*ldp+i]·values[i*stride+j] to out[c*ldo+j] for %d rows c, j < width, i < n.", name, rows),
		fmt.Sprintf("width is a multiple of %d, n > 0.", s.lanes()))
	out, ldo := g.load("out"), g.loadBytes("ldo")
	width, values := g.load("width"), g.load("values")
	stride := g.load("stride")
	g.SHLQ(operand.U8(map[int]uint64{4: 2, 2: 1}[w.size]), stride)
	ldp := g.loadBytes("ldp")
	for _, vectors := range []int{vectors, 1} {
		lanes := vectors * s.lanes()
		acc := func(r, v int) reg.VecPhysical { return s.vec[r*vectors+v] }
		used := rows * vectors
		factors, value := s.vec[used:][:rows], s.vec[used+rows]
		g.while(width, lanes, func() {
			to := g.GP64()
			move := func(store bool) {
				g.MOVQ(out, to)
				for r := range rows {
					for v := range vectors {
						if store {
							g.VMOVUPS(acc(r, v), at(to, v*s.bytes))
						} else {
							g.VMOVUPS(at(to, v*s.bytes), acc(r, v))
						}
					}
					if r+1 < rows {
						g.ADDQ(ldo, to)
					}
				}
			}
			move(false)
			from := g.GP64()
			g.MOVQ(values, from)
			weight := g.newRows(rows, g.load("p"), ldp)
			g.loop(g.load("n"), func() {
				for r, f := range factors {
					g.VBROADCASTSS(weight.at(r, 0), f)
				}
				for v := range vectors {
					m := at(from, v*s.lanes()*w.size)
					if w.size == 2 {
						g.VCVTPH2PS(m, value)
					} else {
						g.VMOVUPS(m, value)
					}
					for r, f := range factors {
						g.VFMADD231PS(value, f, acc(r, v))
					}
				}
				g.advance(weight, 4)
				g.ADDQ(stride, from)
			})
			move(true)
			g.ADDQ(imm(4*lanes), out)
			g.ADDQ(imm(w.size*lanes), values)
			g.SUBQ(imm(lanes), width)
		})
	}
	g.ret()
	return name
}

// half converts floats to half floats.
func (g *gen) half(s isa) {
	name := "halfAsm" + s.name
	g.function(name, "func(dst *uint16, src *float32, n int)", name+" is kernels.half. n is a positive multiple of 16.")
	dst, src, n := g.load("dst"), g.load("src"), g.load("n")
	g.SHRQ(operand.U8(4), n)
	g.loop(n, func() {
		for disp := 0; disp < 64; disp += s.bytes {
			g.VMOVUPS(at(src, disp), s.vec[0])
			if s.name == "AVX512" {
				g.VCVTPS2PH(operand.U8(0), zmm[0], at(dst, disp/2))
			} else {
				g.VCVTPS2PH(operand.U8(0), ymm[0], at(dst, disp/2))
			}
		}
		g.ADDQ(imm(64), src)
		g.ADDQ(imm(32), dst)
	})
	g.ret()
}

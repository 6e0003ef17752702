package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The weighted sums of attention: some rows of outputs, each a sum of the same
// values with its own weights. Outputs are lanes, each one chain in the order
// of the positions. A tile is some rows by some vectors.

// mixTiles lists, for 1, 2, ... rows, the vectors of a tile.
var mixTiles = []struct {
	isa     isa
	vectors []int
}{{avx512, []int{4, 4, 4, 4, 4, 4, 2, 2}}, {avx2, []int{4, 4, 4, 2, 2, 2}}}

// mixNear is how many bytes ahead values are fetched into the first cache.
const mixNear = 1 << 10

func genMix(g *gen) {
	for _, t := range mixTiles {
		for _, w := range weightTypes[:2] {
			var names []string
			for i, vectors := range t.vectors {
				names = append(names, g.mix(t.isa, w, i+1, vectors))
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
	g.function(name, fmt.Sprintf("func(out *float32, ldo int, width int, p *float32, ldp int, n int, values *%s, stride int, end uintptr, ahead uintptr, limit uintptr, then uintptr)", typ),
		fmt.Sprintf("%s adds Σ_i p[c*ldp+i]·values[i*stride+j] to out[c*ldo+j] for %d rows c, j < width, i < n.", name, rows),
		fmt.Sprintf("width is a multiple of %d, n > 0. What is %d bytes further on, before end, is fetched into the first cache; for each", s.lanes(), mixNear),
		"value a value of ahead, up to limit, and of then into the second one.")
	out, ldo := g.load("out"), g.loadBytes("ldo")
	width, values := g.load("width"), g.load("values")
	stride := g.load("stride")
	g.SHLQ(operand.U8(map[int]uint64{4: 2, 2: 1}[w.size]), stride)
	ldp := g.loadBytes("ldp")
	for _, vectors := range []int{vectors, 1} {
		lanes := vectors * s.lanes()
		acc := func(r, v int) reg.VecPhysical { return s.vec[r*vectors+v] }
		used := rows * vectors
		// The fewer of rows' weights and values are held in registers, of the
		// others one.
		held, other := s.vec[used:][:min(rows, vectors)], s.vec[used+min(rows, vectors)]
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
			near, far, limit := g.GP64(), g.load("ahead"), g.load("limit")
			// These columns of what is fetched.
			columns := func() {
				g.ADDQ(values, far)
				g.SUBQ(g.param("values"), far)
			}
			columns()
			g.loop(g.load("n"), func() {
				bytes := lanes * w.size
				g.within(far, limit, columns)
				g.LEAQ(at(from, mixNear), near)
				g.CMPQ(near, g.param("end"))
				g.CMOVQCC(from, near)
				for disp := 0; disp < bytes; disp += 64 {
					g.PREFETCHT1(at(far, disp))
					g.PREFETCHT0(at(near, disp))
				}
				g.ADDQ(stride, far)
				loadValue := func(v int, dst reg.VecPhysical) {
					m := at(from, v*s.lanes()*w.size)
					if w.size == 2 {
						g.VCVTPH2PS(m, dst)
					} else {
						g.VMOVUPS(m, dst)
					}
				}
				loadWeight := func(r int, dst reg.VecPhysical) { g.VBROADCASTSS(weight.at(r, 0), dst) }
				if rows <= vectors {
					for r, f := range held {
						loadWeight(r, f)
					}
					for v := range vectors {
						loadValue(v, other)
						for r, f := range held {
							g.VFMADD231PS(other, f, acc(r, v))
						}
					}
				} else {
					for v, value := range held {
						loadValue(v, value)
					}
					for r := range rows {
						loadWeight(r, other)
						for v, value := range held {
							g.VFMADD231PS(value, other, acc(r, v))
						}
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

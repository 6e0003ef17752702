package main

import "fmt"

// The weighted sums of attention of mix.go: outputs are lanes, up to 6 rows by
// 16 outputs.
const (
	armMixRows    = 6
	armMixVectors = 4
)

func armMix(a *arm) {
	for _, w := range weightTypes[:2] {
		var names []string
		for rows := 1; rows <= armMixRows; rows++ {
			names = append(names, a.mix(w, rows))
		}
		a.choose("mixTile"+w.name+"NEON", "rows", names)
	}
	a.half()
}

func (a *arm) mix(w weightType, rows int) string {
	name := fmt.Sprintf("mix%sx%dNEON", w.name, rows)
	typ := map[int]string{4: "float32", 2: "uint16"}[w.size]
	a.function(name, fmt.Sprintf("out *float32, ldo int, width int, p *float32, ldp int, n int, values *%s, stride int, end uintptr, ahead uintptr, limit uintptr, then uintptr", typ), "",
		fmt.Sprintf("%s adds Σ_i p[c*ldp+i]·values[i*stride+j] to out[c*ldo+j] for %d rows c, j < width, i < n.", name, rows),
		"width is a multiple of 4, n > 0. It fetches nothing ahead.")
	out, ldo := a.load("out"), a.loadBytes("ldo", 2)
	width, values := a.load("width"), a.load("values")
	stride := a.loadBytes("stride", map[int]int{4: 2, 2: 1}[w.size])
	p, ldp, n := a.load("p"), a.loadBytes("ldp", 2), a.load("n")
	to, from, count := a.reg(), a.reg(), a.reg()
	var weights []gp
	for range rows {
		weights = append(weights, a.reg())
	}
	for _, vectors := range []int{armMixVectors, 1} {
		acc := func(r, v int) vreg { return vreg(r*vectors + v) }
		factor := func(r int) vreg { return vreg(rows*vectors + r) }
		value := factor(rows)
		move := func(one func(v vreg, base gp, disp int)) {
			a.move(out, to)
			for r := range rows {
				for v := range vectors {
					one(acc(r, v), to, 16*v)
				}
				if r+1 < rows {
					a.addReg(ldo, to)
				}
			}
		}
		a.while(width, 4*vectors, func() {
			move(func(v vreg, base gp, disp int) { a.ldrQ(base, disp, v) })
			a.move(values, from)
			a.move(n, count)
			for r, at := range weights {
				if r == 0 {
					a.move(p, at)
				} else {
					a.op("ADD %v, %v, %v", ldp, weights[r-1], at)
				}
			}
			a.loop(count, func() {
				for r, at := range weights {
					a.ld1rNext(at, factor(r))
				}
				for v := range vectors {
					if w.size == 2 {
						a.ldrD(from, 8*v, value)
						a.v2("fcvtl 4s 4h", value, value)
					} else {
						a.ldrQ(from, 16*v, value)
					}
					for r := range rows {
						a.v3("fmla 4s", acc(r, v), value, factor(r))
					}
				}
				a.addReg(stride, from)
			})
			move(a.strQ)
			a.add(16*vectors, out)
			a.add(4*w.size*vectors, values)
			a.op("SUB $%d, %v, %v", 4*vectors, width, width)
		})
	}
	a.ret()
	return name
}

// half converts floats to half floats.
func (a *arm) half() {
	a.function("halfAsmNEON", "dst *uint16, src *float32, n int", "", "halfAsmNEON is kernels.half. n is a positive multiple of 16.")
	dst, src, n := a.load("dst"), a.load("src"), a.load("n")
	a.op("LSR $4, %v, %v", n, n)
	a.loop(n, func() {
		for i := range 2 {
			v, low, high := vreg(i), vreg(2+i), vreg(4+i)
			a.ldrQ(src, 32*i, low)
			a.ldrQ(src, 32*i+16, high)
			a.v2("fcvtn 4h 4s", v, low)
			a.v2("fcvtn2 8h 4s", v, high)
			a.strQ(v, dst, 16*i)
		}
		a.add(64, src)
		a.add(32, dst)
	})
	a.ret()
}

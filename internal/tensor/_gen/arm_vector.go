package main

import "fmt"

// Elementwise kernels, with the operations of vector_generic.go and exp.go in
// their order, fused where those call fma alone. Each handles multiples of 16
// values; vector_arm64.go does the rest in Go.

// armVector keeps the constants in the registers from armConstants on, in the
// order of their table.
const armConstants vreg = 14

func armVector(a *arm) {
	var words []uint32
	for _, c := range vectorConstants {
		words = append(words, c.bits)
	}
	a.constants("vectorConstants", words)
	v := &armVectorGen{a}
	v.scale()
	v.addKernel()
	v.scaleBy()
	v.largest()
	v.squares()
	v.expSum()
	v.swiglu()
	v.gelu()
	v.affine("affine", false)
	v.affine("swish", true)
	v.channels()
	v.rotate()
}

type armVectorGen struct{ *arm }

// c is the register of a constant.
func (v *armVectorGen) c(name string) vreg {
	for i, c := range vectorConstants {
		if c.name == name {
			return armConstants + vreg(i)
		}
	}
	panic("no constant " + name)
}

// loadConstants fills the registers of all constants.
func (v *armVectorGen) loadConstants() {
	table := v.table("vectorConstants")
	for i := range vectorConstants {
		v.ld1rNext(table, armConstants+vreg(i))
	}
}

// start begins a function over n values, a multiple of 16, n > 0.
func (v *armVectorGen) start(name, params, what string) {
	name += "AsmNEON"
	v.function(name, params, "", name+" "+what)
}

// each runs body for every 16 values and moves the pointers on.
func (v *armVectorGen) each(pointers []gp, body func()) {
	n := v.load("n")
	v.op("LSR $4, %v, %v", n, n)
	v.loop(n, func() {
		body()
		for _, p := range pointers {
			v.add(64, p)
		}
	})
}

// broadcast loads a parameter into all lanes.
func (v *armVectorGen) broadcast(param string, r vreg) {
	at := v.reg()
	v.op("MOVWU %s, %v", v.param(param), at)
	v.word(0x4e040c00|fields(int(r), int(at), 0), "dup v%d.4s, w%d", r, at)
}

func (v *armVectorGen) scale() {
	v.start("scale", "x *float32, n int, f float32", "is kernels.scale. n is a positive multiple of 16.")
	x := v.load("x")
	v.broadcast("f", 4)
	v.each([]gp{x}, func() {
		for i := range vreg(4) {
			v.ldrQ(x, 16*int(i), i)
			v.v3("fmul 4s", i, i, 4)
			v.strQ(i, x, 16*int(i))
		}
	})
	v.ret()
}

func (v *armVectorGen) addKernel() {
	v.start("add", "dst *float32, x *float32, n int", "is kernels.add. n is a positive multiple of 16.")
	dst, x := v.load("dst"), v.load("x")
	v.each([]gp{dst, x}, func() {
		for i := range vreg(4) {
			v.ldrQ(dst, 16*int(i), i)
			v.ldrQ(x, 16*int(i), 4+i)
			v.v3("fadd 4s", i, i, 4+i)
			v.strQ(i, dst, 16*int(i))
		}
	})
	v.ret()
}

func (v *armVectorGen) scaleBy() {
	v.start("scaleBy", "dst *float32, x *float32, weight *float32, n int, f float32", "is kernels.scaleBy. n is a positive multiple of 16.")
	dst, x, weight := v.load("dst"), v.load("x"), v.load("weight")
	v.broadcast("f", 8)
	v.each([]gp{dst, x, weight}, func() {
		for i := range vreg(4) {
			v.ldrQ(x, 16*int(i), i)
			v.ldrQ(weight, 16*int(i), 4+i)
			v.v3("fmul 4s", i, i, 8)
			v.v3("fmul 4s", i, i, 4+i)
			v.strQ(i, dst, 16*int(i))
		}
	})
	v.ret()
}

// largest passes NaNs over, as the Go code does: FMAX would not.
func (v *armVectorGen) largest() {
	v.start("largest", "lanes *float32, x *float32, n int", "sets lane i%16 to the largest of its values. n is a positive multiple of 16.")
	lanes, x, least := v.load("lanes"), v.load("x"), v.reg()
	v.op("MOVD $vectorConstants<>+%d(SB), %v", 4*(v.c("MinusInf")-armConstants), least)
	for i := range vreg(4) {
		v.ld1r(least, i)
	}
	v.each([]gp{x}, func() {
		for i := range vreg(4) {
			t, greater := 4+i, 8+i
			v.ldrQ(x, 16*int(i), t)
			v.v3("fcmgt 4s", greater, t, i)
			v.v3("bit 16b", i, t, greater)
		}
	})
	for i := range vreg(4) {
		v.strQ(i, lanes, 16*int(i))
	}
	v.ret()
}

// rotate: loads and stores take pairs apart and put them together.
func (v *armVectorGen) rotate() {
	v.start("rotate", "x *float32, turn *float32, n int, scale float32", "is kernels.rotate for one head. n is a positive multiple of 16.")
	x, turn := v.load("x"), v.load("turn")
	to := v.reg()
	v.move(x, to)
	v.broadcast("scale", 16)
	n := v.load("n")
	v.op("LSR $4, %v, %v", n, n)
	v.loop(n, func() {
		for i := range vreg(2) {
			a, b, cos, sin, t := 8*i, 8*i+1, 8*i+2, 8*i+3, 8*i+4
			v.ld2Next(x, a)
			v.ld2Next(turn, cos)
			v.v3("fmul 4s", t, a, cos)
			v.v3("fmul 4s", t+1, b, sin)
			v.v3("fmul 4s", b, b, cos)
			v.v3("fmul 4s", a, a, sin)
			v.v3("fadd 4s", b, b, a)
			v.v3("fsub 4s", a, t, t+1)
			v.v3("fmul 4s", a, a, 16)
			v.v3("fmul 4s", b, b, 16)
			v.st2Next(a, to)
		}
	})
	v.ret()
}

// squares: a square of float32 is exact in float64, so that fusing changes
// nothing.
func (v *armVectorGen) squares() {
	v.start("squares", "lanes *float64, x *float32, n int", "is kernels.squares. n is a positive multiple of 16.")
	lanes, x := v.load("lanes"), v.load("x")
	for i := range vreg(8) {
		v.zero(i)
	}
	v.each([]gp{x}, func() {
		for i := range vreg(4) {
			low, high := 16+2*i, 17+2*i
			v.ldrQ(x, 16*int(i), 24+i)
			v.v2("fcvtl 2d 2s", low, 24+i)
			v.v2("fcvtl2 2d 4s", high, 24+i)
			v.v3("fmla 2d", 2*i, low, low)
			v.v3("fmla 2d", 2*i+1, high, high)
		}
	})
	for i := range vreg(8) {
		v.strQ(i, lanes, 16*int(i))
	}
	v.ret()
}

// exp replaces two vectors by their Exp. The four registers after each are
// free. Their steps take turns, so that one need not wait for the other.
func (v *armVectorGen) exp(x [2]vreg) {
	both := func(step func(x, sum, n, r, p vreg)) {
		for _, x := range x {
			step(x, x+1, x+2, x+3, x+4)
		}
	}
	move := func(to, from vreg) { v.v3("orr 16b", to, from, from) }
	both(func(x, sum, n, r, p vreg) { move(sum, v.c("Round")) })
	both(func(x, sum, n, r, p vreg) { v.v3("fmla 4s", sum, x, v.c("Log2e")) })
	both(func(x, sum, n, r, p vreg) { v.v3("fsub 4s", n, sum, v.c("Round")) })
	both(func(x, sum, n, r, p vreg) { move(r, x) })
	both(func(x, sum, n, r, p vreg) { v.v3("fmls 4s", r, n, v.c("Ln2Hi")) })
	both(func(x, sum, n, r, p vreg) { v.v3("fmls 4s", r, n, v.c("Ln2Lo")) })
	// A step is to = c + from·r; n and p take turns, and p is the last.
	for i, c := range []string{"P4", "P3", "P2", "P1", "P0", "One", "One"} {
		both(func(x, sum, n, r, p vreg) {
			from, to := n, p
			if i%2 == 1 {
				from, to = p, n
			}
			if i == 0 {
				from = v.c("P5")
			}
			move(to, v.c(c))
			v.v3("fmla 4s", to, from, r)
		})
	}
	both(func(x, sum, n, r, p vreg) { v.shiftWords(sum, sum, 23) })
	both(func(x, sum, n, r, p vreg) { v.v3("add 4s", p, p, sum) })
	// 0 unless x > Least, which a NaN is not; Inf if x > Most; NaN if x is.
	both(func(x, sum, n, r, p vreg) {
		v.v3("fcmgt 4s", n, x, v.c("Least"))
		v.v3("and 16b", p, p, n)
		v.v3("fcmgt 4s", n, x, v.c("Most"))
		v.v3("bit 16b", p, v.c("Inf"), n)
		v.v3("fcmeq 4s", n, x, x)
		v.v3("bit 16b", x, p, n)
	})
}

// silu sets both vectors to x/(1 + Exp(-x)). The six registers after each are
// free.
func (v *armVectorGen) silu(x [2]vreg) {
	e := [2]vreg{x[0] + 1, x[1] + 1}
	for i := range x {
		v.v2("fneg 4s", e[i], x[i])
	}
	v.exp(e)
	for i := range x {
		v.v3("fadd 4s", e[i], e[i], v.c("One"))
		v.v3("fdiv 4s", x[i], x[i], e[i])
	}
}

func (v *armVectorGen) expSum() {
	v.start("expSum", "lanes *float32, x *float32, n int, top float32", "replaces x by exp(x - top), and sets lane i%16 to the sum of its values. n is a positive multiple of 16.")
	lanes, x := v.load("lanes"), v.load("x")
	v.loadConstants()
	// The constants of other kernels make room for the top.
	const e0, e1 = 4, 9
	top := v.c("GeluCubic")
	v.broadcast("top", top)
	for i := range vreg(4) {
		v.zero(i)
	}
	v.each([]gp{x}, func() {
		for i := 0; i < 4; i += 2 {
			for j, e := range []vreg{e0, e1} {
				v.ldrQ(x, 16*(i+j), e)
				v.v3("fsub 4s", e, e, top)
			}
			v.exp([2]vreg{e0, e1})
			for j, e := range []vreg{e0, e1} {
				v.strQ(e, x, 16*(i+j))
				v.v3("fadd 4s", vreg(i+j), vreg(i+j), e)
			}
		}
	})
	for i := range vreg(4) {
		v.strQ(i, lanes, 16*int(i))
	}
	v.ret()
}

func (v *armVectorGen) swiglu() {
	v.start("swiglu", "gate *float32, up *float32, n int", "is kernels.swiglu. n is a positive multiple of 16.")
	gate, up := v.load("gate"), v.load("up")
	v.loadConstants()
	x := [2]vreg{0, 7}
	v.each([]gp{gate, up}, func() {
		for i := 0; i < 4; i += 2 {
			for j, x := range x {
				v.ldrQ(gate, 16*(i+j), x)
			}
			v.silu(x)
			for j, x := range x {
				v.ldrQ(up, 16*(i+j), x+1)
				v.v3("fmul 4s", x, x, x+1)
				v.strQ(x, gate, 16*(i+j))
			}
		}
	})
	v.ret()
}

func (v *armVectorGen) gelu() {
	v.start("gelu", "x *float32, n int", "is kernels.gelu. n is a positive multiple of 16.")
	p := v.load("x")
	v.loadConstants()
	x := [2]vreg{0, 7}
	u := [2]vreg{1, 8}
	v.each([]gp{p}, func() {
		for i := 0; i < 4; i += 2 {
			for j := range x {
				v.ldrQ(p, 16*(i+j), x[j])
				v.v3("fmul 4s", u[j], x[j], x[j])
				v.v3("fmul 4s", u[j], u[j], v.c("GeluCubic"))
				v.v3("fadd 4s", u[j], u[j], v.c("GeluLinear"))
				v.v3("fmul 4s", u[j], u[j], x[j])
				v.v2("fneg 4s", u[j], u[j])
			}
			v.exp(u)
			for j := range x {
				v.v3("fadd 4s", u[j], u[j], v.c("One"))
				v.v3("fdiv 4s", x[j], x[j], u[j])
				v.strQ(x[j], p, 16*(i+j))
			}
		}
	})
	v.ret()
}

// affine: channels repeat for every pixel.
func (v *armVectorGen) affine(name string, swish bool) {
	v.start(name, "dst *float32, src *float32, factor *float32, offset *float32, channels int, pixels int",
		fmt.Sprintf("is kernels.%s. channels is a positive multiple of 16, pixels > 0.", name))
	dst, src, pixels := v.load("dst"), v.load("src"), v.load("pixels")
	factor, offset, channels := v.load("factor"), v.load("offset"), v.load("channels")
	v.op("LSR $4, %v, %v", channels, channels)
	f, o, n := v.reg(), v.reg(), v.reg()
	if swish {
		v.loadConstants()
	}
	x := [2]vreg{0, 7}
	v.loop(pixels, func() {
		v.move(factor, f)
		v.move(offset, o)
		v.move(channels, n)
		v.loop(n, func() {
			for i := 0; i < 4; i += 2 {
				for j, x := range x {
					v.ldrQ(src, 16*(i+j), x)
					v.ldrQ(f, 16*(i+j), x+1)
					v.ldrQ(o, 16*(i+j), x+2)
					v.v3("fmul 4s", x, x, x+1)
					v.v3("fadd 4s", x, x, x+2)
				}
				if swish {
					v.silu(x)
				}
				for j, x := range x {
					v.strQ(x, dst, 16*(i+j))
				}
			}
			for _, p := range []gp{src, dst, f, o} {
				v.add(64, p)
			}
		})
	})
	v.ret()
}

// channels: 16 channels at a time go through all pixels of a row.
func (v *armVectorGen) channels() {
	v.start("channels", "sums *float64, squares *float64, row *float32, channels int, pixels int",
		"is kernels.channels for 16 channels. pixels > 0.")
	s, q, row := v.load("sums"), v.load("squares"), v.load("row")
	step, pixels := v.loadBytes("channels", 2), v.load("pixels")
	sum := func(i vreg) vreg { return i }
	square := func(i vreg) vreg { return 8 + i }
	for i := range vreg(8) {
		v.ldrQ(s, 16*int(i), sum(i))
		v.ldrQ(q, 16*int(i), square(i))
	}
	v.loop(pixels, func() {
		for i := range vreg(4) {
			x, low, high := 16+i, 20+2*i, 21+2*i
			v.ldrQ(row, 16*int(i), x)
			v.v2("fcvtl 2d 2s", low, x)
			v.v2("fcvtl2 2d 4s", high, x)
			for j, t := range []vreg{low, high} {
				at := 2*i + vreg(j)
				v.v3("fadd 2d", sum(at), sum(at), t)
				v.v3("fmla 2d", square(at), t, t)
			}
		}
		v.addReg(step, row)
	})
	for i := range vreg(8) {
		v.strQ(sum(i), s, 16*int(i))
		v.strQ(square(i), q, 16*int(i))
	}
	v.ret()
}

package main

import "fmt"

// The transforms of Winograd's convolution, with the operations of
// winograd_generic.go in its order. All factors are powers of two, so that a
// fused multiply-add gives what a multiplication and an addition give. Channels
// are lanes.

// The factors are words of one register.
const (
	winogradTwo = iota
	winogradFour
	winogradEight
)

func armWinograd(a *arm) {
	a.constants("winogradFactors", []uint32{f32(2), f32(4), f32(8), 0})
	a.winogradInput()
	a.winogradOutput(false)
	a.winogradOutput(true)
	a.put(false)
	a.put(true)
}

func (a *arm) copyV(src, dst vreg) { a.v3("orr 16b", dst, src, src) }

// winogradPointers returns registers for the six rows of a patch, and a function
// that sets them to rows at a distance of step from base on.
func (a *arm) winogradPointers(base, step gp) (rows [patch]gp, rewind func()) {
	for i := range rows {
		rows[i] = a.reg()
	}
	return rows, func() {
		a.move(base, rows[0])
		for i := 1; i < patch; i++ {
			a.op("ADD %v, %v, %v", step, rows[i-1], rows[i])
		}
	}
}

func (a *arm) winogradInput() {
	a.function("winogradInputAsmNEON", "v *float32, step int, src *float32, rowLen int, channels int", "",
		"winogradInputAsmNEON is kernels.winogradInput. channels is a positive multiple of 4.")
	v, src, step := a.load("v"), a.load("src"), a.loadBytes("step", 2)
	row, pixel, n := a.loadBytes("rowLen", 2), a.loadBytes("channels", 2), a.load("channels")
	rowStep, to := a.reg(), a.reg()
	a.op("ADD %v, %v, %v", step, step, rowStep)
	a.addReg(step, rowStep)
	a.op("LSL $1, %v, %v", rowStep, rowStep) // 6 steps
	a.op("LSR $2, %v, %v", n, n)
	in, rewind := a.winogradPointers(src, row)
	const factors = 31
	a.ldrQ(a.table("winogradFactors"), 0, factors)

	// transform sets the wanted ones of six transformed values.
	transform := func(x, out [patch]vreg, want ...int) {
		const p, q, r, s = 6, 7, 8, 9
		b, c, d, e := x[1], x[2], x[3], x[4]
		a.v3("fsub 4s", r, e, c)
		a.v3("fsub 4s", s, d, b)
		a.copyV(e, p)
		a.fmlsLane(p, c, factors, winogradFour)
		a.copyV(d, q)
		a.fmlsLane(q, b, factors, winogradFour)
		for _, i := range want {
			o := out[i]
			switch i {
			case 0:
				a.v3("fsub 4s", x[0], x[0], c)
				a.copyV(r, o)
				a.fmlaLane(o, x[0], factors, winogradFour)
			case 1:
				a.v3("fadd 4s", o, p, q)
			case 2:
				a.v3("fsub 4s", o, p, q)
			case 3:
				a.copyV(r, o)
				a.fmlaLane(o, s, factors, winogradTwo)
			case 4:
				a.copyV(r, o)
				a.fmlsLane(o, s, factors, winogradTwo)
			case 5:
				a.v3("fsub 4s", o, x[5], d)
				a.fmlsLane(o, s, factors, winogradFour)
			}
		}
	}
	registers := func(first vreg) (x [patch]vreg) {
		for i := range x {
			x[i] = first + vreg(i)
		}
		return x
	}
	a.loop(n, func() {
		// Three rows at a time: the patch is read twice instead of storing it
		// in between.
		for _, rows := range [][]int{{1, 2, 5}, {0, 3, 4}} {
			at := func(i int) vreg { return 10 + patch*vreg(i) }
			rewind()
			for x := range patch {
				for y, base := range in {
					a.ldrQ(base, 0, vreg(y))
				}
				var out [patch]vreg
				for i, y := range rows {
					out[y] = at(i) + vreg(x)
				}
				transform(registers(0), out, rows...)
				if x+1 < patch {
					for _, base := range in {
						a.addReg(pixel, base)
					}
				}
			}
			for i, y := range rows {
				a.move(v, to)
				for range y {
					a.addReg(rowStep, to)
				}
				out := registers(0)
				transform(registers(at(i)), out, 0, 1, 2, 3, 4, 5)
				for x, r := range out {
					a.strQ(r, to, 0)
					if x+1 < patch {
						a.addReg(step, to)
					}
				}
			}
		}
		a.add(16, src)
		a.add(16, v)
	})
	a.ret()
}

func (a *arm) winogradOutput(add bool) {
	name, how := "winogradOutputAsmNEON", "does not add"
	if add {
		name, how = "winogradAddOutputAsmNEON", "adds"
	}
	a.function(name, "dst *float32, rowLen int, stride int, m *float32, step int, bias *float32", "",
		fmt.Sprintf("%s is kernels.winogradOutput; it %s.", name, how))
	dst, m, bias := a.load("dst"), a.load("m"), a.load("bias")
	row, pixel, step := a.loadBytes("rowLen", 2), a.loadBytes("stride", 2), a.loadBytes("step", 2)
	rowStep, line, to, n := a.reg(), a.reg(), a.reg(), a.reg()
	a.op("ADD %v, %v, %v", step, step, rowStep)
	a.addReg(step, rowStep)
	a.op("LSL $1, %v, %v", rowStep, rowStep)
	in, rewind := a.winogradPointers(m, rowStep)
	const factors = 7
	a.ldrQ(a.table("winogradFactors"), 0, factors)
	a.op("MOVD $%d, %v", convGroup/4, n)

	// transform makes four values of the six from register x on, which are lost.
	transform := func(x vreg, out func(i int) vreg) {
		const p = 6
		b, c, d, e := x+1, x+2, x+3, x+4
		a.v3("fadd 4s", p, b, c)
		a.v3("fsub 4s", b, b, c)
		a.v3("fadd 4s", c, d, e)
		a.v3("fsub 4s", d, d, e)
		a.v3("fadd 4s", out(0), p, x)
		a.v3("fadd 4s", out(0), out(0), c)
		a.copyV(b, out(1))
		a.fmlaLane(out(1), d, factors, winogradTwo)
		a.copyV(p, out(2))
		a.fmlaLane(out(2), c, factors, winogradFour)
		a.copyV(b, out(3))
		a.fmlaLane(out(3), d, factors, winogradEight)
		a.v3("fadd 4s", out(3), out(3), x+5)
	}
	a.loop(n, func() {
		rewind()
		for x := range patch {
			for y, base := range in {
				a.ldrQ(base, 0, vreg(y))
			}
			transform(0, func(y int) vreg { return 8 + vreg(patch*y+x) })
			if x+1 < patch {
				for _, base := range in {
					a.addReg(step, base)
				}
			}
		}
		a.move(dst, line)
		for y := range tile {
			transform(8+vreg(patch*y), func(i int) vreg { return vreg(i) })
			a.ldrQ(bias, 0, 4)
			a.move(line, to)
			for r := range vreg(tile) {
				a.v3("fadd 4s", r, r, 4)
				if add {
					a.ldrQ(to, 0, 5)
					a.v3("fadd 4s", r, r, 5)
				}
				a.strQ(r, to, 0)
				if r+1 < tile {
					a.addReg(pixel, to)
				}
			}
			if y+1 < tile {
				a.addReg(row, line)
			}
		}
		for _, p := range []gp{m, dst, bias} {
			a.add(16, p)
		}
	})
	a.ret()
}

// put copies 32 channels of some pixels, or adds what is there to both.
func (a *arm) put(add bool) {
	name := "putAsmNEON"
	if add {
		name = "addPutAsmNEON"
	}
	a.function(name, "dst *float32, stride int, x *float32, pixels int", "",
		fmt.Sprintf("%s is kernels.put for 32 channels. pixels > 0.", name))
	dst, stride, x, pixels := a.load("dst"), a.loadBytes("stride", 2), a.load("x"), a.load("pixels")
	a.loop(pixels, func() {
		for i := range vreg(convGroup / 4) {
			a.ldrQ(x, 16*int(i), i)
			if add {
				a.ldrQ(dst, 16*int(i), 8+i)
				a.v3("fadd 4s", i, i, 8+i)
				a.strQ(i, x, 16*int(i))
			}
			a.strQ(i, dst, 16*int(i))
		}
		a.add(4*convGroup, x)
		a.addReg(stride, dst)
	})
	a.ret()
}

package main

import "fmt"

// Products with quantised weights of q8.go and nibbles.go: 16 rows, in lanes of
// four vectors, by up to 4 columns; a step is four values of each row. With the
// dot product extension SDOT makes a step's sums of four rows. Without it bytes
// are multiplied to 16 bits, added up in them as long as they fit, and then
// pairs of these in 32; four rows have their turn at a time then, and the sums
// of a block's floats wait in the output.
const armPackedColumns = 4

// armPackedTypes are Q8_0, whose weights are stored with 128 added, and the
// others.
var armPackedTypes = append([]nibbleType{{"q8", 8, halfScales}}, nibbleTypes...)

func armPacked(a *arm) {
	for _, t := range armPackedTypes {
		for _, dot := range []bool{true, false} {
			suffix := "NEON"
			if dot {
				suffix = "DotProd"
			}
			var names []string
			for columns := 1; columns <= armPackedColumns; columns++ {
				k := &armPackedKernel{arm: a, t: t, columns: columns, dot: dot}
				names = append(names, k.function(suffix))
			}
			a.choose(t.name+"Tile"+suffix, "columns", names)
		}
	}
	a.quantize()
}

// armPackedKernel is the state of the generator for one function.
type armPackedKernel struct {
	*arm
	t       nibbleType
	columns int
	dot     bool

	quants, scales, super gp
	ys                    []gp // of the output, by column, without SDOT
	xq, xs, xp, xpNext    gp   // of the columns; xpNext: of the second half
	xm                    gp
	stepQ, stepS          gp // bytes from a block of columns to the next

	free      vreg    // the first register beyond sums and integer sums
	masks     [2]vreg // of weights
	temporary vreg    // of weights
}

func (k *armPackedKernel) function(suffix string) string {
	name := fmt.Sprintf("%sx%d%s", k.t.name, k.columns, suffix)
	k.arm.function(name, "y *float32, ldy int, quants *byte, scales *byte, xq *int8, xs *float32, xp *int32, xm *float32, n int, blocks int", "",
		fmt.Sprintf("%s is a packedKernel for %d of n columns. blocks > 0.", name, k.columns))
	k.quants, k.scales, k.super = k.load("quants"), k.load("scales"), k.reg()
	k.xq, k.xs = k.load("xq"), k.load("xs")
	k.xp, k.xpNext, k.xm = k.load("xp"), k.reg(), k.load("xm")
	k.stepS = k.loadBytes("n", 2)
	k.stepQ = k.reg()
	k.op("LSL $3, %v, %v", k.stepS, k.stepQ)
	blocks, left, inner := k.load("blocks"), k.reg(), k.reg()
	out, ldy := k.load("y"), k.loadBytes("ldy", 2)

	k.ys = nil
	if k.dot {
		for c := range k.columns {
			for g := range 4 {
				k.zero(k.sum(c, g))
			}
		}
	} else {
		k.zero(0)
		for c := range k.columns {
			k.ys = append(k.ys, k.reg())
			k.move(out, k.ys[c])
			for g := range 4 {
				k.strQ(0, out, 16*g)
			}
			k.addReg(ldy, out)
		}
	}
	block := func() {
		if k.halves() == 2 {
			k.op("ADD %v, %v, %v", k.stepS, k.xp, k.xpNext)
		}
		if k.dot {
			k.blockDot()
		} else {
			k.blockLong(inner)
		}
		k.addReg(k.stepQ, k.xq)
		k.addReg(k.stepS, k.xs)
		k.addReg(k.stepS, k.xm)
		k.addReg(k.stepS, k.xp)
		if k.t.form == sixteenScales {
			k.addReg(k.stepS, k.xp)
		}
	}
	if k.t.form == halfScales {
		k.loop(blocks, block)
	} else {
		k.op("LSR $3, %v, %v", blocks, blocks)
		k.loop(blocks, func() {
			k.move(k.scales, k.super)
			if k.t.form == affineScales {
				k.add(64, k.scales)
			} else {
				k.add(32, k.scales)
			}
			k.op("MOVD $8, %v", left)
			k.loop(left, block)
		})
	}
	if k.dot {
		for c := range k.columns {
			for g := range 4 {
				k.strQ(k.sum(c, g), out, 16*g)
			}
			if c+1 < k.columns {
				k.addReg(ldy, out)
			}
		}
	}
	k.ret()
	return name
}

// size is how many bytes the quants of a block take.
func (k *armPackedKernel) size() int { return 64 * k.t.bits }

// sum is the sums of column c for the four rows of part g, with SDOT.
func (k *armPackedKernel) sum(c, g int) vreg { return vreg(4*c + g) }

// halves is how many parts of a block have scales of their own.
func (k *armPackedKernel) halves() int {
	if k.t.form == sixteenScales {
		return 2
	}
	return 1
}

// blockDot adds the products of 32 values with SDOT. All rows go through a block
// together, so that its activations are loaded once, if there are registers for
// their sums.
func (k *armPackedKernel) blockDot() {
	parts := 4
	if k.columns == 4 {
		parts = 2
	}
	acc := func(c, g int) vreg { return vreg(4*k.columns + parts*c + g%parts) }
	k.free = vreg((4 + parts) * k.columns)
	x := func(c int) vreg { return k.free + vreg(c) }
	w := x(k.columns)
	k.temporary, k.masks = w+1, [2]vreg{30, 31}
	for first := 0; first < 4; first += parts {
		k.setMasks()
		for half := range k.halves() {
			for c := range k.columns {
				for g := first; g < first+parts; g++ {
					switch {
					case !k.hasPreset():
						k.zero(acc(c, g))
					case g == first:
						k.preset(c, half, acc(c, g))
					default:
						k.v3("orr 16b", acc(c, g), acc(c, first), acc(c, first))
					}
				}
			}
			for chunk := half; chunk < 2; chunk += k.halves() {
				for c := range k.columns {
					k.ldrQ(k.xq, q8Columns*c+16*chunk, x(c))
				}
				for i := range 4 {
					for g := first; g < first+parts; g++ {
						k.loadWeights(4*chunk+i, g, w)
						for c := range k.columns {
							k.sdotLane(acc(c, g), w, x(c), i)
						}
					}
				}
			}
			for g := first; g < first+parts; g++ {
				k.fold(g, half, func(c int) vreg { return acc(c, g) }, func(c int) vreg { return k.sum(c, g) })
			}
		}
	}
	k.add(k.size(), k.quants)
	k.add(32, k.scales)
}

// blockLong adds the products of 32 values by way of 16 bits, four rows at a
// time. Products of Q8_0 are at most 128·127, of which two fit; of the others
// 63·128, of which four do. n is free.
func (k *armPackedKernel) blockLong(n gp) {
	fit := 4
	if k.t.bits == 8 {
		fit = 2
	}
	acc := func(c, pair int) vreg { return vreg(2*c + pair) }
	sum := func(c int) vreg { return 24 + vreg(c) }
	k.free = vreg(2 * k.columns)
	w := func(i int) vreg { return k.free + vreg(i) }
	const x, xi = 28, 29
	products := [2]vreg{30, 31}
	// Weights are loaded while there are no products.
	k.temporary, k.masks = xi, products
	k.op("MOVD $4, %v", n)
	k.loop(n, func() {
		for half := range k.halves() {
			for chunk := half; chunk < 2; chunk += k.halves() {
				k.setMasks()
				for i := range 4 {
					k.loadWeights(4*chunk+i, 0, w(i))
				}
				for c := range k.columns {
					k.ldrQ(k.xq, q8Columns*c+16*chunk, x)
					for i := range 4 {
						name := "smlal"
						if i%fit == 0 {
							name = "smull"
						}
						k.dup(xi, x, i)
						k.v3(name+" 8h 8b 8b", products[0], w(i), xi)
						k.v3(name+"2 8h 16b 16b", products[1], w(i), xi)
						if i%fit == fit-1 {
							add := "sadalp 4s 8h"
							if chunk == half && i < fit {
								add = "saddlp 4s 8h" // the first sums
							}
							k.v2(add, acc(c, 0), products[0])
							k.v2(add, acc(c, 1), products[1])
						}
					}
				}
			}
			for c, y := range k.ys {
				k.v3("addp 4s", acc(c, 0), acc(c, 0), acc(c, 1))
				if k.hasPreset() {
					k.preset(c, half, acc(c, 1))
					k.v3("add 4s", acc(c, 0), acc(c, 0), acc(c, 1))
				}
				if half == 0 {
					k.ldrQ(y, 0, sum(c))
				}
			}
			k.fold(0, half, func(c int) vreg { return acc(c, 0) }, sum)
		}
		for c, y := range k.ys {
			k.strQ(sum(c), y, 0)
			k.add(16, y)
		}
		// On to the next four rows.
		k.add(16, k.quants)
		if k.t.form == halfScales {
			k.add(8, k.scales)
		} else {
			k.add(4, k.scales)
			k.add(8, k.super)
		}
	})
	for _, y := range k.ys {
		k.op("SUB $64, %v, %v", y, y)
	}
	k.add(k.size()-64, k.quants)
	if k.t.form != halfScales {
		k.add(16, k.scales)
		k.op("SUB $32, %v, %v", k.super, k.super)
	}
}

// hasPreset says whether the integer sums start with q8Columns.preset or
// halves. Q8_0's weights have the 128 taken back instead.
func (k *armPackedKernel) hasPreset() bool { return k.t.bits != 8 && k.t.form != affineScales }

// preset sets all lanes to what a column's integer sums start with.
func (k *armPackedKernel) preset(c, half int, v vreg) {
	base := k.xp
	if half == 1 {
		base = k.xpNext
	}
	k.ldrS(base, 4*c, v)
	k.dup(v, v, 0)
}

func (k *armPackedKernel) setMasks() {
	if k.t.bits == 8 {
		k.bytes(k.masks[0], 0x80)
		return
	}
	k.bytes(k.masks[0], 0x0f)
	if k.t.bits > 4 {
		k.bytes(k.masks[1], map[int]int{5: 0x10, 6: 0x30}[k.t.bits])
	}
}

// loadWeights sets r to the weights of a step, for the four rows of part g.
func (k *armPackedKernel) loadWeights(s, g int, r vreg) {
	if k.t.bits == 8 {
		k.ldrQ(k.quants, 64*s+16*g, r)
		k.v3("eor 16b", r, r, k.masks[0])
		return
	}
	k.ldrQ(k.quants, 64*(s%4)+16*g, r)
	if s < 4 {
		k.v3("and 16b", r, r, k.masks[0])
	} else {
		k.shiftBytes(r, r, -4)
	}
	if k.t.bits == 4 {
		return
	}
	vector, left := k.t.high(s)
	k.ldrQ(k.quants, 64*(4+vector)+16*g, k.temporary)
	k.shiftBytes(k.temporary, k.temporary, left)
	k.v3("and 16b", k.temporary, k.temporary, k.masks[1])
	k.v3("orr 16b", r, r, k.temporary)
}

// fold adds the integer sums of all columns, for the four rows of part g, to
// the others.
func (k *armPackedKernel) fold(g, half int, acc, sum func(c int) vreg) {
	scale, offset, t := k.free, k.free+1, k.free+2
	// factor sets r to four integers times half floats.
	factor := func(integers, halves int, signed bool, r vreg) {
		k.ldrS(k.scales, integers, r)
		k.widenBytes(r, signed)
		k.v2("scvtf 4s", r, r)
		k.ldrD(k.super, halves, t)
		k.v2("fcvtl 4s 4h", t, t)
		k.v3("fmul 4s", r, r, t)
	}
	switch k.t.form {
	case halfScales:
		k.ldrD(k.scales, 8*g, scale)
		k.v2("fcvtl 4s 4h", scale, scale)
	case affineScales:
		factor(4*g, 8*g, false, scale)
		factor(16+4*g, 32+8*g, false, offset)
	case sixteenScales:
		factor(16*half+4*g, 8*g, true, scale)
	}
	for c := range k.columns {
		r := acc(c)
		k.v2("scvtf 4s", r, r)
		k.ldrS(k.xs, 4*c, t)
		k.fmulLane(r, r, t, 0)
		k.v3("fmla 4s", sum(c), r, scale)
		if k.t.form == affineScales {
			k.ldrS(k.xm, 4*c, t)
			k.fmlsLane(sum(c), offset, t, 0)
		}
	}
}

// quantize makes the quantiser of blocks of one column.
func (a *arm) quantize() {
	a.constants("quantizeConstants", []uint32{
		0x7fffffff,
		0x4b400000, // 3·2²²
		0x42fe0000, // 127
		0x0d800000, // 2**-100
		0x71800000, // 2**100
		^uint32(3),
		^uint32(0), // a NaN
	})
	a.function("quantizeAsmNEON", "xq *int8, xs *float32, xp *int32, x *float32, n int, blocks int", "",
		"quantizeAsmNEON is kernels.quantize for one of n columns. blocks > 0.")
	xq, xs, xp, x := a.load("xq"), a.load("xs"), a.load("xp"), a.load("x")
	step, blocks := a.loadBytes("n", 2), a.load("blocks")
	stepQ, sum, more := a.reg(), a.reg(), a.reg()
	a.op("LSL $3, %v, %v", step, stepQ)
	const top, inverse, scale, zero, magnitude, round, most, small, large, short, nan = 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26
	table := a.table("quantizeConstants")
	for _, r := range []vreg{magnitude, round, most, small, large, short, nan} {
		a.ld1rNext(table, r)
	}
	a.zero(zero)
	scalar := func(code uint32, name string, d, n, m vreg) {
		a.word(code|fields(int(d), int(n), int(m)), "%s s%d, s%d, s%d", name, d, n, m)
	}
	a.loop(blocks, func() {
		for i := range vreg(8) {
			a.ldrQ(x, 16*int(i), i)
			a.v3("and 16b", 8+i, i, magnitude)
		}
		for n := vreg(4); n > 0; n /= 2 {
			for i := range n {
				a.v3("umax 4s", 8+i, 8+i, 8+i+n)
			}
		}
		a.word(0x6eb0a800|fields(top, 8, 0), "umaxv s%d, v8.4s", top)
		scalar(0x1e201800, "fdiv", inverse, most, top)
		scalar(0x1e201800, "fdiv", scale, top, most)
		a.v3("and 16b", scale, scale, short)
		// Zero where the top is less than small; a NaN is not.
		a.word(0x1e202000|fields(0, top, small), "fcmp s%d, s%d", top, small)
		for _, r := range []vreg{inverse, scale} {
			a.word(0x1e204c00|fields(int(r), zero, int(r)), "fcsel s%d, s%d, s%d, mi", r, zero, r)
		}
		// A NaN unless the top is less than large.
		a.word(0x1e202000|fields(0, top, large), "fcmp s%d, s%d", top, large)
		a.word(0x1e204c00|fields(scale, scale, nan), "fcsel s%d, s%d, s%d, mi", scale, scale, nan)
		a.strS(scale, xs, 0)
		for i := range vreg(8) {
			a.fmulLane(i, i, inverse, 0)
			a.v3("fadd 4s", i, i, round)
		}
		// The low byte of each word.
		for i := range vreg(4) {
			a.v3("uzp1 8h", i, 2*i, 2*i+1)
		}
		for i := range vreg(2) {
			a.v3("uzp1 16b", i, 2*i, 2*i+1)
			a.strQ(i, xq, 16*int(i))
			a.word(0x4e303800|fields(int(8+i), int(i), 0), "saddlv h%d, v%d.16b", 8+i, i)
		}
		for i, r := range []gp{sum, more} {
			a.word(0x0e022c00|fields(int(r), 8+i, 0), "smov w%d, v%d.h[0]", r, 8+i)
		}
		a.op("ADDW %v, %v, %v", more, sum, sum)
		a.op("NEGW %v<<7, %v", sum, sum)
		a.op("MOVW %v, (%v)", sum, xp)

		a.add(128, x)
		a.addReg(stepQ, xq)
		a.addReg(step, xs)
		a.addReg(step, xp)
	})
	a.ret()
}

package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Products with weights of 4, 5 and 6 bits: 16 rows, which are lanes, by some
// columns; a step is a block of 32 values. See nibbles.go there for the layouts
// and the arithmetic.

// nibbleForm is how the scales of a type are laid out.
type nibbleForm int

const (
	halfScales nibbleForm = iota
	affineScales
	sixteenScales
)

// nibbleType is a type of weights.
type nibbleType struct {
	name string
	bits int
	form nibbleForm
}

var nibbleTypes = []nibbleType{
	{"q40", 4, halfScales}, {"q50", 5, halfScales},
	{"q4K", 4, affineScales}, {"q5K", 5, affineScales}, {"q6K", 6, sixteenScales},
}

// What the kernels take; xp is for types whose zero is not 0, xm for others.
const nibbleSignature = "func(y *float32, ldy int, quants *byte, scales *byte, xq *int8, xs *float32, xp *int32, xm *float32, n int, blocks int)"

var nibbleMask, nibbleFifth, nibblePair operand.Mem

func genNibbles(g *gen) {
	nibbleMask = g.constant("nibbleMask", 0x0f0f0f0f)
	nibbleFifth = g.constant("nibbleFifth", 0x10101010)
	nibblePair = g.constant("nibblePair", 0x30303030)
	nibbleOnes := g.constant("nibbleOnes", 0x00010001)
	for _, t := range nibbleTypes {
		var names []string
		for columns := 1; columns <= 8; columns++ {
			names = append(names, g.nibblesVNNI(t, columns))
		}
		g.choose(t.name+"TileVNNI", "columns", names)
		names = nil
		for columns := 1; columns <= 4; columns++ {
			names = append(names, g.nibblesAVX2(t, columns, nibbleOnes))
		}
		g.choose(t.name+"TileAVX2", "columns", names)
	}
}

// nibbleKernel is what both kinds of products share.
type nibbleKernel struct {
	*gen
	t              nibbleType
	columns        int
	quants, scales reg.Register // of the weights
	super          reg.Register // scales of 256 weights
	xq, xs, xp, xm reg.Register // of the columns
	stepQ, stepS   reg.Register // bytes from a block of columns to the next
	blocks         reg.Register
}

func (g *gen) newNibbles(t nibbleType, columns int, isa string) (k *nibbleKernel, name string) {
	name = fmt.Sprintf("%sx%d%s", t.name, columns, isa)
	g.function(name, nibbleSignature, fmt.Sprintf("%s is a packedKernel for %d of n columns. blocks > 0.", name, columns))
	k = &nibbleKernel{gen: g, t: t, columns: columns}
	k.quants, k.scales = g.load("quants"), g.load("scales")
	k.xq, k.xs = g.load("xq"), g.load("xs")
	if t.form == affineScales {
		k.xm = g.load("xm")
	} else {
		k.xp = g.load("xp")
	}
	stepS := g.loadBytes("n")
	stepQ := g.GP64()
	g.MOVQ(stepS, stepQ)
	g.SHLQ(operand.U8(3), stepQ)
	k.stepQ, k.stepS = stepQ, stepS
	k.blocks = g.load("blocks")
	if t.form != halfScales {
		super := g.GP64()
		k.super = super
	}
	return k, name
}

// size is how many bytes the quants of a block take.
func (t nibbleType) size() int { return 64 * t.bits }

// run makes the loops: enter at the start of the weights that share scales in
// k.super, body for each block.
func (k *nibbleKernel) run(enter, body func()) {
	block := func() {
		body()
		k.ADDQ(imm(k.t.size()), k.quants)
		k.ADDQ(imm(32), k.scales)
		k.ADDQ(k.stepQ, k.xq)
		k.ADDQ(k.stepS, k.xs)
		switch k.t.form {
		case halfScales:
			k.ADDQ(k.stepS, k.xp)
		case affineScales:
			k.ADDQ(k.stepS, k.xm)
		case sixteenScales:
			k.LEAQ(operand.Mem{Base: k.xp, Index: k.stepS, Scale: 2}, k.xp)
		}
	}
	if k.t.form == halfScales {
		k.loop(k.blocks, block)
		return
	}
	k.SHRQ(operand.U8(3), k.blocks)
	inner := k.GP64()
	k.loop(k.blocks, func() {
		k.MOVQ(k.scales, k.super)
		enter()
		if k.t.form == affineScales {
			k.ADDQ(imm(64), k.scales)
		} else {
			k.ADDQ(imm(32), k.scales)
		}
		k.MOVQ(operand.U32(8), inner)
		k.loop(inner, block)
	})
}

// high returns which vector has the high bits of a step, and by how much they
// are to be moved to the left so that they come to lie above the nibble.
func (t nibbleType) high(step int) (vector, left int) {
	if t.bits == 5 {
		return 0, 4 - step
	}
	return step % 2, 4 - step&^1
}

// preset is the address of what the integer sum of a column starts with.
func (k *nibbleKernel) preset(column, half int) operand.Mem {
	m := at(k.xp, 4*column)
	if half == 1 {
		m.Index, m.Scale = k.stepS, 1
	}
	return m
}

// nibblesVNNI makes the AVX-512 kernel for processors with VPDPBUSD.
func (g *gen) nibblesVNNI(t nibbleType, columns int) string {
	k, name := g.newNibbles(t, columns, "VNNI")
	used := 0
	take := func(n int) []reg.VecPhysical {
		used += n
		return zmm[used-n : used]
	}
	sum, acc := take(columns), take(columns)
	raw, high := take(4), take(t.bits-4)
	masks := take(2)
	scale, offset := take(1)[0], take(1)[0]
	super := take(2)
	weights := zmm[used:]
	weights = weights[:min(4, len(weights))]
	g.VMOVDQU32(nibbleMask, masks[0])
	if t.bits == 5 {
		g.VMOVDQU32(nibbleFifth, masks[1])
	}
	if t.bits == 6 {
		g.VMOVDQU32(nibblePair, masks[1])
	}
	for _, r := range sum {
		g.zero(avx512, r)
	}
	enter := func() {
		g.VCVTPH2PS(at(k.super, 0), super[0])
		if t.form == affineScales {
			g.VCVTPH2PS(at(k.super, 32), super[1])
		}
	}
	step := func(s int) {
		w := weights[s%len(weights)]
		if s < 4 {
			k.prefetch(k.quants, s)
			g.VMOVDQU32(at(k.quants, 64*s), raw[s])
			g.VPANDD(masks[0], raw[s], w)
		} else {
			g.VPSRLD(operand.U8(4), raw[s-4], w)
			g.VPANDD(masks[0], w, w)
		}
		if t.bits > 4 {
			vector, left := t.high(s)
			bits := high[vector]
			if s < len(high) {
				k.prefetch(k.quants, 4+s)
				g.VMOVDQU32(at(k.quants, 64*(4+s)), bits)
			}
			switch {
			case left > 0:
				g.VPSLLD(operand.U8(uint8(left)), bits, scale)
				bits = scale
			case left < 0:
				g.VPSRLD(operand.U8(uint8(-left)), bits, scale)
				bits = scale
			}
			g.VPTERNLOGD(operand.U8(0xf8), masks[1], bits, w) // w | bits & mask
		}
		for c, r := range acc {
			g.VPDPBUSD_BCST(at(k.xq, q8Columns*c+4*s), w, r)
		}
	}
	// factor sets r to the integers at an address times f.
	factor := func(widen func(...operand.Op), m operand.Mem, f, r reg.VecPhysical) {
		widen(m, r)
		g.VCVTDQ2PS(r, r)
		g.VMULPS(f, r, r)
	}
	fold := func() {
		for c, r := range acc {
			g.VCVTDQ2PS(r, r)
			g.VMULPS_BCST(at(k.xs, 4*c), r, r)
			g.VFMADD231PS(scale, r, sum[c])
			if t.form == affineScales {
				g.VFNMADD231PS_BCST(at(k.xm, 4*c), offset, sum[c])
			}
		}
	}
	k.run(enter, func() {
		halves := 1
		if t.form == sixteenScales {
			halves = 2
		}
		for half := range halves {
			for c, r := range acc {
				if t.form == affineScales {
					g.zero(avx512, r)
				} else {
					g.VPBROADCASTD(k.preset(c, half), r)
				}
			}
			for s := range 8 / halves {
				step(8/halves*half + s)
			}
			switch t.form {
			case halfScales:
				g.VCVTPH2PS(at(k.scales, 0), scale)
			case affineScales:
				factor(g.VPMOVZXBD, at(k.scales, 0), super[0], scale)
				factor(g.VPMOVZXBD, at(k.scales, 16), super[1], offset)
			case sixteenScales:
				factor(g.VPMOVSXBD, at(k.scales, 16*half), super[0], scale)
			}
			fold()
		}
	})
	out, ldy := g.load("y"), g.loadBytes("ldy")
	for c, r := range sum {
		g.VMOVUPS(r, at(out, 0))
		if c+1 < columns {
			g.ADDQ(ldy, out)
		}
	}
	g.ret()
	return name
}

// nibblesAVX2 makes the kernel for AVX2, which multiplies unsigned by signed
// bytes and adds pairs of them in 16 bits. Products are at most 63·128, so that
// four of them fit, and sixteen of 15·128. Eight rows at a time.
func (g *gen) nibblesAVX2(t nibbleType, columns int, ones operand.Mem) string {
	k, name := g.newNibbles(t, columns, "AVX2")
	acc := ymm[:columns]
	sum := func(c, rows int) reg.VecPhysical { return ymm[columns*(1+rows)+c] }
	free := ymm[3*columns:]
	u, v, t0, t1 := free[0], free[1], free[2], free[3]
	for c := range columns {
		g.zero(avx2, sum(c, 0))
		g.zero(avx2, sum(c, 1))
	}
	// weights sets r to those of a step.
	weights := func(s, rows int, r reg.VecPhysical) {
		g.VMOVDQU(at(k.quants, 64*(s%4)+32*rows), r)
		if s >= 4 {
			g.VPSRLD(operand.U8(4), r, r)
		}
		g.VPAND(nibbleMask, r, r)
		if t.bits == 4 {
			return
		}
		vector, left := t.high(s)
		g.VMOVDQU(at(k.quants, 64*(4+vector)+32*rows), t0)
		if left > 0 {
			g.VPSLLD(operand.U8(uint8(left)), t0, t0)
		}
		if left < 0 {
			g.VPSRLD(operand.U8(uint8(-left)), t0, t0)
		}
		mask := nibblePair
		if t.bits == 5 {
			mask = nibbleFifth
		}
		g.VPAND(mask, t0, t0)
		g.VPOR(t0, r, r)
	}
	// product sets r to the sums of pairs of a column, in 16 bits.
	product := func(c, s int, w, r reg.VecPhysical) {
		g.VPBROADCASTD(at(k.xq, q8Columns*c+4*s), r)
		g.VPMADDUBSW(r, w, r)
	}
	steps := func(lo, hi, rows int) {
		for s := lo; s < hi; s++ {
			if rows == 0 && s < t.bits {
				k.prefetch(k.quants, s)
			}
			if t.bits == 4 {
				weights(s, rows, u)
				for c, r := range acc {
					product(c, s, u, t0)
					g.VPADDW(t0, r, r)
				}
				continue
			}
			w := []reg.VecPhysical{u, v}[s%2]
			weights(s, rows, w)
			if s%2 == 0 {
				continue
			}
			for c, r := range acc {
				product(c, s-1, u, t0)
				product(c, s, v, t1)
				g.VPADDW(t1, t0, t0)
				g.VPMADDWD(ones, t0, t0)
				g.VPADDD(t0, r, r)
			}
		}
		if t.bits == 4 {
			for _, r := range acc {
				g.VPMADDWD(ones, r, r)
			}
		}
	}
	// factor sets r to integers times half floats.
	factor := func(widen func(...operand.Op), m, f operand.Mem, r reg.VecPhysical) {
		widen(m, r)
		g.VCVTDQ2PS(r, r)
		g.VCVTPH2PS(f, t0)
		g.VMULPS(t0, r, r)
	}
	fold := func(rows, half int) {
		for c, r := range acc {
			if t.form != affineScales {
				g.VPBROADCASTD(k.preset(c, half), t0)
				g.VPADDD(t0, r, r)
			}
			g.VCVTDQ2PS(r, r)
			g.VBROADCASTSS(at(k.xs, 4*c), t0)
			g.VMULPS(t0, r, r)
			g.VFMADD231PS(u, r, sum(c, rows))
			if t.form == affineScales {
				g.VBROADCASTSS(at(k.xm, 4*c), t0)
				g.VFNMADD231PS(t0, v, sum(c, rows))
			}
		}
	}
	k.run(func() {}, func() {
		for rows := range 2 {
			halves := 1
			if t.form == sixteenScales {
				halves = 2
			}
			for half := range halves {
				for _, r := range acc {
					g.zero(avx2, r)
				}
				steps(8/halves*half, 8/halves*(half+1), rows)
				switch t.form {
				case halfScales:
					g.VCVTPH2PS(at(k.scales, 16*rows), u)
				case affineScales:
					factor(g.VPMOVZXBD, at(k.scales, 8*rows), at(k.super, 16*rows), u)
					factor(g.VPMOVZXBD, at(k.scales, 16+8*rows), at(k.super, 32+16*rows), v)
				case sixteenScales:
					factor(g.VPMOVSXBD, at(k.scales, 16*half+8*rows), at(k.super, 16*rows), u)
				}
				fold(rows, half)
			}
		}
	})
	out, ldy := g.load("y"), g.loadBytes("ldy")
	for c := range columns {
		for rows := range 2 {
			g.VMOVUPS(sum(c, rows), at(out, 32*rows))
		}
		if c+1 < columns {
			g.ADDQ(ldy, out)
		}
	}
	g.ret()
	return name
}

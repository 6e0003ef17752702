package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Elementwise kernels. They do the operations of vector_generic.go and exp.go in
// their order, fused where those call fma alone, and so give their bits. Each
// handles whole vectors only; vector_amd64.go does the rest in Go.
func genVector(g *gen) {
	constants := map[string]operand.Mem{}
	for _, c := range vectorConstants {
		constants[c.name] = g.constant("vector"+c.name, c.bits)
	}
	constants["Beyond"] = g.constant("vectorBeyond", f32(89))
	for _, s := range []isa{avx512, avx2} {
		v := &vectorGen{gen: g, isa: s, constants: constants}
		v.scale()
		v.add()
		v.scaleBy()
		v.squares()
		v.softmax()
		v.swiglu()
		v.gelu()
		v.affine("affine", false)
		v.affine("swish", true)
		v.channels()
	}
	(&vectorGen{gen: g, isa: avx2, constants: constants}).rotate()
	g.fetch()
}

func f32(x float64) uint32 { return math.Float32bits(float32(x)) }

var vectorConstants = []struct {
	name string
	bits uint32
}{
	{"Sign", 0x80000000},
	{"One", f32(1)},
	{"Inf", f32(math.Inf(1))},
	{"MinusInf", f32(math.Inf(-1))},
	// Exp, see exp.go there.
	{"Log2e", f32(1.44269504088896341)},
	{"Ln2Hi", f32(0.693359375)},
	{"Ln2Lo", f32(-2.12194440e-4)},
	{"Round", f32(3 << 22)},
	{"Least", f32(-87.33654)},
	{"Most", f32(88.72283)},
	{"P5", f32(1.9875691500e-4)},
	{"P4", f32(1.3981999507e-3)},
	{"P3", f32(8.3334519073e-3)},
	{"P2", f32(4.1665795894e-2)},
	{"P1", f32(1.6666665459e-1)},
	{"P0", f32(5.0000001201e-1)},
	// GELU, see geluTanh there.
	{"GeluLinear", f32(1.5957691216057308)},
	{"GeluCubic", f32(1.5957691216057308 * 0.044715)},
}

type vectorGen struct {
	*gen
	isa       isa
	constants map[string]operand.Mem
	held      map[string]reg.VecPhysical // the current function's constants in registers
}

// c is a constant, in a register if hold has put it there.
func (v *vectorGen) c(name string) operand.Op {
	if r, ok := v.held[name]; ok {
		return r
	}
	m, ok := v.constants[name]
	if !ok {
		panic("no constant " + name)
	}
	return m
}

// Constants of a loop. Those of exp are silu's, too.
var (
	expConstants  = []string{"Log2e", "Round", "Ln2Hi", "Ln2Lo", "P5", "P4", "P3", "P2", "P1", "P0", "One", "Least", "Beyond"}
	siluConstants = append([]string{"Sign"}, expConstants...)
	geluConstants = append([]string{"GeluCubic", "GeluLinear"}, siluConstants...)
)

// hold keeps constants in the upper registers, where there are 32: Go's linker
// aligns data to 32 bytes, so that every other one would lie in two cache lines.
func (v *vectorGen) hold(names []string) {
	if v.isa.name != "AVX512" {
		return
	}
	held := map[string]reg.VecPhysical{}
	for i, name := range names {
		r := v.isa.vec[len(v.isa.vec)-1-i]
		v.VBROADCASTSS(v.c(name), r)
		held[name] = r
	}
	v.held = held
}

// start begins a function over n values, a multiple of 16, n > 0.
func (v *vectorGen) start(name, params, what string) {
	name += "Asm" + v.isa.name
	v.held = nil
	v.function(name, "func("+params+")", name+" "+what)
}

// each runs body for every 16 values, n being the count of values; pointers
// are moved on by 64 bytes. body gets the offset of a vector.
func (v *vectorGen) each(pointers []reg.Register, body func(disp int)) {
	n := v.load("n")
	v.SHRQ(operand.U8(4), n)
	v.loop(n, func() {
		for disp := 0; disp < 64; disp += v.isa.bytes {
			body(disp)
		}
		for _, p := range pointers {
			v.ADDQ(imm(64), p)
		}
	})
}

// broadcast loads a parameter into all lanes.
func (v *vectorGen) broadcast(param string, dst reg.VecPhysical) {
	a, err := v.Param(param).Resolve()
	if err != nil {
		panic(err)
	}
	v.VBROADCASTSS(a.Addr, dst)
}

// xor and the like have other names with AVX-512.
func (v *vectorGen) flipSign(r, dst reg.VecPhysical) { v.VXORPS(v.c("Sign"), r, dst) }

func (v *vectorGen) scale() {
	v.start("scale", "x *float32, n int, f float32", "is kernels.scale. n is a positive multiple of 16.")
	x := v.load("x")
	f, t := v.isa.vec[0], v.isa.vec[1]
	v.broadcast("f", f)
	v.each([]reg.Register{x}, func(disp int) {
		v.VMULPS(at(x, disp), f, t)
		v.VMOVUPS(t, at(x, disp))
	})
	v.ret()
}

func (v *vectorGen) add() {
	v.start("add", "dst *float32, x *float32, n int", "is kernels.add. n is a positive multiple of 16.")
	dst, x := v.load("dst"), v.load("x")
	t := v.isa.vec[0]
	v.each([]reg.Register{dst, x}, func(disp int) {
		v.VMOVUPS(at(dst, disp), t)
		v.VADDPS(at(x, disp), t, t)
		v.VMOVUPS(t, at(dst, disp))
	})
	v.ret()
}

func (v *vectorGen) scaleBy() {
	v.start("scaleBy", "dst *float32, x *float32, weight *float32, n int, f float32", "is kernels.scaleBy. n is a positive multiple of 16.")
	dst, x, weight := v.load("dst"), v.load("x"), v.load("weight")
	f, t := v.isa.vec[0], v.isa.vec[1]
	v.broadcast("f", f)
	v.each([]reg.Register{dst, x, weight}, func(disp int) {
		v.VMULPS(at(x, disp), f, t)
		v.VMULPS(at(weight, disp), t, t)
		v.VMOVUPS(t, at(dst, disp))
	})
	v.ret()
}

func (v *vectorGen) largest() {
	v.start("largest", "lanes *float32, x *float32, n int", "sets lane i%16 to the largest of its values. n is a positive multiple of 16.")
	lanes, x, n := v.load("lanes"), v.load("x"), v.load("n")
	// Four chains for each vector of 16 values, one of which does the rest.
	chains := v.isa.vec[:4*64/v.isa.bytes]
	top := chains[:64/v.isa.bytes]
	for _, r := range chains {
		v.VMOVUPS(v.c("MinusInf"), r)
	}
	t := v.isa.vec[len(chains)]
	// The second operand is the result if one is a NaN.
	step := func(chains []reg.VecPhysical) {
		for i, r := range chains {
			v.VMOVUPS(at(x, i*v.isa.bytes), t)
			v.VMAXPS(r, t, r)
		}
		v.ADDQ(imm(len(chains)*v.isa.bytes), x)
		v.SUBQ(imm(len(chains)*v.isa.lanes()), n)
	}
	v.while(n, 64, func() { step(chains) })
	v.while(n, 16, func() { step(top) })
	for i, r := range chains[len(top):] {
		v.VMAXPS(r, top[i%len(top)], top[i%len(top)])
	}
	for i, r := range top {
		v.VMOVUPS(r, at(lanes, i*v.isa.bytes))
	}
	v.ret()
}

// rotate: AVX-512 has no VADDSUBPS, and two vectors a step are enough.
func (v *vectorGen) rotate() {
	v.start("rotate", "x *float32, turn *float32, n int, scale float32", "is kernels.rotate for one head. n is a positive multiple of 16.")
	x, turn := v.load("x"), v.load("turn")
	scale := v.isa.vec[0]
	v.broadcast("scale", scale)
	v.each([]reg.Register{x, turn}, func(disp int) {
		a, swapped, t := v.isa.vec[1], v.isa.vec[2], v.isa.vec[3]
		v.VMOVUPS(at(x, disp), a)
		v.VPERMILPS(operand.U8(0b10110001), a, swapped)
		v.VMOVSLDUP(at(turn, disp), t) // cosines
		v.VMULPS(t, a, a)
		v.VMOVSHDUP(at(turn, disp), t) // sines
		v.VMULPS(t, swapped, swapped)
		v.VADDSUBPS(swapped, a, a)
		v.VMULPS(scale, a, a)
		v.VMOVUPS(a, at(x, disp))
	})
	v.ret()
}

// squares: a square of float32 is exact in float64, so that fusing changes
// nothing.
func (v *vectorGen) squares() {
	v.start("squares", "lanes *float64, x *float32, n int", "is kernels.squares. n is a positive multiple of 16.")
	lanes, x := v.load("lanes"), v.load("x")
	sums := v.isa.vec[:128/v.isa.bytes]
	for _, r := range sums {
		v.zero(v.isa, r)
	}
	n := v.load("n")
	v.SHRQ(operand.U8(4), n)
	v.loop(n, func() {
		for i, r := range sums {
			t := v.isa.vec[8+i]
			v.VCVTPS2PD(at(x, i*v.isa.bytes/2), t)
			v.VFMADD231PD(t, t, r)
		}
		v.ADDQ(imm(64), x)
	})
	for i, r := range sums {
		v.VMOVUPD(r, at(lanes, i*v.isa.bytes))
	}
	v.ret()
}

// exp replaces x by Exp(x). t are four free registers.
func (v *vectorGen) exp(x reg.VecPhysical, t []reg.VecPhysical) {
	const greater, notLessEqual, unordered = 30, 22, 3
	wide := v.isa.name == "AVX512"
	sum, n, r, p := t[0], t[1], t[2], t[3]
	if wide {
		// Where the result is not 0; NaNs are among them. Larger values than
		// Beyond give Inf as it does, but too large an n.
		v.VCMPPS(operand.U8(notLessEqual), v.c("Least"), x, reg.K1)
		v.VMINPS(x, v.c("Beyond"), x)
	}
	v.VMOVUPS(v.c("Log2e"), sum)
	v.VFMADD213PS(v.c("Round"), x, sum)
	v.VSUBPS(v.c("Round"), sum, n)
	v.VMOVUPS(x, r)
	v.VFNMADD231PS(v.c("Ln2Hi"), n, r)
	v.VFNMADD231PS(v.c("Ln2Lo"), n, r)
	v.VMOVUPS(v.c("P5"), p)
	for _, c := range []string{"P4", "P3", "P2", "P1", "P0", "One", "One"} {
		v.VFMADD213PS(v.c(c), r, p)
	}
	if wide {
		v.VSCALEFPS_Z(n, p, reg.K1, x) // p·2**n
		return
	}
	v.VPSLLD(operand.U8(23), sum, sum)
	v.VPADDD(sum, p, p)
	// 0 unless x > Least, which a NaN is not; Inf if x > Most; NaN if x is.
	v.VCMPPS(operand.U8(greater), v.c("Least"), x, n)
	v.VANDPS(n, p, p)
	v.VCMPPS(operand.U8(greater), v.c("Most"), x, n)
	v.VBLENDVPS(n, v.c("Inf"), p, p)
	v.VCMPPS(operand.U8(unordered), x, x, n)
	v.VORPS(n, p, x)
}

// silu sets x to x/(1 + Exp(-x)). t are five free registers.
func (v *vectorGen) silu(x reg.VecPhysical, t []reg.VecPhysical) {
	v.flipSign(x, t[4])
	v.exp(t[4], t)
	v.VADDPS(v.c("One"), t[4], t[4])
	v.VDIVPS(t[4], x, x)
}

func (v *vectorGen) expSum() {
	v.start("expSum", "lanes *float32, x *float32, n int, ahead uintptr, top float32", "replaces x by exp(x - top), and sets lane i%16 to the sum of its values. It may fetch a cache line for every 16 values from ahead on. n is a positive multiple of 16.")
	lanes, x, ahead := v.load("lanes"), v.load("x"), v.load("ahead")
	sums := v.isa.vec[:64/v.isa.bytes]
	for _, r := range sums {
		v.zero(v.isa, r)
	}
	top, e := v.isa.vec[2], v.isa.vec[3]
	v.broadcast("top", top)
	v.hold(expConstants)
	v.each([]reg.Register{x, ahead}, func(disp int) {
		if disp == 0 {
			v.PREFETCHT1(at(ahead, 0))
		}
		r := sums[disp/v.isa.bytes]
		v.VMOVUPS(at(x, disp), e)
		v.VSUBPS(top, e, e)
		v.exp(e, v.isa.vec[4:])
		v.VMOVUPS(e, at(x, disp))
		v.VADDPS(e, r, r)
	})
	for i, r := range sums {
		v.VMOVUPS(r, at(lanes, i*v.isa.bytes))
	}
	v.ret()
}

// softmax: AVX-512 does all of it in one function, as most rows of attention are short;
// on AVX2, which has no masks, Go puts it together.
func (v *vectorGen) softmax() {
	if v.isa.name != "AVX512" {
		v.largest()
		v.expSum()
		return
	}
	v.start("softmax", "x *float32, n int, ahead uintptr", "is kernels.softmax. n > 0.")
	x, n, ahead := v.load("x"), v.load("n"), v.load("ahead")
	last, one := v.GP64(), v.GP32() // K2: which of the last n%16 values there are
	v.MOVQ(n, last)
	v.ANDQ(imm(15), last)
	v.MOVL(operand.U32(1), one)
	v.SHLXL(last.As32(), one, one)
	v.DECL(one)
	v.KMOVW(one, reg.K2)
	v.SHRQ(operand.U8(4), n)
	p, left := v.GP64(), v.GP64()
	restart := func() {
		v.MOVQ(x, p)
		v.MOVQ(n, left)
	}
	vec := v.isa.vec

	// The largest value, in all lanes. The second operand is the result if one is a NaN.
	top, t := vec[0], vec[4]
	for _, r := range vec[:4] {
		v.VBROADCASTSS(v.c("MinusInf"), r)
	}
	restart()
	v.while(left, 4, func() {
		for i, r := range vec[:4] {
			v.VMOVUPS(at(p, i*v.isa.bytes), t)
			v.VMAXPS(r, t, r)
		}
		v.ADDQ(imm(4*v.isa.bytes), p)
		v.SUBQ(imm(4), left)
	})
	v.while(left, 1, func() {
		v.VMOVUPS(at(p, 0), t)
		v.VMAXPS(top, t, top)
		v.ADDQ(imm(v.isa.bytes), p)
		v.DECQ(left)
	})
	v.VBROADCASTSS(v.c("MinusInf"), t)
	v.VMOVUPS(at(p, 0), reg.K2, t)
	v.VMAXPS(top, t, top)
	for _, r := range vec[1:4] {
		v.VMAXPS(r, top, top)
	}
	const swapPairs, swapOnes = 0b01001110, 0b10110001
	for _, order := range []uint64{swapPairs, swapOnes} {
		v.VSHUFF32X4(operand.U8(order), top, top, t)
		v.VMAXPS(t, top, top)
	}
	for _, order := range []uint64{swapPairs, swapOnes} {
		v.VPERMILPS(operand.U8(order), top, t)
		v.VMAXPS(t, top, top)
	}

	// exp(x - top), and the sums.
	sum, e := vec[1], vec[2]
	v.zero(v.isa, sum)
	v.hold(expConstants)
	restart()
	v.while(left, 1, func() {
		v.PREFETCHT1(at(ahead, 0))
		v.VMOVUPS(at(p, 0), e)
		v.VSUBPS(top, e, e)
		v.exp(e, vec[3:])
		v.VMOVUPS(e, at(p, 0))
		v.VADDPS(e, sum, sum)
		v.ADDQ(imm(v.isa.bytes), p)
		v.ADDQ(imm(v.isa.bytes), ahead)
		v.DECQ(left)
	})
	v.VMOVUPS_Z(at(p, 0), reg.K2, e)
	v.VSUBPS(top, e, e)
	v.exp(e, vec[3:])
	v.VADDPS(e, sum, reg.K2, sum)

	// Lane i and lane i+8 are added first, then i+4, and so on.
	v.VEXTRACTF64X4(operand.U8(1), sum, ymm[3])
	v.VADDPS(ymm[3], ymm[1], ymm[1])
	v.VEXTRACTF128(operand.U8(1), ymm[1], xmm[3])
	v.VADDPS(xmm[3], xmm[1], xmm[1])
	for _, order := range []uint64{swapPairs, swapOnes} {
		v.VPERMILPS(operand.U8(order), xmm[1], xmm[3])
		v.VADDPS(xmm[3], xmm[1], xmm[1])
	}
	v.VMOVAPS(v.held["One"].AsX(), xmm[3])
	v.VDIVSS(xmm[1], xmm[3], xmm[3])
	f := vec[3]
	v.VBROADCASTSS(xmm[3], f)
	v.VMULPS(f, e, e)
	v.VMOVUPS(e, reg.K2, at(p, 0))
	restart()
	v.while(left, 1, func() {
		v.VMULPS(at(p, 0), f, e)
		v.VMOVUPS(e, at(p, 0))
		v.ADDQ(imm(v.isa.bytes), p)
		v.DECQ(left)
	})
	v.ret()
}

func (v *vectorGen) swiglu() {
	v.start("swiglu", "gate *float32, up *float32, n int", "is kernels.swiglu. n is a positive multiple of 16.")
	gate, up := v.load("gate"), v.load("up")
	x := v.isa.vec[0]
	v.hold(siluConstants)
	v.each([]reg.Register{gate, up}, func(disp int) {
		v.VMOVUPS(at(gate, disp), x)
		v.silu(x, v.isa.vec[1:])
		v.VMULPS(at(up, disp), x, x)
		v.VMOVUPS(x, at(gate, disp))
	})
	v.ret()
}

func (v *vectorGen) gelu() {
	v.start("gelu", "x *float32, n int", "is kernels.gelu. n is a positive multiple of 16.")
	p := v.load("x")
	x, u := v.isa.vec[0], v.isa.vec[1]
	v.hold(geluConstants)
	v.each([]reg.Register{p}, func(disp int) {
		v.VMOVUPS(at(p, disp), x)
		v.VMULPS(x, x, u)
		v.VMULPS(v.c("GeluCubic"), u, u)
		v.VADDPS(v.c("GeluLinear"), u, u)
		v.VMULPS(x, u, u)
		v.flipSign(u, u)
		v.exp(u, v.isa.vec[2:])
		v.VADDPS(v.c("One"), u, u)
		v.VDIVPS(u, x, x)
		v.VMOVUPS(x, at(p, disp))
	})
	v.ret()
}

// affine: channels repeat for every pixel.
func (v *vectorGen) affine(name string, swish bool) {
	v.start(name, "dst *float32, src *float32, factor *float32, offset *float32, channels int, pixels int",
		fmt.Sprintf("is kernels.%s. channels is a positive multiple of 16, pixels > 0.", name))
	dst, src, pixels := v.load("dst"), v.load("src"), v.load("pixels")
	channels := v.loadBytes("channels")
	factor, offset := v.load("factor"), v.load("offset")
	i := v.GP64()
	x := v.isa.vec[0]
	if swish {
		v.hold(siluConstants)
	}
	v.loop(pixels, func() {
		v.XORQ(i, i)
		top := v.label("channels")
		v.Label(top)
		for disp := 0; disp < 64; disp += v.isa.bytes {
			in := func(base reg.Register) operand.Mem {
				return operand.Mem{Base: base, Index: i, Scale: 1, Disp: disp}
			}
			v.VMOVUPS(in(src), x)
			v.VMULPS(in(factor), x, x)
			v.VADDPS(in(offset), x, x)
			if swish {
				v.silu(x, v.isa.vec[1:])
			}
			v.VMOVUPS(x, in(dst))
		}
		v.ADDQ(imm(64), i)
		v.CMPQ(i, channels)
		v.JNE(operand.LabelRef(top))
		v.ADDQ(channels, src)
		v.ADDQ(channels, dst)
	})
	v.ret()
}

// channels: 16 channels at a time go through all pixels of a row.
func (v *vectorGen) channels() {
	v.start("channels", "sums *float64, squares *float64, row *float32, channels int, pixels int",
		"is kernels.channels for 16 channels. pixels > 0.")
	s, q, row := v.load("sums"), v.load("squares"), v.load("row")
	step, pixels := v.loadBytes("channels"), v.load("pixels")
	vectors := 128 / v.isa.bytes
	sums, squares, x := v.isa.vec[:vectors], v.isa.vec[vectors:2*vectors], v.isa.vec[2*vectors:]
	for i := range vectors {
		v.VMOVUPD(at(s, i*v.isa.bytes), sums[i])
		v.VMOVUPD(at(q, i*v.isa.bytes), squares[i])
	}
	v.loop(pixels, func() {
		for i := range vectors {
			t := x[i%len(x)]
			v.VCVTPS2PD(at(row, i*v.isa.bytes/2), t)
			v.VADDPD(t, sums[i], sums[i])
			v.VFMADD231PD(t, t, squares[i])
		}
		v.ADDQ(step, row)
	})
	for i := range vectors {
		v.VMOVUPD(sums[i], at(s, i*v.isa.bytes))
		v.VMOVUPD(squares[i], at(q, i*v.isa.bytes))
	}
	v.ret()
}

// fetch asks for cache lines.
func (g *gen) fetch() {
	g.function("fetchAsm", "func(p uintptr, lines, step int)", "fetchAsm is kernels.fetch, into the second cache. lines > 0.")
	p, step := g.load("p"), g.load("step")
	g.loop(g.load("lines"), func() {
		g.PREFETCHT1(at(p, 0))
		g.ADDQ(step, p)
	})
	g.RET()
}

package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Q8_0 products: 16 rows, which are lanes, by some columns; a step is a block
// of 32 values. See q8.go there for the layouts and the arithmetic.
const (
	q8Columns = 32 // bytes of a column's block
	q8Group   = 16 // rows
)

func genQ8(g *gen) {
	g.q8Constants()
	var names []string
	for columns := 1; columns <= 12; columns++ {
		names = append(names, g.q8VNNI(columns))
	}
	g.choose("q8TileVNNI", "columns", names)
	names = nil
	for columns := 1; columns <= q8PairColumns; columns++ {
		names = append(names, g.q8PairVNNI(columns))
	}
	g.choose("q8PairTileVNNI", "columns", names)
	names = nil
	for columns := 1; columns <= 4; columns++ {
		names = append(names, g.q8AVX2(columns))
	}
	g.choose("q8TileAVX2", "columns", names)
	g.quantize(avx512)
	g.quantize(avx2)
}

// constant writes 64 bytes of a repeated word and returns its address.
func (g *gen) constant(name string, word uint32) operand.Mem {
	m := g.StaticGlobal(name)
	g.DataAttributes(attr.RODATA | attr.NOPTR)
	for range 16 {
		g.AppendDatum(operand.U32(word))
	}
	return m
}

// Constants of this file.
var q8Sign, q8Ones, q8Abs, q8Round, q8127, q8Small, q8Large, q8Short, q8Order, q8LowByte operand.Mem

func (g *gen) q8Constants() {
	q8Sign = g.constant("q8Sign", 0x80808080)
	q8Ones = g.constant("q8Ones", 0x00010001)
	q8Abs = g.constant("q8Abs", 0x7fffffff)
	q8Round = g.constant("q8Round", 0x4b400000) // 3·2²²
	q8127 = g.constant("q8127", 0x42fe0000)
	q8Small = g.constant("q8Small", 0x0d800000) // 2**-100
	q8Large = g.constant("q8Large", 0x71800000) // 2**100
	q8Short = g.constant("q8Short", ^uint32(3))
	q8LowByte = g.constant("q8LowByte", 0xff)
	q8Order = g.StaticGlobal("q8Order")
	g.DataAttributes(attr.RODATA | attr.NOPTR)
	for _, i := range []uint32{0, 4, 1, 5, 2, 6, 3, 7} {
		g.AppendDatum(operand.U32(i))
	}
}

// q8Kernel is what both kinds of products share.
type q8Kernel struct {
	*gen
	columns        int
	quants, scales reg.Register // of the weights
	xq, xs         reg.Register // of the columns
	stepS          reg.Register // bytes of a number for each column
	blocks         reg.Register
}

// newQ8 begins a function. more are parameters after those that all have.
func (g *gen) newQ8(name string, columns int, more string, doc ...string) *q8Kernel {
	g.function(name, "func(y *float32, ldy int, quants *byte, scales *byte, xq *int8, xs *float32, n int, blocks int"+more+")", doc...)
	k := &q8Kernel{gen: g, columns: columns}
	k.quants, k.scales = g.load("quants"), g.load("scales")
	k.xq, k.xs = g.load("xq"), g.load("xs")
	k.stepS = g.loadBytes("n")
	k.blocks = g.load("blocks")
	return k
}

func q8Doc(name string, columns int) string {
	return fmt.Sprintf("%s is the packedKernel of Q8_0 for %d of n columns. blocks > 0.", name, columns)
}

// next moves on to the next block, for whose columns there are so many numbers
// each.
func (k *q8Kernel) next(numbers int) {
	k.ADDQ(imm(64*8), k.quants)
	k.ADDQ(imm(2*q8Group), k.scales)
	k.LEAQ(operand.Mem{Base: k.xq, Index: k.stepS, Scale: 8}, k.xq)
	if numbers == 3 {
		k.LEAQ(operand.Mem{Base: k.xs, Index: k.stepS, Scale: 2}, k.xs)
	}
	k.ADDQ(k.stepS, k.xs)
}

// What xs of the VNNI kernels has: q8Columns.terms.
func (k *q8Kernel) start(c int) operand.Mem { return at(k.xs, 4*c) }
func (k *q8Kernel) scale(c int) operand.Mem {
	return operand.Mem{Base: k.xs, Index: k.stepS, Scale: 1, Disp: 4 * c}
}
func (k *q8Kernel) zeroOf(c int) operand.Mem {
	return operand.Mem{Base: k.xs, Index: k.stepS, Scale: 2, Disp: 4 * c}
}

// Packed weights are fetched from memory to the second cache early, and from there
// to the first one soon, so many bytes ahead. With one of the two alone a core
// reads a tenth less.
const weightsFar, weightsNear = 8192, 1024

// prefetch fetches line i of a block of weights so.
func (g *gen) prefetch(weights reg.Register, i int) {
	g.PREFETCHT1(at(weights, 64*i+weightsFar))
	g.PREFETCHT0(at(weights, 64*i+weightsNear))
}

// q8VNNI makes the AVX-512 kernel for processors with VPDPBUSD.
func (g *gen) q8VNNI(columns int) string {
	name := fmt.Sprintf("q8x%dVNNI", columns)
	k := g.newQ8(name, columns, ", ahead int, step int", q8Doc(name, columns),
		"Each block fetches 512 bytes, ahead from its weights for the first one and step bytes further for the next.")
	ahead, step := g.load("ahead"), g.load("step")
	g.ADDQ(k.quants, ahead)
	sum, acc := zmm[:columns], zmm[columns:2*columns]
	scale, bias := zmm[2*columns], zmm[2*columns+1]
	weights := zmm[2*columns+2:]
	weights = weights[:min(8, len(weights))]
	g.VBROADCASTSS(q8Round, bias)
	for _, r := range sum {
		g.zero(avx512, r)
	}
	g.loop(k.blocks, func() {
		for c, r := range acc {
			g.VPBROADCASTD(k.start(c), r)
		}
		for i := range 8 {
			w := weights[i%len(weights)]
			g.PREFETCHT1(at(ahead, 64*i))
			g.PREFETCHT0(at(k.quants, 64*i+weightsNear))
			g.VMOVDQU32(at(k.quants, 64*i), w)
			for c, r := range acc {
				g.VPDPBUSD_BCST(at(k.xq, q8Columns*c+4*i), w, r)
			}
		}
		g.ADDQ(step, ahead)
		g.VCVTPH2PS(at(k.scales, 0), scale)
		for c, r := range acc {
			g.VSUBPS(bias, r, r)
			g.VMULPS_BCST(k.scale(c), r, r)
			g.VFMADD231PS(scale, r, sum[c])
		}
		k.next(3)
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

// The widest tile of pairs, and how many cache lines it fetches in a block, evenly
// among the multiplications: several at once, or more than the memory brings in
// the meantime, keep lines of the second cache waiting.
const (
	q8PairColumns = 12
	q8PairLines   = 6
)

// q8PairVNNI makes the kernel of many columns: two groups of rows together, so
// that activations are loaded once for 32 rows. One group alone loads a broadcast
// a product, and the loads are what limits it. Registers hold the integer sums of
// a block, and the first cache the others, so that a tile is wide and weights come
// from the second cache a few times only.
func (g *gen) q8PairVNNI(columns int) string {
	name := fmt.Sprintf("q8x%dPairVNNI", columns)
	k := g.newQ8(name, columns, ", carry *float32, ahead uintptr, step int",
		fmt.Sprintf("%s is the pairKernel of Q8_0 for %d of n columns. blocks > 0. carry is working memory,", name, columns),
		fmt.Sprintf("32 floats a column. Each block fetches what lies at ahead, %d bytes, which moves on by step bytes.", 64*q8PairLines))
	carry, ahead, step := g.load("carry"), g.load("ahead"), g.load("step")
	quants, scales := [2]reg.Register{k.quants, g.GP64()}, [2]reg.Register{k.scales, g.GP64()}
	g.MOVQ(k.blocks, scales[1])
	g.SHLQ(operand.U8(5), scales[1])
	g.MOVQ(scales[1], quants[1])
	g.SHLQ(operand.U8(4), quants[1])
	g.ADDQ(k.scales, scales[1])
	g.ADDQ(k.quants, quants[1])
	sum := func(c, j int) operand.Mem { return at(carry, 128*c+64*j) }
	acc := [2][]reg.VecPhysical{zmm[:columns], zmm[columns : 2*columns]}
	free := zmm[2*columns:]
	weights, column, t := free[:2], free[2], free[3]
	g.zero(avx512, t)
	for c := range columns {
		for j := range 2 {
			g.VMOVUPS(t, sum(c, j))
		}
	}
	g.loop(k.blocks, func() {
		for c, r := range acc[0] {
			g.VPBROADCASTD(k.start(c), r)
			g.VMOVDQA32(r, acc[1][c])
		}
		for i := range 8 {
			for j, w := range weights {
				g.VMOVDQU32(at(quants[j], 64*i), w)
			}
			for c := range columns {
				if s := i*columns + c; (s*q8PairLines)%(8*columns) < q8PairLines {
					g.PREFETCHT1(at(ahead, 64*(s*q8PairLines/(8*columns))))
				}
				g.VPBROADCASTD(at(k.xq, q8Columns*c+4*i), column)
				for j, w := range weights {
					g.VPDPBUSD(column, w, acc[j][c])
				}
			}
		}
		scale := weights // which have been multiplied with
		for j, r := range scale {
			g.VCVTPH2PS(at(scales[j], 0), r)
		}
		for c := range columns {
			g.VBROADCASTSS(k.scale(c), column)
			for j := range 2 {
				r := acc[j][c]
				g.VFMADD213PS_BCST(k.zeroOf(c), column, r)
				g.VFMADD213PS(sum(c, j), scale[j], r)
				g.VMOVUPS(r, sum(c, j))
			}
		}
		k.next(3)
		g.ADDQ(imm(64*8), quants[1])
		g.ADDQ(imm(2*q8Group), scales[1])
		g.ADDQ(step, ahead)
	})
	out, ldy := g.load("y"), g.loadBytes("ldy")
	for c := range columns {
		for j := range 2 {
			g.VMOVUPS(sum(c, j), t)
			g.VMOVUPS(t, at(out, 64*j))
		}
		if c+1 < columns {
			g.ADDQ(ldy, out)
		}
	}
	g.ret()
	return name
}

// q8AVX2 makes the kernel for AVX2, which multiplies unsigned by signed bytes
// in pairs: |w|·(x with w's sign). |w| <= 128 and |x| <= 127, so that a pair
// fits 16 bits. Eight rows at a time.
func (g *gen) q8AVX2(columns int) string {
	name := fmt.Sprintf("q8x%dAVX2", columns)
	k := g.newQ8(name, columns, "", q8Doc(name, columns))
	acc := ymm[:columns]
	sum := func(c, half int) reg.VecPhysical { return ymm[columns*(1+half)+c] }
	w, abs, t := ymm[3*columns], ymm[3*columns+1], ymm[3*columns+2]
	for c := range columns {
		g.zero(avx2, sum(c, 0))
		g.zero(avx2, sum(c, 1))
	}
	g.loop(k.blocks, func() {
		for half := range 2 {
			for _, r := range acc {
				g.zero(avx2, r)
			}
			for i := range 8 {
				if half == 0 {
					k.prefetch(k.quants, i)
				}
				g.VMOVDQU(at(k.quants, 64*i+32*half), w)
				g.VPXOR(q8Sign, w, w)
				g.VPABSB(w, abs)
				for c, r := range acc {
					g.VPBROADCASTD(at(k.xq, q8Columns*c+4*i), t)
					g.VPSIGNB(w, t, t)
					g.VPMADDUBSW(t, abs, t)
					g.VPMADDWD(q8Ones, t, t)
					g.VPADDD(t, r, r)
				}
			}
			g.VCVTPH2PS(at(k.scales, 16*half), w)
			for c, r := range acc {
				g.VCVTDQ2PS(r, r)
				g.VBROADCASTSS(at(k.xs, 4*c), t)
				g.VMULPS(t, r, r)
				g.VFMADD231PS(w, r, sum(c, half))
			}
		}
		k.next(1)
	})
	out, ldy := g.load("y"), g.loadBytes("ldy")
	for c := range columns {
		for half := range 2 {
			g.VMOVUPS(sum(c, half), at(out, 32*half))
		}
		if c+1 < columns {
			g.ADDQ(ldy, out)
		}
	}
	g.ret()
	return name
}

// quantize makes the quantiser of blocks of one column.
func (g *gen) quantize(s isa) {
	name := "quantizeAsm" + s.name
	g.function(name, "func(xq *int8, xs *float32, xp *int32, x *float32, n int, blocks int)",
		name+" is kernels.quantize for one of n columns. blocks > 0.")
	xq, xs, xp, x := g.load("xq"), g.load("xs"), g.load("xp"), g.load("x")
	step, blocks := g.loadBytes("n"), g.load("blocks")
	stepQ := g.GP64()
	g.MOVQ(step, stepQ)
	g.SHLQ(operand.U8(3), stepQ)

	vectors := 128 / s.bytes
	v, t := s.vec[:vectors], s.vec[vectors:2*vectors]
	const top, inverse, small, scratch = 8, 9, 10, 11 // numbers
	wide := func(n int) reg.VecPhysical { return s.vec[n] }
	abs, round := operand.Op(q8Abs), operand.Op(q8Round)
	if s.name == "AVX512" { // see vectorGen.hold
		abs, round = zmm[12], zmm[13]
		g.VBROADCASTSS(q8Abs, zmm[12])
		g.VBROADCASTSS(q8Round, zmm[13])
	}
	g.loop(blocks, func() {
		for i := range v {
			g.VMOVUPS(at(x, i*s.bytes), v[i])
			if s.name == "AVX512" {
				g.VPANDD(abs, v[i], t[i])
			} else {
				g.VPAND(abs, v[i], t[i])
			}
		}
		// The largest, as an integer: lane 0 of top.
		g.tree(s, t, g.VPMAXUD, top, scratch)

		g.VMOVSS(q8127, xmm[inverse])
		g.VDIVSS(xmm[inverse], xmm[top], xmm[scratch]) // top/127
		g.VDIVSS(xmm[top], xmm[inverse], xmm[inverse]) // 127/top
		g.VCMPSS(operand.U8(1), q8Small, xmm[top], xmm[small])
		g.VANDPS(q8Short, xmm[scratch], xmm[scratch])
		g.VANDNPS(xmm[scratch], xmm[small], xmm[scratch])
		g.VANDNPS(xmm[inverse], xmm[small], xmm[inverse])
		g.VCMPSS(operand.U8(5), q8Large, xmm[top], xmm[small]) // not less: NaNs, too
		g.VORPS(xmm[small], xmm[scratch], xmm[scratch])
		g.VMOVSS(xmm[scratch], at(xs, 0))
		g.VBROADCASTSS(xmm[inverse], wide(inverse))
		for i := range v {
			g.VMULPS(wide(inverse), v[i], v[i])
			g.VADDPS(round, v[i], v[i])
			// The low byte with its sign.
			g.VPSLLD(operand.U8(24), v[i], t[i])
			g.VPSRAD(operand.U8(24), t[i], t[i])
		}
		if s.name == "AVX512" {
			g.VPMOVDB(v[0], at(xq, 0))
			g.VPMOVDB(v[1], at(xq, 16))
		} else {
			for i := range v {
				g.VPAND(q8LowByte, v[i], v[i])
			}
			g.VPACKUSDW(v[1], v[0], v[0])
			g.VPACKUSDW(v[3], v[2], v[2])
			g.VPACKUSWB(v[2], v[0], v[0])
			g.VMOVDQU(q8Order, v[1])
			g.VPERMD(v[0], v[1], v[0])
			g.VMOVDQU(v[0], at(xq, 0))
		}
		g.tree(s, t, g.VPADDD, top, scratch)
		g.VPSLLD(operand.U8(7), xmm[top], xmm[top])
		g.VPXOR(xmm[scratch], xmm[scratch], xmm[scratch])
		g.VPSUBD(xmm[top], xmm[scratch], xmm[top])
		g.VMOVD(xmm[top], at(xp, 0))

		g.ADDQ(imm(128), x)
		g.ADDQ(stepQ, xq)
		g.ADDQ(step, xs)
		g.ADDQ(step, xp)
	})
	g.ret()
}

// tree folds all lanes of some vectors into lane 0 of register number dst.
// scratch is free. The vectors are lost.
func (g *gen) tree(s isa, v []reg.VecPhysical, op func(...operand.Op), dst, scratch int) {
	for n := len(v) / 2; n > 0; n /= 2 {
		for i := range n {
			to := v[i]
			if n == 1 {
				to = s.vec[dst]
			}
			op(v[i+n], v[i], to)
		}
	}
	if s.name == "AVX512" {
		g.VEXTRACTI64X4(operand.U8(1), zmm[dst], ymm[scratch])
		op(ymm[scratch], ymm[dst], ymm[dst])
	}
	g.VEXTRACTI128(operand.U8(1), ymm[dst], xmm[scratch])
	op(xmm[scratch], xmm[dst], xmm[dst])
	for _, order := range []uint64{0x4e, 0xb1} {
		g.VPSHUFD(operand.U8(order), xmm[dst], xmm[scratch])
		op(xmm[scratch], xmm[dst], xmm[dst])
	}
}

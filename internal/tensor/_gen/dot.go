package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The dot-product form: weights lie in rows, and an output's 16 chains are
// the lanes of one AVX-512 vector or two AVX2 vectors, value i going to lane
// i%16. A tile is some rows by some columns.

// A weightType is how weights are stored.
type weightType struct {
	name string
	size int // bytes
}

var weightTypes = []weightType{{"F32", 4}, {"F16", 2}, {"BF16", 2}}

// dotTiles lists, for 1, 2, ... columns, the rows of a tile: as many as
// registers allow, up to the 4 that are added up together at the end.
var dotTiles = map[string][]int{
	"AVX512": {4, 4, 4, 4, 4, 4, 3, 3},
	"AVX2":   {4, 3, 2},
}

func genDot(g *gen) {
	g.tailMasks()
	for _, s := range []isa{avx512, avx2} {
		for _, w := range weightTypes {
			var names []string
			for i, rows := range dotTiles[s.name] {
				names = append(names, g.dot(s, w, i+1, rows))
			}
			g.choose("dotTile"+w.name+s.name, "columns", names)
		}
	}
}

// tailMasks writes 16 words of ones and 16 of zeros: from word 16-n on they
// are a mask of n values.
func (g *gen) tailMasks() {
	g.StaticGlobal("tailMask")
	g.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range 32 {
		v := uint32(0)
		if i < 16 {
			v = 0xffffffff
		}
		g.AppendDatum(operand.U32(v))
	}
}

// dotKernel is the state of the generator for one function.
type dotKernel struct {
	*gen
	isa     isa
	weights weightType
	columns int
	vectors int // of an output

	y, carry reg.Register
	w        reg.Register // the tile's first row
	wStep    reg.Register // bytes of a row
	ahead    reg.Register
	ldx      reg.Register
	count    reg.Register // k/16
}

// dot makes one function and returns its name.
func (g *gen) dot(s isa, w weightType, columns, tileRows int) string {
	k := &dotKernel{gen: g, isa: s, weights: w, columns: columns, vectors: 64 / s.bytes}
	typ := map[int]string{4: "float32", 2: "byte"}[w.size]
	name := fmt.Sprintf("dot%sx%d%s", w.name, columns, s.name)
	doc := fmt.Sprintf("%s sets y[c*ldy+r] = Σ_i w[r*ldw+i]·x[c*ldx+i] for r < rows, i < k and %d columns c.", name, columns)
	need := "rows, k > 0."
	if w.size != 4 {
		need = "rows > 0; k is a positive multiple of 16."
	}
	g.function(name, fmt.Sprintf("func(y *float32, ldy int, w *%s, ldw int, rows int, x *float32, ldx int, k int, carry *float32, mode int, ahead uintptr, step int)", typ), doc,
		need+" See dotMode for carry, [rows, columns, 16], and mode.",
		"Every 16 values, memory at ahead is fetched into the second cache; then ahead moves on by step.")
	k.y, k.carry = g.load("y"), g.load("carry")
	k.w = g.load("w")
	k.ahead = g.load("ahead")
	rows := g.load("rows")
	k.ldx = g.loadBytes("ldx")
	length := g.load("k")
	k.wStep = g.load("ldw")
	g.SHLQ(operand.U8(map[int]uint64{4: 2, 2: 1}[w.size]), k.wStep)
	k.count = length
	if w.size == 4 && s.name == "AVX512" {
		k.loadTailMask()
	}
	g.SHRQ(operand.U8(4), k.count)
	g.while(rows, tileRows, func() {
		k.tile(tileRows)
		g.SUBQ(imm(tileRows), rows)
	})
	if tileRows > 1 {
		g.while(rows, 1, func() {
			k.tile(1)
			g.DECQ(rows)
		})
	}
	g.ret()
	return name
}

// loadTailMask sets K1 to the mask of the tail.
func (k *dotKernel) loadTailMask() {
	mask, one, tail := k.GP32(), k.GP32(), k.GP64()
	k.MOVQ(k.count, tail)
	k.ANDQ(imm(15), tail)
	k.MOVL(operand.U32(1), one)
	k.SHLXL(tail.As32(), one, mask)
	k.DECL(mask)
	k.KMOVW(mask, reg.K1)
}

// tile computes some rows and advances y and w.
func (k *dotKernel) tile(tileRows int) {
	acc := func(r, c, half int) reg.VecPhysical {
		return k.isa.vec[(c*tileRows+r)*k.vectors+half]
	}
	used := tileRows * k.columns * k.vectors
	resume, ready := k.label("resume"), k.label("ready")
	k.testMode(1)
	k.JNZ(operand.LabelRef(resume))
	for i := range used {
		k.zero(k.isa, k.isa.vec[i])
	}
	k.JMP(operand.LabelRef(ready))
	k.Label(resume)
	for i := range used {
		k.VMOVUPS(at(k.carry, i*k.isa.bytes), k.isa.vec[i])
	}
	k.Label(ready)
	w := k.newRows(tileRows, k.w, k.wStep)
	x := k.newRows(k.columns, k.load("x"), k.ldx)

	// The fewer of rows and columns are held in registers, of the others one.
	byRow := tileRows <= k.columns
	held := k.isa.vec[used:][:min(tileRows, k.columns)]
	other := k.isa.vec[used+len(held)]
	step := func(loadW, loadX func(i, half int, dst reg.VecPhysical)) {
		for half := range k.vectors {
			loadHeld, loadOther, others := loadX, loadW, tileRows
			if byRow {
				loadHeld, loadOther, others = loadW, loadX, k.columns
			}
			for i, r := range held {
				loadHeld(i, half, r)
			}
			for j := range others {
				loadOther(j, half, other)
				for i, r := range held {
					if byRow {
						k.VFMADD231PS(r, other, acc(i, j, half))
					} else {
						k.VFMADD231PS(other, r, acc(j, i, half))
					}
				}
			}
		}
	}
	n := k.GP64()
	k.MOVQ(k.count, n)
	k.TESTQ(n, n)
	k.unlessZero(func() {
		k.loop(n, func() {
			for disp := 0; disp < 16*tileRows*k.weights.size; disp += 64 {
				k.PREFETCHT1(at(k.ahead, disp))
			}
			k.ADDQ(k.param("step"), k.ahead)
			step(func(i, half int, dst reg.VecPhysical) {
				k.loadWeights(w.at(i, half*k.isa.lanes()*k.weights.size), dst)
			}, func(i, half int, dst reg.VecPhysical) {
				k.VMOVUPS(x.at(i, half*k.isa.bytes), dst)
			})
			k.advance(w, 16*k.weights.size)
			k.advance(x, 64)
		})
	})
	if k.weights.size == 4 {
		k.TESTQ(operand.U32(15), k.param("k"))
		k.unlessZero(func() { k.tailStep(step, w, x) })
	}
	suspend, done := k.label("suspend"), k.label("done")
	k.testMode(2)
	k.JNZ(operand.LabelRef(suspend))
	k.reduceTile(tileRows, acc)
	k.JMP(operand.LabelRef(done))
	k.Label(suspend)
	for i := range used {
		k.VMOVUPS(k.isa.vec[i], at(k.carry, i*k.isa.bytes))
	}
	k.Label(done)
	k.ADDQ(imm(used*k.isa.bytes), k.carry)
	if tileRows > 3 {
		k.LEAQ(operand.Mem{Base: k.w, Index: k.wStep, Scale: 4}, k.w)
	} else {
		for range tileRows {
			k.ADDQ(k.wStep, k.w)
		}
	}
	k.ADDQ(imm(4*tileRows), k.y)
}

// testMode tests a bit of the mode.
func (k *dotKernel) testMode(bit int) {
	k.TESTQ(operand.U32(bit), k.param("mode"))
}

// param is a parameter in memory: not all fit into registers.
func (g *gen) param(name string) operand.Op {
	a, err := g.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return a.Addr
}

// tailStep is a step over less than 16 values; the rest counts as zeros.
func (k *dotKernel) tailStep(step func(loadW, loadX func(i, half int, dst reg.VecPhysical)), w, x rows) {
	if k.isa.name == "AVX512" {
		masked := func(r rows) func(i, half int, dst reg.VecPhysical) {
			return func(i, _ int, dst reg.VecPhysical) { k.VMOVUPS_Z(r.at(i, 0), reg.K1, dst) }
		}
		step(masked(w), masked(x))
		return
	}
	// Word 16-tail of tailMask. The last register is free in all tiles.
	mask := k.isa.vec[15]
	p, t := k.GP64(), k.GP64()
	k.LEAQ(operand.NewDataAddr(operand.Symbol{Name: "tailMask", Static: true}, 64), p)
	k.MOVQ(k.param("k"), t)
	k.ANDQ(imm(15), t)
	k.SHLQ(operand.U8(2), t)
	k.SUBQ(t, p)
	masked := func(r rows) func(i, half int, dst reg.VecPhysical) {
		return func(i, half int, dst reg.VecPhysical) {
			k.VMOVUPS(at(p, half*32), mask)
			k.VMASKMOVPS(r.at(i, half*32), mask, dst)
		}
	}
	step(masked(w), masked(x))
}

// loadWeights loads a vector of weights as floats.
func (k *dotKernel) loadWeights(m operand.Mem, dst reg.VecPhysical) {
	switch k.weights.name {
	case "F32":
		k.VMOVUPS(m, dst)
	case "F16":
		k.VCVTPH2PS(m, dst)
	case "BF16":
		k.VPMOVZXWD(m, dst)
		k.VPSLLD(operand.U8(16), dst, dst)
	}
}

// zero clears a vector.
func (g *gen) zero(s isa, r reg.VecPhysical) {
	if s.name == "AVX512" {
		g.VPXORD(r, r, r)
	} else {
		g.VXORPS(r, r, r)
	}
}

// reduceTile adds up the lanes of all outputs and stores them, four rows of
// a column at a time.
//
// The tree: lane i + lane i+8, then i + i+4, i + i+2 and i + i+1.
func (k *dotKernel) reduceTile(tileRows int, acc func(r, c, half int) reg.VecPhysical) {
	out, ldy := k.GP64(), k.loadBytes("ldy")
	k.MOVQ(k.y, out)
	used := tileRows * k.columns * k.vectors
	free := k.isa.vec[used:] // at least 4 with AVX-512, else see below
	for c := range k.columns {
		var sums []int // numbers of the registers that hold 4 lanes of a row
		for r := range tileRows {
			a := acc(r, c, 0)
			n := number(a)
			if k.isa.name == "AVX512" {
				t := number(free[0])
				k.VEXTRACTF64X4(operand.U8(1), a, ymm[t])
				k.VADDPS(ymm[t], ymm[n], ymm[n])
				k.VEXTRACTF32X4(operand.U8(1), ymm[n], xmm[t])
				k.VADDPS(xmm[t], xmm[n], xmm[n])
			} else {
				t := number(acc(r, c, 1)) // its own second half is free then
				k.VADDPS(ymm[t], ymm[n], ymm[n])
				k.VEXTRACTF128(operand.U8(1), ymm[n], xmm[t])
				k.VADDPS(xmm[t], xmm[n], xmm[n])
			}
			sums = append(sums, n)
		}
		t, u := number(free[0]), 0
		if k.isa.name == "AVX512" {
			u = number(free[1])
		} else {
			u = number(acc(0, c, 1))
		}
		k.reduce4(sums, t, u, out)
		if c+1 < k.columns {
			k.ADDQ(ldy, out)
		}
	}
}

// reduce4 stores the sums of up to four registers of four lanes. t and u are
// free.
func (g *gen) reduce4(sums []int, t, u int, out reg.Register) {
	// pair leaves a0+a2, b0+b2, a1+a3, b1+b3 in a.
	pair := func(a, b int) {
		g.VUNPCKLPS(xmm[b], xmm[a], xmm[t])
		g.VUNPCKHPS(xmm[b], xmm[a], xmm[u])
		g.VADDPS(xmm[u], xmm[t], xmm[a])
	}
	a := sums[0]
	if len(sums) <= 2 {
		pair(a, sums[len(sums)-1])
		g.VMOVHLPS(xmm[a], xmm[a], xmm[t])
		g.VADDPS(xmm[t], xmm[a], xmm[a])
		if len(sums) == 1 {
			g.VMOVSS(xmm[a], at(out, 0))
		} else {
			g.VMOVLPS(xmm[a], at(out, 0))
		}
		return
	}
	b := sums[2]
	pair(a, sums[1])
	pair(b, sums[len(sums)-1])
	g.VMOVLHPS(xmm[b], xmm[a], xmm[t])
	g.VMOVHLPS(xmm[a], xmm[b], xmm[u])
	g.VADDPS(xmm[u], xmm[t], xmm[a])
	if len(sums) == 4 {
		g.VMOVUPS(xmm[a], at(out, 0))
		return
	}
	g.VMOVLPS(xmm[a], at(out, 0))
	g.VEXTRACTPS(operand.U8(2), xmm[a], at(out, 8))
}

// number is the number of a vector register.
func number(r reg.VecPhysical) int { return int(r.PhysicalIndex()) }

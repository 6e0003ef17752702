package main

import "fmt"

// The dot-product form of dot.go: an output's 16 chains are four vectors.

// armDotTiles lists, for 1, 2, ... columns, the rows of a tile.
var armDotTiles = []int{4, 3, 2}

func armDot(a *arm) {
	for _, w := range weightTypes {
		var names []string
		for i, rows := range armDotTiles {
			k := &armDotKernel{arm: a, weights: w, columns: i + 1}
			names = append(names, k.function(rows))
		}
		a.choose("dotTile"+w.name+"NEON", "columns", names)
	}
}

// armDotKernel is the state of the generator for one function.
type armDotKernel struct {
	*arm
	weights weightType
	columns int

	y, ldy, carry, mode gp
	w, wStep            gp // the tile's first row, bytes of a row
	x, ldx              gp
	count, tail         gp // k/16 and k%16
	n, scratch          gp
	rows, xs            []gp // where the tile's rows and columns are
}

func (k *armDotKernel) function(tileRows int) string {
	typ := map[int]string{4: "float32", 2: "byte"}[k.weights.size]
	name := fmt.Sprintf("dot%sx%dNEON", k.weights.name, k.columns)
	need := "rows, k > 0."
	if k.weights.size != 4 {
		need = "rows > 0; k is a positive multiple of 16."
	}
	k.arm.function(name, fmt.Sprintf("y *float32, ldy int, w *%s, ldw int, rows int, x *float32, ldx int, k int, carry *float32, mode int, ahead uintptr, step int", typ), "",
		fmt.Sprintf("%s sets y[c*ldy+r] = Σ_i w[r*ldw+i]·x[c*ldx+i] for r < rows, i < k and %d columns c.", name, k.columns),
		need+" See dotMode for carry, [rows, columns, 16], and mode.",
		"Nothing is fetched ahead.")
	k.y, k.ldy = k.load("y"), k.loadBytes("ldy", 2)
	k.carry, k.mode = k.load("carry"), k.load("mode")
	k.w, k.wStep = k.load("w"), k.loadBytes("ldw", map[int]int{4: 2, 2: 1}[k.weights.size])
	k.x, k.ldx = k.load("x"), k.loadBytes("ldx", 2)
	rows := k.load("rows")
	k.count, k.tail = k.load("k"), k.reg()
	k.n, k.scratch = k.reg(), k.reg()
	k.op("AND $15, %v, %v", k.count, k.tail)
	k.op("LSR $4, %v, %v", k.count, k.count)
	k.rows, k.xs = nil, nil
	for range tileRows {
		k.rows = append(k.rows, k.reg())
	}
	for range k.columns {
		k.xs = append(k.xs, k.reg())
	}
	k.while(rows, tileRows, func() {
		k.tile(tileRows)
		k.op("SUB $%d, %v, %v", tileRows, rows, rows)
	})
	k.while(rows, 1, func() {
		k.tile(1)
		k.op("SUB $1, %v, %v", rows, rows)
	})
	k.ret()
	return name
}

// tile computes some rows and advances y, w and carry.
func (k *armDotKernel) tile(tileRows int) {
	acc := func(r, c, quarter int) vreg { return vreg((c*tileRows+r)*4 + quarter) }
	used := tileRows * k.columns * 4
	resume, ready := k.newLabel("resume"), k.newLabel("ready")
	k.op("TBNZ $0, %v, %s", k.mode, resume)
	for i := range used {
		k.zero(vreg(i))
	}
	k.op("B %s", ready)
	k.label(resume)
	for i := range used {
		k.ldrQ(k.carry, 16*i, vreg(i))
	}
	k.label(ready)
	places := func(to []gp, first, step gp) []gp {
		for i, r := range to {
			if i == 0 {
				k.move(first, r)
			} else {
				k.op("ADD %v, %v, %v", step, to[i-1], r)
			}
		}
		return to
	}
	w, x := places(k.rows[:tileRows], k.w, k.wStep), places(k.xs, k.x, k.ldx)

	// The fewer of rows and columns are held in registers, of the others one.
	byRow := tileRows <= k.columns
	held, others := w, x
	if !byRow {
		held, others = x, w
	}
	other := vreg(used + len(held))
	step := func(quarter int, loadW, loadX func(base gp, dst vreg)) {
		loadHeld, loadOther := loadX, loadW
		if byRow {
			loadHeld, loadOther = loadW, loadX
		}
		for i, p := range held {
			loadHeld(p, vreg(used+i))
		}
		for j, p := range others {
			loadOther(p, other)
			for i := range held {
				r, c := j, i
				if byRow {
					r, c = i, j
				}
				k.v3("fmla 4s", acc(r, c, quarter), vreg(used+i), other)
			}
		}
	}
	k.move(k.count, k.n)
	k.unlessZero(k.n, func() {
		k.loop(k.n, func() {
			for q := range 4 {
				step(q, func(base gp, dst vreg) { k.loadWeights(base, 4*q*k.weights.size, dst) },
					func(base gp, dst vreg) { k.ldrQ(base, 16*q, dst) })
			}
			for _, p := range w {
				k.add(16*k.weights.size, p)
			}
			for _, p := range x {
				k.add(64, p)
			}
		})
	})
	if k.weights.size == 4 {
		k.unlessZero(k.tail, func() { k.tailStep(used, other, step) })
	}
	suspend, done := k.newLabel("suspend"), k.newLabel("done")
	k.op("TBNZ $1, %v, %s", k.mode, suspend)
	k.reduce(tileRows, vreg(used), acc)
	k.op("B %s", done)
	k.label(suspend)
	for i := range used {
		k.strQ(vreg(i), k.carry, 16*i)
	}
	k.label(done)
	k.add(16*used, k.carry)
	for range tileRows {
		k.addReg(k.wStep, k.w)
	}
	k.add(4*tileRows, k.y)
}

// tailStep is a step over 1 to 15 values; the rest counts as zeros.
func (k *armDotKernel) tailStep(used int, other vreg, step func(quarter int, loadW, loadX func(base gp, dst vreg))) {
	var part, rest [4]string
	for q := range 4 {
		part[q], rest[q] = k.newLabel("part"), k.newLabel("rest")
	}
	end := k.newLabel("whole")
	after := func(q int) string {
		if q == 3 {
			return end
		}
		return rest[q+1]
	}
	same := func(q int, load func(base gp, dst vreg)) { step(q, load, load) }
	left := k.n // values from the quarter on
	k.move(k.tail, left)
	for q := range 3 {
		k.op("CMP $4, %v", left)
		k.op("BLT %s", part[q])
		same(q, func(base gp, dst vreg) { k.ldrQ(base, 16*q, dst) })
		k.op("SUB $4, %v, %v", left, left)
		k.op("CBZ %v, %s", left, after(q))
	}
	for _, q := range []int{3, 0, 1, 2} {
		k.label(part[q])
		one, two := k.newLabel("one"), k.newLabel("two")
		k.op("CMP $2, %v", left)
		k.op("BLT %s", one)
		k.op("BEQ %s", two)
		same(q, func(base gp, dst vreg) {
			k.ldrD(base, 16*q, dst)
			k.ldrS(base, 16*q+8, other+1)
			k.highHalf(dst, other+1)
		})
		k.op("B %s", after(q))
		k.label(two)
		same(q, func(base gp, dst vreg) { k.ldrD(base, 16*q, dst) })
		k.op("B %s", after(q))
		k.label(one)
		same(q, func(base gp, dst vreg) { k.ldrS(base, 16*q, dst) })
		k.op("B %s", after(q))
	}
	// A product of zeros changes a chain of -0.
	for q := 1; q < 4; q++ {
		k.label(rest[q])
		k.zero(other)
		for i := q; i < used; i += 4 {
			k.v3("fadd 4s", vreg(i), vreg(i), other)
		}
	}
	k.label(end)
}

// loadWeights loads four weights as floats.
func (k *armDotKernel) loadWeights(base gp, disp int, dst vreg) {
	switch k.weights.name {
	case "F32":
		k.ldrQ(base, disp, dst)
	case "F16":
		k.ldrD(base, disp, dst)
		k.v2("fcvtl 4s 4h", dst, dst)
	case "BF16":
		k.ldrD(base, disp, dst)
		k.word(0x2e613800|fields(int(dst), int(dst), 0), "shll v%d.4s, v%d.4h, #16", dst, dst)
	}
}

// reduce adds up the lanes of all outputs and stores them, all rows of a
// column at a time. The tree is that of dotKernel.reduceTile.
func (k *armDotKernel) reduce(tileRows int, free vreg, acc func(r, c, quarter int) vreg) {
	out := k.scratch
	k.move(k.y, out)
	t, u := free, free+1
	// pair sets a to a0+a2, a1+a3, b0+b2, b1+b3.
	pair := func(a, b vreg) {
		k.v3("trn1 2d", t, a, b)
		k.v3("trn2 2d", u, a, b)
		k.v3("fadd 4s", a, t, u)
	}
	for c := range k.columns {
		for r := range tileRows {
			k.v3("fadd 4s", acc(r, c, 0), acc(r, c, 0), acc(r, c, 2))
			k.v3("fadd 4s", acc(r, c, 1), acc(r, c, 1), acc(r, c, 3))
			k.v3("fadd 4s", acc(r, c, 0), acc(r, c, 0), acc(r, c, 1))
		}
		sum := func(r int) vreg { return acc(min(r, tileRows-1), c, 0) }
		a, b := sum(0), sum(2)
		pair(a, sum(1))
		if tileRows > 2 {
			pair(b, sum(3))
		} else {
			b = a
		}
		k.v3("faddp 4s", a, a, b)
		switch tileRows {
		case 1:
			k.strS(a, out, 0)
		case 2:
			k.strD(a, out, 0)
		case 3:
			k.strD(a, out, 0)
			k.op("ADD $8, %v, %v", out, k.n)
			k.st1Lane2(a, k.n)
		case 4:
			k.strQ(a, out, 0)
		}
		if c+1 < k.columns {
			k.addReg(k.ldy, out)
		}
	}
}

package main

import (
	"fmt"
	"strings"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gen builds one file. Vector registers are named by hand, so that a tile's
// use of them is plain to see; general registers are allocated by avo.
type gen struct {
	*build.Context
	signature string          // of the current function
	labels    int             // made in it
	choices   strings.Builder // Go functions that choose between kernels
}

// The vector registers by number and width.
var (
	zmm = []reg.VecPhysical{
		reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7,
		reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
		reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23,
		reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31,
	}
	ymm = as(func(r reg.VecPhysical) reg.VecPhysical { return r.AsY().(reg.VecPhysical) })
	xmm = as(func(r reg.VecPhysical) reg.VecPhysical { return r.AsX().(reg.VecPhysical) })
)

func as(view func(reg.VecPhysical) reg.VecPhysical) []reg.VecPhysical {
	var out []reg.VecPhysical
	for _, z := range zmm {
		out = append(out, view(z))
	}
	return out
}

// An isa is an instruction set that kernels are made for.
type isa struct {
	name  string // suffix of the functions
	bytes int    // of a vector
	vec   []reg.VecPhysical
}

var (
	avx2   = isa{"AVX2", 32, ymm[:16]}
	avx512 = isa{"AVX512", 64, zmm}
)

// lanes is the number of float32 in a vector.
func (s isa) lanes() int { return s.bytes / 4 }

// function starts a function whose pointers do not escape.
func (g *gen) function(name, signature string, doc ...string) {
	g.Function(name)
	g.SignatureExpr(signature)
	g.Pragma("noescape")
	g.Attributes(4) // NOSPLIT
	g.Doc(doc...)
	g.signature, g.labels = signature, 0
}

// choose writes a Go function that calls names[n-1] for a first argument n;
// all have the current function's signature. A switch, unlike a table, lets the
// compiler see that pointers do not escape.
func (g *gen) choose(name, argument string, names []string) {
	params := strings.TrimSuffix(strings.TrimPrefix(g.signature, "func("), ")")
	var call []string
	for _, p := range strings.Split(params, ", ") {
		call = append(call, strings.Fields(p)[0])
	}
	fmt.Fprintf(&g.choices, "\n// %s calls the kernel for a number of %s, at most %d.\nfunc %s(%s int, %s) {\n\tswitch %s {\n",
		name, argument, len(names), name, argument, params, argument)
	for i, f := range names {
		fmt.Fprintf(&g.choices, "\tcase %d:\n\t\t%s(%s)\n", i+1, f, strings.Join(call, ", "))
	}
	g.choices.WriteString("\t}\n}\n")
}

// load returns a parameter in a register.
func (g *gen) load(name string) reg.GPVirtual {
	r := g.GP64()
	g.Load(g.Param(name), r)
	return r
}

// loadBytes returns a number of 4-byte values as bytes.
func (g *gen) loadBytes(name string) reg.GPVirtual {
	r := g.load(name)
	g.SHLQ(operand.U8(2), r)
	return r
}

// label returns a name that is unique in the function.
func (g *gen) label(what string) string {
	g.labels++
	return fmt.Sprintf("%s%d", what, g.labels)
}

// loop runs body n times; n is counted down. It runs at least once.
func (g *gen) loop(n reg.Register, body func()) {
	l := g.label("loop")
	g.Label(l)
	body()
	g.DECQ(n)
	g.JNZ(operand.LabelRef(l))
}

// while runs body as long as n >= least, which body must lower.
func (g *gen) while(n reg.Register, least int, body func()) {
	top, end := g.label("while"), g.label("end")
	g.Label(top)
	g.CMPQ(n, imm(least))
	g.JLT(operand.LabelRef(end))
	body()
	g.JMP(operand.LabelRef(top))
	g.Label(end)
}

// unless skips body if the flags say that the last result was zero.
func (g *gen) unlessZero(body func()) {
	end := g.label("skip")
	g.JZ(operand.LabelRef(end))
	body()
	g.Label(end)
}

// ret ends a function.
func (g *gen) ret() {
	g.VZEROUPPER()
	g.RET()
}

// at is the memory at base + displacement.
func at(base reg.Register, disp int) operand.Mem { return operand.Mem{Base: base, Disp: disp} }

// A rows addresses places at equal distances with few registers.
type rows struct {
	base   []reg.Register // every fourth place
	step   reg.Register   // the distance in bytes
	triple reg.Register   // three distances, nil if there are less than 4 places
}

// newRows returns addresses of n places from base on, which it does not keep.
func (g *gen) newRows(n int, base reg.Register, step reg.Register) rows {
	r := rows{step: step}
	for i := 0; i < n; i += 4 {
		b := g.GP64()
		r.base = append(r.base, b)
	}
	if n > 3 {
		t := g.GP64()
		g.LEAQ(operand.Mem{Base: step, Index: step, Scale: 2}, t)
		r.triple = t
	}
	g.rewind(r, base)
	return r
}

// rewind sets the places to start at base.
func (g *gen) rewind(r rows, base reg.Register) {
	g.MOVQ(base, r.base[0])
	for i := 1; i < len(r.base); i++ {
		g.LEAQ(operand.Mem{Base: r.base[i-1], Index: r.step, Scale: 4}, r.base[i])
	}
}

// at returns place i, some bytes on.
func (r rows) at(i, disp int) operand.Mem {
	m := operand.Mem{Base: r.base[i/4], Disp: disp}
	switch i % 4 {
	case 1:
		m.Index, m.Scale = r.step, 1
	case 2:
		m.Index, m.Scale = r.step, 2
	case 3:
		m.Index, m.Scale = r.triple, 1
	}
	return m
}

// advance moves all places on by some bytes.
func (g *gen) advance(r rows, bytes int) {
	for _, b := range r.base {
		g.ADDQ(imm(bytes), b)
	}
}

// imm is a number as an operand, of a size that all instructions have.
func imm(v int) operand.Constant {
	if v < 128 {
		return operand.U8(v)
	}
	return operand.U32(v)
}

// within moves what is fetched, p, from limit on to the address that the parameter
// then has, and calls also. There is no limit afterwards.
func (g *gen) within(p, limit reg.Register, also func()) {
	within := g.label("within")
	g.CMPQ(p, limit)
	g.JCS(operand.LabelRef(within))
	g.Load(g.Param("then"), p)
	g.MOVQ(operand.I32(-1), limit)
	also()
	g.Label(within)
}

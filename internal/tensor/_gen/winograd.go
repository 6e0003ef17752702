package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The transforms of Winograd's convolution, see winograd.go there, whose
// operations these are in its order. All factors are powers of two, so that a
// fused multiply-add gives what a multiplication and an addition give.
//
// Channels are lanes. 12 registers hold two of the six rows of a transformed
// patch, or two of the four of a square of outputs; the loops go through the
// patch three times, or twice, instead of storing it in between.
func genWinograd(g *gen) {
	w := &winogradGen{
		gen: g, two: g.constant("winogradTwo", f32(2)), four: g.constant("winogradFour", f32(4)), eight: g.constant("winogradEight", f32(8)),
	}
	for _, s := range []isa{avx512, avx2} {
		w.input(s)
		w.output(s, false)
		w.output(s, true)
	}
}

type winogradGen struct {
	*gen
	two, four, eight operand.Mem
}

// patch is the height and width of a patch of inputs, tile of outputs.
const patch, tile = 6, 4

// multiple returns times·r in a register.
func (g *gen) multiple(times int, r reg.Register) reg.GPVirtual {
	out := g.GP64()
	g.IMUL3Q(operand.U8(times), r, out)
	return out
}

func (w *winogradGen) input(s isa) {
	name := "winogradInputAsm" + s.name
	w.function(name, "func(v *float32, step int, src *float32, rowLen int, channels int)",
		name+" is kernels.winogradInput. channels is a positive multiple of 16.")
	v, src := w.load("v"), w.load("src")
	step, row, pixel := w.loadBytes("step"), w.loadBytes("rowLen"), w.loadBytes("channels")
	n := w.load("channels")
	for lanes := s.lanes(); lanes > 1; lanes /= 2 {
		w.SHRQ(operand.U8(1), n)
	}
	in, out := w.newRows(patch, src, row), w.newRows(patch, v, step)
	from := w.GP64()
	first, second, t := s.vec[:patch], s.vec[patch:2*patch], s.vec[2*patch:]

	// rows makes rows i and k of the transformed patch; column makes both of
	// their values of a column that is at in.
	rows := func(i, k int, column func(a, b reg.VecPhysical)) {
		w.rewind(in, src)
		for j := range patch {
			column(first[j], second[j])
			if j+1 < patch {
				for _, b := range in.base {
					w.ADDQ(pixel, b)
				}
			}
		}
		for _, r := range []struct {
			i int
			x []reg.VecPhysical
		}{{i, first}, {k, second}} {
			w.MOVQ(v, from)
			if r.i > 0 {
				w.ADDQ(w.multiple(patch*r.i, step), from)
			}
			w.rewind(out, from)
			w.inputRow(r.x, t, out)
		}
	}
	w.loop(n, func() {
		rows(1, 2, func(a, b reg.VecPhysical) {
			w.VMOVUPS(in.at(4, 0), a)
			w.VMOVUPS(in.at(2, 0), t[0])
			w.VFNMADD231PS(w.four, t[0], a)
			w.VMOVUPS(in.at(3, 0), t[1])
			w.VMOVUPS(in.at(1, 0), t[0])
			w.VFNMADD231PS(w.four, t[0], t[1])
			w.VSUBPS(t[1], a, b)
			w.VADDPS(t[1], a, a)
		})
		rows(3, 4, func(a, b reg.VecPhysical) {
			w.VMOVUPS(in.at(4, 0), a)
			w.VSUBPS(in.at(2, 0), a, a)
			w.VMOVUPS(in.at(3, 0), t[1])
			w.VSUBPS(in.at(1, 0), t[1], t[1])
			w.VMOVAPS(a, b)
			w.VFNMADD231PS(w.two, t[1], b)
			w.VFMADD231PS(w.two, t[1], a)
		})
		rows(0, 5, func(a, b reg.VecPhysical) {
			w.VMOVUPS(in.at(0, 0), t[1])
			w.VMOVUPS(in.at(2, 0), t[0])
			w.VSUBPS(t[0], t[1], t[1])
			w.VMOVUPS(in.at(4, 0), a)
			w.VSUBPS(t[0], a, a)
			w.VFMADD231PS(w.four, t[1], a)
			w.VMOVUPS(in.at(5, 0), b)
			w.VMOVUPS(in.at(3, 0), t[0])
			w.VSUBPS(t[0], b, b)
			w.VSUBPS(in.at(1, 0), t[0], t[0])
			w.VFNMADD231PS(w.four, t[0], b)
		})
		w.ADDQ(imm(s.bytes), src)
		w.ADDQ(imm(s.bytes), v)
	})
	w.ret()
}

// inputRow transforms and stores six values.
func (w *winogradGen) inputRow(x, t []reg.VecPhysical, out rows) {
	r, d := t[0], t[1]
	w.VSUBPS(x[2], x[4], r)
	w.VSUBPS(x[1], x[3], d)
	w.VSUBPS(x[2], x[0], x[0])
	w.VSUBPS(x[3], x[5], x[5])
	w.VFNMADD231PS(w.four, d, x[5])
	w.VMOVUPS(x[5], out.at(5, 0))
	w.VFNMADD231PS(w.four, x[2], x[4])
	w.VFNMADD231PS(w.four, x[1], x[3])
	w.VSUBPS(x[3], x[4], x[2])
	w.VMOVUPS(x[2], out.at(2, 0))
	w.VADDPS(x[3], x[4], x[4])
	w.VMOVUPS(x[4], out.at(1, 0))
	w.VMOVAPS(r, x[1])
	w.VFMADD231PS(w.two, d, x[1])
	w.VMOVUPS(x[1], out.at(3, 0))
	w.VMOVAPS(r, x[2])
	w.VFNMADD231PS(w.two, d, x[2])
	w.VMOVUPS(x[2], out.at(4, 0))
	w.VFMADD231PS(w.four, x[0], r)
	w.VMOVUPS(r, out.at(0, 0))
}

func (w *winogradGen) output(s isa, add bool) {
	name, how := "winogradOutputAsm"+s.name, "does not add"
	if add {
		name, how = "winogradAddOutputAsm"+s.name, "adds"
	}
	w.function(name, "func(dst *float32, rowLen int, stride int, m *float32, step int, bias *float32)",
		fmt.Sprintf("%s is kernels.winogradOutput; it %s.", name, how))
	dst, m, bias := w.load("dst"), w.load("m"), w.load("bias")
	row, pixel, step := w.loadBytes("rowLen"), w.loadBytes("stride"), w.loadBytes("step")
	in := w.newRows(patch, m, w.multiple(patch, step))
	out := w.newRows(tile, dst, pixel)
	to := w.GP64()
	n := w.GP64()
	w.MOVQ(operand.I32(convGroup/s.lanes()), n)
	first, second, t := s.vec[:patch], s.vec[patch:2*patch], s.vec[2*patch:]

	rows := func(i, k int, column func(a, b reg.VecPhysical)) {
		w.rewind(in, m)
		for j := range patch {
			column(first[j], second[j])
			if j+1 < patch {
				for _, b := range in.base {
					w.ADDQ(step, b)
				}
			}
		}
		for _, r := range []struct {
			i int
			x []reg.VecPhysical
		}{{i, first}, {k, second}} {
			w.MOVQ(dst, to)
			for range r.i {
				w.ADDQ(row, to)
			}
			w.rewind(out, to)
			w.outputRow(r.x, t, func(p int, x reg.VecPhysical) {
				w.VADDPS(at(bias, 0), x, x)
				if add {
					w.VADDPS(out.at(p, 0), x, x)
				}
				w.VMOVUPS(x, out.at(p, 0))
			})
		}
	}
	w.loop(n, func() {
		rows(0, 2, func(a, b reg.VecPhysical) {
			w.VMOVUPS(in.at(1, 0), b)
			w.VADDPS(in.at(2, 0), b, b)
			w.VMOVUPS(in.at(3, 0), t[0])
			w.VADDPS(in.at(4, 0), t[0], t[0])
			w.VADDPS(in.at(0, 0), b, a)
			w.VADDPS(t[0], a, a)
			w.VFMADD231PS(w.four, t[0], b)
		})
		rows(1, 3, func(a, b reg.VecPhysical) {
			w.VMOVUPS(in.at(1, 0), a)
			w.VSUBPS(in.at(2, 0), a, a)
			w.VMOVUPS(in.at(3, 0), t[0])
			w.VSUBPS(in.at(4, 0), t[0], t[0])
			w.VMOVAPS(a, b)
			w.VFMADD231PS(w.eight, t[0], b)
			w.VADDPS(in.at(5, 0), b, b)
			w.VFMADD231PS(w.two, t[0], a)
		})
		for _, p := range []reg.Register{m, dst, bias} {
			w.ADDQ(imm(s.bytes), p)
		}
	})
	w.ret()
}

// outputRow transforms six values to four.
func (w *winogradGen) outputRow(x, t []reg.VecPhysical, put func(p int, x reg.VecPhysical)) {
	w.VADDPS(x[2], x[1], t[0])
	w.VSUBPS(x[2], x[1], x[1])
	w.VADDPS(x[4], x[3], t[1])
	w.VSUBPS(x[4], x[3], x[3])
	w.VADDPS(t[0], x[0], x[0])
	w.VADDPS(t[1], x[0], x[0])
	put(0, x[0])
	w.VMOVAPS(x[1], x[2])
	w.VFMADD231PS(w.eight, x[3], x[2])
	w.VADDPS(x[5], x[2], x[2])
	w.VFMADD231PS(w.two, x[3], x[1])
	put(1, x[1])
	w.VFMADD231PS(w.four, t[1], t[0])
	put(2, t[0])
	put(3, x[2])
}

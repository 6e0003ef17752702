package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
)

// The convolution's product: pixels by output channels, which are lanes; each
// output is one chain over the inputs. See convTile in conv.go.
//
// AVX-512: up to 14 pixels by 32 channels. AVX2: up to 6 by 16, twice.
const convGroup = 32

// convUnroll is how many inputs a round of the loop adds: few enough rounds
// for a processor to foresee the last one.
const convUnroll = 4

func genConv(g *gen) {
	for _, k := range []struct {
		isa    isa
		pixels int
	}{{avx512, 14}, {avx2, 6}} {
		var names []string
		for pixels := 1; pixels <= k.pixels; pixels++ {
			names = append(names, g.conv(k.isa, pixels, 2))
		}
		g.choose("convTiles"+k.isa.name, "pixels", names)
		g.put(k.isa, false)
		g.put(k.isa, true)
	}
}

// conv makes one function and returns its name.
func (g *gen) conv(s isa, pixels, vectors int) string {
	name := fmt.Sprintf("conv%d%s", pixels, s.name)
	channels := vectors * s.lanes()
	g.function(name, "func(tiles int, dst *float32, dstStride int, init *float32, initStride int, src *float32, srcStride int, panel *float32, k int)",
		fmt.Sprintf("%s is kernels.conv for tiles of %d pixels and %d channels. tiles > 0, k > 0.", name, pixels, channels))
	tiles, dst, init, src := g.load("tiles"), g.load("dst"), g.load("init"), g.load("src")
	step := g.loadBytes("srcStride")
	in := g.newRows(pixels, src, step)
	panel, n := g.GP64(), g.GP64()
	acc := s.vec[:pixels*vectors]
	weights := s.vec[pixels*vectors:][:vectors]
	inputs := s.vec[(pixels+1)*vectors:]

	// add adds input i from the current place on.
	add := func(i int) {
		for v, w := range weights {
			g.VMOVUPS(at(panel, 4*convGroup*i+v*s.bytes), w)
		}
		for p := range pixels {
			x := inputs[(i*pixels+p)%len(inputs)]
			g.VBROADCASTSS(in.at(p, 4*i), x)
			for v, w := range weights {
				g.VFMADD231PS(w, x, acc[p*vectors+v])
			}
		}
	}
	g.loop(tiles, func() {
		distance := g.loadBytes("initStride")
		for p := range pixels {
			for v := range vectors {
				g.VMOVUPS(at(init, v*s.bytes), acc[p*vectors+v])
			}
			g.ADDQ(distance, init)
		}
		g.Load(g.Param("panel"), panel)
		g.rewind(in, src)
		g.Load(g.Param("k"), n)
		g.while(n, convUnroll, func() {
			for i := range convUnroll {
				add(i)
			}
			g.advance(in, 4*convUnroll)
			g.ADDQ(imm(4*convGroup*convUnroll), panel)
			g.SUBQ(imm(convUnroll), n)
		})
		g.while(n, 1, func() {
			add(0)
			g.advance(in, 4)
			g.ADDQ(imm(4*convGroup), panel)
			g.DECQ(n)
		})
		distance = g.loadBytes("dstStride")
		for p := range pixels {
			for v := range vectors {
				g.VMOVUPS(acc[p*vectors+v], at(dst, v*s.bytes))
			}
			g.ADDQ(distance, dst)
		}
		next := g.GP64()
		g.IMUL3Q(operand.U8(pixels), step, next)
		g.ADDQ(next, src)
	})
	g.ret()
	return name
}

// put makes kernels.put for whole groups of channels, with or without add.
func (g *gen) put(s isa, add bool) {
	name, how := "putAsm"+s.name, "does not add"
	if add {
		name, how = "addPutAsm"+s.name, "adds"
	}
	g.function(name, "func(dst *float32, stride int, x *float32, pixels int)",
		fmt.Sprintf("%s is kernels.put for %d channels; it %s. pixels > 0.", name, convGroup, how))
	dst, stride, x, n := g.load("dst"), g.loadBytes("stride"), g.load("x"), g.load("pixels")
	g.loop(n, func() {
		for i := range 4 * convGroup / s.bytes {
			v := s.vec[i]
			g.VMOVUPS(at(x, i*s.bytes), v)
			if add {
				g.VADDPS(at(dst, i*s.bytes), v, v)
				g.VMOVUPS(v, at(x, i*s.bytes))
			}
			g.VMOVUPS(v, at(dst, i*s.bytes))
		}
		g.ADDQ(imm(4*convGroup), x)
		g.ADDQ(stride, dst)
	})
	g.ret()
}

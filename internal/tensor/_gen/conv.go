package main

import (
	"fmt"
)

// The convolution's product: pixels by output channels, which are lanes; each
// output is one chain over the inputs. See convTile in conv.go.
//
// AVX-512: up to 8 pixels by 32 channels. AVX2: up to 6 by 16, twice.
const convGroup = 32

func genConv(g *gen) {
	for _, k := range []struct {
		isa    isa
		pixels int
	}{{avx512, 8}, {avx2, 6}} {
		var names []string
		for pixels := 1; pixels <= k.pixels; pixels++ {
			names = append(names, g.conv(k.isa, pixels, 2))
		}
		g.choose("convTile"+k.isa.name, "pixels", names)
	}
}

// conv makes one function and returns its name.
func (g *gen) conv(s isa, pixels, vectors int) string {
	name := fmt.Sprintf("conv%d%s", pixels, s.name)
	channels := vectors * s.lanes()
	g.function(name, "func(dst *float32, dstStride int, init *float32, initStride int, src *float32, srcStride int, panel *float32, k int)",
		fmt.Sprintf("%s is kernels.conv for %d pixels and %d channels. k > 0.", name, pixels, channels))
	src := g.newRows(pixels, g.load("src"), g.loadBytes("srcStride"))
	panel, k := g.load("panel"), g.load("k")
	acc := s.vec[:pixels*vectors]
	weights := s.vec[pixels*vectors:][:vectors]
	inputs := s.vec[(pixels+1)*vectors:]

	from, step := g.load("init"), g.loadBytes("initStride")
	for p := range pixels {
		for v := range vectors {
			g.VMOVUPS(at(from, v*s.bytes), acc[p*vectors+v])
		}
		if p+1 < pixels {
			g.ADDQ(step, from)
		}
	}
	g.loop(k, func() {
		for v, w := range weights {
			g.VMOVUPS(at(panel, v*s.bytes), w)
		}
		for p := range pixels {
			in := inputs[p%len(inputs)]
			g.VBROADCASTSS(src.at(p, 0), in)
			for v, w := range weights {
				g.VFMADD231PS(w, in, acc[p*vectors+v])
			}
		}
		g.advance(src, 4)
		g.ADDQ(imm(4*convGroup), panel)
	})
	to, step := g.load("dst"), g.loadBytes("dstStride")
	for p := range pixels {
		for v := range vectors {
			g.VMOVUPS(acc[p*vectors+v], at(to, v*s.bytes))
		}
		if p+1 < pixels {
			g.ADDQ(step, to)
		}
	}
	g.ret()
	return name
}

package main

import "fmt"

// The convolution's product of conv.go: up to 6 pixels by 16 output channels.
// Four inputs of a pixel lie in a vector and are multiplied by element, so that
// a weight vector is all that a step loads for six multiplications.
const armConvPixels = 6

func armConv(a *arm) {
	var names []string
	for pixels := 1; pixels <= armConvPixels; pixels++ {
		names = append(names, a.conv(pixels))
	}
	a.choose("convTileNEON", "pixels", names)
}

func (a *arm) conv(pixels int) string {
	const vectors = 4
	name := fmt.Sprintf("conv%dNEON", pixels)
	a.function(name, "dst *float32, dstStride int, init *float32, initStride int, src *float32, srcStride int, panel *float32, k int", "",
		fmt.Sprintf("%s is kernels.conv for %d pixels and 16 channels. k > 0.", name, pixels))
	dst, dstStep := a.load("dst"), a.loadBytes("dstStride", 2)
	init, initStep := a.load("init"), a.loadBytes("initStride", 2)
	src, srcStep := a.load("src"), a.loadBytes("srcStride", 2)
	panel, k, fours := a.load("panel"), a.load("k"), a.reg()
	var in []gp
	for p := range pixels {
		in = append(in, a.reg())
		if p == 0 {
			a.move(src, in[p])
		} else {
			a.op("ADD %v, %v, %v", srcStep, in[p-1], in[p])
		}
	}
	acc := func(p, v int) vreg { return vreg(p*vectors + v) }
	inputs := vreg(pixels * vectors)
	weights := inputs + vreg(pixels)
	each := func(base, step gp, one func(v vreg, base gp, disp int)) {
		for p := range pixels {
			for v := range vectors {
				one(acc(p, v), base, 16*v)
			}
			if p+1 < pixels {
				a.addReg(step, base)
			}
		}
	}
	each(init, initStep, func(v vreg, base gp, disp int) { a.ldrQ(base, disp, v) })
	// step multiplies input i of the vectors.
	step := func(i int) {
		for v := range vectors {
			w := weights + vreg(v%2)
			a.ldrQ(panel, 4*convGroup*i+16*v, w)
			for p := range pixels {
				a.fmlaLane(acc(p, v), w, inputs+vreg(p), i)
			}
		}
	}
	a.op("LSR $2, %v, %v", k, fours)
	a.op("AND $3, %v, %v", k, k)
	a.unlessZero(fours, func() {
		a.loop(fours, func() {
			for p, base := range in {
				a.ldrQNext(base, inputs+vreg(p))
			}
			for i := range 4 {
				step(i)
			}
			a.add(4*4*convGroup, panel)
		})
	})
	a.unlessZero(k, func() {
		a.loop(k, func() {
			for p, base := range in {
				a.ld1rNext(base, inputs+vreg(p))
			}
			step(0)
			a.add(4*convGroup, panel)
		})
	})
	each(dst, dstStep, a.strQ)
	a.ret()
	return name
}

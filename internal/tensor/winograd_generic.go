package tensor

// The portable transforms, which the assembly ones match bit for bit: the
// explicit float32 conversions keep compilers from fusing, and multiplying by a
// power of two rounds nothing.

// winogradInputGeneric is kernels.winogradInput: Bᵀ·d·B of a patch d.
func winogradInputGeneric(v []float32, step int, src []float32, rowLen, channels int) {
	for c := range channels {
		var d [winogradPatch][winogradPatch]float32 // columns first
		for x := range winogradPatch {
			at := x*channels + c
			d[x] = winogradInputs(src[at], src[rowLen+at], src[2*rowLen+at], src[3*rowLen+at], src[4*rowLen+at], src[5*rowLen+at])
		}
		for y := range winogradPatch {
			row := winogradInputs(d[0][y], d[1][y], d[2][y], d[3][y], d[4][y], d[5][y])
			for x, t := range row {
				v[(y*winogradPatch+x)*step+c] = t
			}
		}
	}
}

func winogradInputs(a, b, c, d, e, f float32) [winogradPatch]float32 {
	r, s := e-c, d-b
	p, q := e-float32(4*c), d-float32(4*b)
	return [...]float32{
		float32(4*(a-c)) + r,
		p + q,
		p - q,
		r + float32(2*s),
		r - float32(2*s),
		(f - d) - float32(4*s),
	}
}

// winogradOutputGeneric is kernels.winogradOutput: Aᵀ·m·A of 36 products.
func winogradOutputGeneric(dst []float32, rowLen, stride int, m []float32, step int, bias []float32, add bool) {
	for o := range convGroup {
		var z [winogradPatch][winogradTile]float32 // columns first
		for x := range winogradPatch {
			at := func(y int) float32 { return m[(y*winogradPatch+x)*step+o] }
			z[x] = winogradOutputs(at(0), at(1), at(2), at(3), at(4), at(5))
		}
		for y := range winogradTile {
			row := winogradOutputs(z[0][y], z[1][y], z[2][y], z[3][y], z[4][y], z[5][y])
			for x, t := range row {
				out := &dst[y*rowLen+x*stride+o]
				t += bias[o]
				if add {
					t += *out
				}
				*out = t
			}
		}
	}
}

func winogradOutputs(a, b, c, d, e, f float32) [winogradTile]float32 {
	p, q := b+c, b-c
	v, w := d+e, d-e
	return [...]float32{
		p + a + v,
		q + float32(2*w),
		p + float32(4*v),
		q + float32(8*w) + f,
	}
}

//go:build !noasm

package tensor

func mixAVX512(out, p, values []float32) {
	d := len(out)
	_ = values[:len(p)*d]
	width := d &^ 15
	if width > 0 && len(p) > 0 {
		mixAsmAVX512(&out[0], width, &p[0], len(p), &values[0], d)
	}
	mixTail(out, width, p, values)
}

func mixAVX2(out, p, values []float32) {
	d := len(out)
	_ = values[:len(p)*d]
	width := d &^ 7
	if width > 0 && len(p) > 0 {
		mixAsmAVX2(&out[0], width, &p[0], len(p), &values[0], d)
	}
	mixTail(out, width, p, values)
}

// mixTail computes what is left beyond the vectors, with the same bits.
func mixTail(out []float32, from int, p, values []float32) {
	d := len(out)
	for j := from; j < d; j++ {
		for i, u := range p {
			out[j] = fma(u, values[i*d+j], out[j])
		}
	}
}

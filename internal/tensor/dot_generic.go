package tensor

// The portable products. The explicit float32 conversions keep compilers for
// processors with a fused multiply-add from fusing some products and not
// others: the bits are the same on every processor.

// dotGeneric is the reference for kernels.dot: one chain an output, in index
// order. Tiles of 4 rows and 2 columns keep eight chains running.
func dotGeneric(y []float32, ldy int, w []float32, rows int, x []float32, ldx, n, k int, _ []float32, _ uintptr) {
	r := 0
	for ; r+4 <= rows; r += 4 {
		w0, w1, w2, w3 := w[r*k:][:k], w[(r+1)*k:][:k], w[(r+2)*k:][:k], w[(r+3)*k:][:k]
		c := 0
		for ; c+2 <= n; c += 2 {
			x0, x1 := x[c*ldx:][:k], x[(c+1)*ldx:][:k]
			var a0, a1, a2, a3, b0, b1, b2, b3 float32
			for i, u := range x0 {
				v := x1[i]
				a0 += float32(w0[i] * u)
				b0 += float32(w0[i] * v)
				a1 += float32(w1[i] * u)
				b1 += float32(w1[i] * v)
				a2 += float32(w2[i] * u)
				b2 += float32(w2[i] * v)
				a3 += float32(w3[i] * u)
				b3 += float32(w3[i] * v)
			}
			o := y[c*ldy+r:][:4]
			o[0], o[1], o[2], o[3] = a0, a1, a2, a3
			o = y[(c+1)*ldy+r:][:4]
			o[0], o[1], o[2], o[3] = b0, b1, b2, b3
		}
		if c < n {
			x0 := x[c*ldx:][:k]
			var a0, a1, a2, a3 float32
			for i, u := range x0 {
				a0 += float32(w0[i] * u)
				a1 += float32(w1[i] * u)
				a2 += float32(w2[i] * u)
				a3 += float32(w3[i] * u)
			}
			o := y[c*ldy+r:][:4]
			o[0], o[1], o[2], o[3] = a0, a1, a2, a3
		}
	}
	for ; r < rows; r++ {
		w0 := w[r*k:][:k]
		for c := range n {
			y[c*ldy+r] = dot(w0, x[c*ldx:][:k])
		}
	}
}

// dot is one chain in index order.
func dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s float32
	for i, u := range a {
		s += float32(u * b[i])
	}
	return s
}

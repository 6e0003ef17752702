package tensor

// The portable kernels. The explicit float32 conversions keep compilers for
// processors with a fused multiply-add from fusing some products and not
// others: the bits are the same on every processor.

// dotGeneric is the reference for kernels.dot. Tiles of 4 rows and 2 columns
// keep eight independent chains running.
func dotGeneric(y []float32, ldy int, w []float32, rows int, x []float32, n, k int) {
	r := 0
	for ; r+4 <= rows; r += 4 {
		w0, w1, w2, w3 := w[r*k:][:k], w[(r+1)*k:][:k], w[(r+2)*k:][:k], w[(r+3)*k:][:k]
		c := 0
		for ; c+2 <= n; c += 2 {
			x0, x1 := x[c*k:][:k], x[(c+1)*k:][:k]
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
			x0 := x[c*k:][:k]
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
			y[c*ldy+r] = dot(w0, x[c*k:][:k])
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

// scoresGeneric is the reference for kernels.scores: four keys at a time.
func scoresGeneric(s, q, keys []float32) {
	d := len(q)
	i := 0
	for ; i+4 <= len(s); i += 4 {
		k0, k1, k2, k3 := keys[i*d:][:d], keys[(i+1)*d:][:d], keys[(i+2)*d:][:d], keys[(i+3)*d:][:d]
		var a0, a1, a2, a3 float32
		for j, u := range q {
			a0 += float32(u * k0[j])
			a1 += float32(u * k1[j])
			a2 += float32(u * k2[j])
			a3 += float32(u * k3[j])
		}
		s[i], s[i+1], s[i+2], s[i+3] = a0, a1, a2, a3
	}
	for ; i < len(s); i++ {
		s[i] = dot(q, keys[i*d:][:d])
	}
}

// mixGeneric is the reference for kernels.mix: values are added in order.
func mixGeneric(out, p, values []float32) {
	d := len(out)
	for i, u := range p {
		v := values[i*d:][:d]
		for j := range out {
			out[j] += float32(u * v[j])
		}
	}
}

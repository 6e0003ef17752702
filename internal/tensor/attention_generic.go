package tensor

import "github.com/x448/float16"

// mixGeneric is the reference for kernels.mix: values are added in order.
func mixGeneric(out []float32, ldo int, p []float32, ldp, n int, values []float32, d, count int) {
	for c := range n {
		out := out[c*ldo:][:d]
		for i, u := range p[c*ldp:][:count] {
			v := values[i*d:][:d]
			for j := range out {
				out[j] += float32(u * v[j])
			}
		}
	}
}

// scoresF16Generic is one chain a score, like dotGeneric.
func scoresF16Generic(s []float32, lds int, keys []uint16, count int, q []float32, ldq, n, d int) {
	for i := range count {
		key := keys[i*d:][:d]
		for c := range n {
			q := q[c*ldq:][:d]
			var sum float32
			for j, h := range key {
				sum += float32(halfToFloat(h) * q[j])
			}
			s[c*lds+i] = sum
		}
	}
}

func mixF16Generic(out []float32, ldo int, p []float32, ldp, n int, values []uint16, d, count int) {
	for i := range count {
		for j, h := range values[i*d:][:d] {
			v := halfToFloat(h)
			for c := range n {
				out[c*ldo+j] += float32(p[c*ldp+i] * v)
			}
		}
	}
}

func halfGeneric(dst []uint16, src []float32) {
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] = float16.Fromfloat32(v).Bits()
	}
}

package tensor

import "github.com/x448/float16"

// setKeysGeneric is the reference for kernels.setKeys.
func setKeysGeneric(block, keys []float32, stride, count, d int) {
	for i := range count {
		SetKey(block, i, keys[i*stride:][:d])
	}
}

// scoresGeneric is the reference for kernels.scores: one chain a score.
func scoresGeneric(s []float32, lds int, q []float32, ldq, n int, keys []float32, d, lo, hi int, _ []float32, _ *Stream) {
	for at := lo; at < hi; {
		first := at % KeyBlock
		lanes := min(KeyBlock-first, hi-at)
		block := keys[(at-first)*d:][:KeyBlock*d]
		for c := range n {
			s := s[c*lds+at-lo:][:lanes]
			clear(s)
			addScores(s, block[first:], q[c*ldq:][:d])
		}
		at += lanes
	}
}

// scoresF16Generic converts keys some values at a time. The sums wait in s.
func scoresF16Generic(s []float32, lds int, q []float32, ldq, n int, keys []uint16, d, lo, hi int, _ []float32, _ *Stream) {
	const step = 32
	var wide [step * KeyBlock]float32
	for at := lo; at < hi; {
		first := at % KeyBlock
		lanes := min(KeyBlock-first, hi-at)
		block := keys[(at-first)*d:][:KeyBlock*d]
		for c := range n {
			clear(s[c*lds+at-lo:][:lanes])
		}
		for j := 0; j < d; j += step {
			m := min(step, d-j)
			for i, h := range block[j*KeyBlock:][:m*KeyBlock] {
				wide[i] = halfToFloat(h)
			}
			for c := range n {
				addScores(s[c*lds+at-lo:][:lanes], wide[first:], q[c*ldq+j:][:m])
			}
		}
		at += lanes
	}
}

// addScores adds the products of a query and the keys of some positions of a
// block. Four positions at a time keep four chains running.
func addScores(s, block, q []float32) {
	i := 0
	for ; i+4 <= len(s); i += 4 {
		o, k := s[i:][:4], block[i:]
		a0, a1, a2, a3 := o[0], o[1], o[2], o[3]
		for j, u := range q {
			v := k[j*KeyBlock:][:4]
			a0 += float32(u * v[0])
			a1 += float32(u * v[1])
			a2 += float32(u * v[2])
			a3 += float32(u * v[3])
		}
		o[0], o[1], o[2], o[3] = a0, a1, a2, a3
	}
	for ; i < len(s); i++ {
		for j, u := range q {
			s[i] += float32(u * block[j*KeyBlock+i])
		}
	}
}

// mixGeneric is the reference for kernels.mix: values are added in order.
func mixGeneric(out []float32, ldo int, p []float32, ldp, n int, values []float32, d, count int, _ *Stream) {
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

func mixF16Generic(out []float32, ldo int, p []float32, ldp, n int, values []uint16, d, count int, _ *Stream) {
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

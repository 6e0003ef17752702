package tensor

import "github.com/x448/float16"

// setKeysGeneric is the reference for kernels.setKeys.
func setKeysGeneric(block, keys []float32, stride, count, d int) {
	for i := range count {
		SetKey(block, i, keys[i*stride:][:d])
	}
}

// scoresGeneric is the reference for kernels.scores: one chain a score.
func scoresGeneric(s []float32, lds int, q []float32, ldq int, keys []float32, d int, runs []Run, _ []float32, _ *Stream) {
	for _, r := range runs {
		for at := r.Lo; at < r.Hi; {
			first := at % KeyBlock
			lanes := min(KeyBlock-first, r.Hi-at)
			block := keys[(at-first)*d:][:KeyBlock*d]
			for c := r.First; c < r.End; c++ {
				s := s[c*lds+r.At+at-r.Lo:][:lanes]
				clear(s)
				addScores(s, block[first:], q[c*ldq:][:d])
			}
			at += lanes
		}
	}
}

// scoresF16Generic converts keys some values at a time. The sums wait in s.
func scoresF16Generic(s []float32, lds int, q []float32, ldq int, keys []uint16, d int, runs []Run, _ []float32, _ *Stream) {
	const step = 32
	var wide [step * KeyBlock]float32
	for _, r := range runs {
		for at := r.Lo; at < r.Hi; {
			first := at % KeyBlock
			lanes := min(KeyBlock-first, r.Hi-at)
			block := keys[(at-first)*d:][:KeyBlock*d]
			of := func(c int) []float32 { return s[c*lds+r.At+at-r.Lo:][:lanes] }
			for c := r.First; c < r.End; c++ {
				clear(of(c))
			}
			for j := 0; j < d; j += step {
				m := min(step, d-j)
				for i, h := range block[j*KeyBlock:][:m*KeyBlock] {
					wide[i] = halfToFloat(h)
				}
				for c := r.First; c < r.End; c++ {
					addScores(of(c), wide[first:], q[c*ldq+j:][:m])
				}
			}
			at += lanes
		}
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
func mixGeneric(out []float32, ldo int, p []float32, ldp int, values []float32, d int, runs []Run, _ *Stream) {
	for _, r := range runs {
		for c := r.First; c < r.End; c++ {
			out := out[c*ldo:][:d]
			for i, u := range p[c*ldp+r.At:][:r.Hi-r.Lo] {
				v := values[(r.Lo+i)*d:][:d]
				for j := range out {
					out[j] += float32(u * v[j])
				}
			}
		}
	}
}

func mixF16Generic(out []float32, ldo int, p []float32, ldp int, values []uint16, d int, runs []Run, _ *Stream) {
	for _, r := range runs {
		for i := r.Lo; i < r.Hi; i++ {
			for j, h := range values[i*d:][:d] {
				v := halfToFloat(h)
				for c := r.First; c < r.End; c++ {
					out[c*ldo+j] += float32(p[c*ldp+r.At+i-r.Lo] * v)
				}
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

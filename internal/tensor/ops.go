package tensor

import "math"

// RMSNorm sets dst = x / sqrt(mean(x²) + eps) * weight. All have the same
// length; dst may be x.
func RMSNorm(dst, x, weight []float32, eps float32) {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	scale := float32(1 / math.Sqrt(sum/float64(len(x))+float64(eps)))
	dst, weight = dst[:len(x)], weight[:len(x)]
	for i, v := range x {
		dst[i] = float32(v*scale) * weight[i]
	}
}

// SiLU is x·sigmoid(x), also called swish.
func SiLU(x float32) float32 { return x / (1 + Exp(-x)) }

// SwiGLU sets gate = silu(gate)·up, elementwise.
func SwiGLU(gate, up []float32) {
	up = up[:len(gate)]
	for i, g := range gate {
		gate[i] = SiLU(g) * up[i]
	}
}

// GELUTanh replaces each value by the tanh approximation of its GELU:
// x/2·(1 + tanh(sqrt(2/π)·(x + 0.044715 x³))).
func GELUTanh(x []float32) {
	for i, v := range x {
		u := float64(v)
		x[i] = float32(0.5 * u * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(u+0.044715*u*u*u))))
	}
}

// Softmax replaces scores by exp(score - max) / Σ. It sums in index order.
func Softmax(scores []float32) {
	top := float32(math.Inf(-1))
	for _, v := range scores {
		top = max(top, v)
	}
	var sum float32
	for i, v := range scores {
		e := Exp(v - top)
		scores[i] = e
		sum += e
	}
	scale := 1 / sum
	for i := range scores {
		scores[i] *= scale
	}
}

// Scale multiplies every value by f.
func Scale(x []float32, f float32) {
	for i := range x {
		x[i] *= f
	}
}

// Add sets dst += x, elementwise.
func Add(dst, x []float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] += x[i]
	}
}

// L2Normalize divides x by its Euclidean norm, or by 1e-12 where the norm is
// smaller (torch.nn.functional.normalize).
func L2Normalize(x []float32) {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	norm := float32(max(math.Sqrt(sum), 1e-12))
	for i := range x {
		x[i] /= norm
	}
}

// AttentionScores sets s[i] = q·keys[i], keys being [len(s), len(q)].
func AttentionScores(s, q, keys []float32) {
	active.scores(s, q, keys[:len(s)*len(q)])
}

// AttentionMix adds Σ_i p[i]·values[i] to out, values being [len(p), len(out)].
func AttentionMix(out, p, values []float32) {
	active.mix(out, p, values[:len(p)*len(out)])
}

package tensor

import "math"

// RMSNorm sets dst = x / sqrt(mean(x²) + eps) * weight. All have the same
// length; dst may be x.
func RMSNorm(dst, x, weight []float32, eps float32) {
	scale := 1 / math.Sqrt(active.squares(x).total()/float64(len(x))+float64(eps))
	active.scaleBy(dst[:len(x)], x, weight[:len(x)], float32(scale))
}

// SiLU is x·sigmoid(x), also called swish.
func SiLU(x float32) float32 { return x / (1 + Exp(-x)) }

// SwiGLU sets gate = silu(gate)·up, elementwise.
func SwiGLU(gate, up []float32) { active.swiglu(gate, up[:len(gate)]) }

// GELUTanh replaces each value by the tanh approximation of its GELU:
// x/2·(1 + tanh(sqrt(2/π)·(x + 0.044715 x³))).
func GELUTanh(x []float32) { active.gelu(x) }

// Softmax replaces scores by exp(score - max) / Σ.
func Softmax(scores []float32) {
	sum := active.expSum(scores, active.largest(scores)).total()
	active.scale(scores, 1/sum)
}

// Multiply sets dst *= x.
func Multiply(dst, x []float32) { active.scaleBy(dst, dst, x[:len(dst)], 1) }

// Scale multiplies every value by f.
func Scale(x []float32, f float32) { active.scale(x, f) }

// Add sets dst += x, elementwise; x may be longer.
func Add(dst, x []float32) { active.add(dst, x[:len(dst)]) }

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

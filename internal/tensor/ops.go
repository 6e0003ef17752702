package tensor

import (
	"fmt"
	"math"
)

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
func Softmax(scores []float32) { SoftmaxFetching(scores, nil) }

// SoftmaxFetching is Softmax that fetches from a stream meanwhile, if that is not
// nil.
func SoftmaxFetching(scores []float32, ahead *Stream) {
	// A line for every 16 scores, if the region under way has as many.
	wanted := len(scores) / 16 * cacheLine
	at, bytes := ahead.some(wanted)
	if bytes < wanted {
		Fetch(at, bytes)
		at = Address(scores) // which is there already
	}
	active.softmax(scores, at)
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

// Rotate turns pairs of values, (x[2i], x[2i+1]), and multiplies them by scale:
// rotary position embeddings. turn, [pairs, 2], has the cosine and sine of each
// pair of a head, and x one head or more. The bits are those of
//
//	(a·cos - b·sin)·scale, (b·cos + a·sin)·scale
//
// with every step rounded.
func Rotate(x, turn []float32, scale float32) {
	if len(turn) == 0 || len(turn)%2 != 0 || len(x) != len(turn) && len(x)%len(turn) != 0 {
		panic(fmt.Sprintf("tensor: Rotate of %d values in heads of %d", len(x), len(turn)))
	}
	active.rotate(x, turn, scale)
}

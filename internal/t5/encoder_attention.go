package t5

import "github.com/zipar/zipar/internal/tensor"

// encoderHeadWork is what one worker needs to compute one head.
type encoderHeadWork struct {
	keys   []float32 // [n, head size]
	values []float32 // [n, head size]
	scores []float32 // [n]
}

func newEncoderHeadWork(n, headDim int) encoderHeadWork {
	return encoderHeadWork{make([]float32, n*headDim), make([]float32, n*headDim), make([]float32, n)}
}

// encoderAttention is a tensor.Task over heads:
// mixed = softmax(q·Kᵀ + bias)·V, every token seeing every other. T5 does not
// scale the scores: its initialisation has the factor in Wq.
type encoderAttention encoderRun

func (t *encoderAttention) Do(worker, lo, hi int) {
	work, d, width := t.heads[worker], t.HeadDim, t.Heads*t.HeadDim
	for head := lo; head < hi; head++ {
		for i := range t.n {
			at := i*width + head*d
			copy(work.keys[i*d:][:d], t.k[at:])
			copy(work.values[i*d:][:d], t.v[at:])
		}
		bias := t.bias[head*(2*t.n-1):][:2*t.n-1]
		for i := range t.n {
			at := i*width + head*d
			tensor.AttentionScores(work.scores, t.q[at:][:d], work.keys)
			tensor.Add(work.scores, bias[t.n-1-i:])
			tensor.Softmax(work.scores)
			out := t.mixed[at:][:d]
			clear(out)
			tensor.AttentionMix(out, work.scores, work.values)
		}
	}
}

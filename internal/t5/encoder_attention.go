package t5

import "github.com/zipar/zipar/internal/tensor"

// encoderHeadWork is what one worker needs to compute one head.
type encoderHeadWork struct {
	keys   []float32 // in blocks, see tensor.KeyBlock
	values []float32 // [n, head size]
	scores []float32 // [n, n]
	block  [tensor.AttentionWork]float32
}

func (w *encoderHeadWork) resize(n, headDim int) {
	w.keys = tensor.Grow(w.keys, tensor.KeyLen(n, headDim))
	w.values = tensor.Grow(w.values, n*headDim)
	w.scores = tensor.Grow(w.scores, n*n)
}

// encoderAttention is a tensor.Task over heads:
// mixed = softmax(q·Kᵀ + bias)·V, every token seeing every other. T5 does not
// scale the scores: its initialisation has the factor in Wq.
type encoderAttention encoderRun

func (t *encoderAttention) Do(worker, lo, hi int) {
	work, n, d, width := &t.heads[worker], t.n, t.HeadDim, t.Heads*t.HeadDim
	for head := lo; head < hi; head++ {
		for i := range n {
			at := i*width + head*d
			tensor.SetKey(work.keys, i, t.k[at:][:d])
			copy(work.values[i*d:][:d], t.v[at:])
		}
		tensor.AttentionScoresOfRows(work.scores, n, t.q[head*d:], width, n, work.keys, d, 0, n, work.block[:], 0)
		bias := t.bias[head*(2*n-1):][:2*n-1]
		for i := range n {
			row := work.scores[i*n:][:n]
			tensor.Add(row, bias[n-1-i:])
			tensor.Softmax(row)
			clear(t.mixed[i*width+head*d:][:d])
		}
		tensor.AttentionMixRows(t.mixed[head*d:], width, work.scores, n, n, work.values, d, n, 0)
	}
}

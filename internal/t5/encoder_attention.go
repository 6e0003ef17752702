package t5

import "github.com/zipar/zipar/internal/tensor"

// encoderHeadWork is what one worker needs to compute one head.
type encoderHeadWork struct {
	keys   []float32 // in blocks, see tensor.KeyBlock
	values []float32 // [n, head size]
	scores []float32 // [n, n rounded up to whole blocks of keys]
	block  [tensor.AttentionWork]float32
	all    []tensor.Run // every token sees every one
}

func (w *encoderHeadWork) resize(n, headDim int) {
	w.keys = tensor.Grow(w.keys, tensor.KeyLen(n, headDim))
	w.values = tensor.Grow(w.values, n*headDim)
	w.scores = tensor.Grow(w.scores, n*tensor.KeyLen(n, 1))
	w.all = append(w.all[:0], tensor.Run{Hi: n, End: n})
}

// encoderAttention is a tensor.Task over heads:
// mixed = softmax(q·Kᵀ + bias)·V, every token seeing every other. T5 does not
// scale the scores: its initialisation has the factor in Wq.
type encoderAttention encoderRun

func (t *encoderAttention) Do(worker, lo, hi int) {
	work, n, d, width := &t.heads[worker], t.n, t.HeadDim, t.Heads*t.HeadDim
	ld, all := tensor.KeyLen(n, 1), t.k[:cap(t.k)]
	for head := lo; head < hi; head++ {
		for i := 0; i < n; i += tensor.KeyBlock {
			tensor.SetKeys(work.keys[i*d:], all[i*width+head*d:], width, min(tensor.KeyBlock, n-i), d)
		}
		for i := range n {
			copy(work.values[i*d:][:d], t.v[i*width+head*d:])
		}
		tensor.AttentionScores(work.scores, ld, t.q[head*d:], width, work.keys, d, work.all, work.block[:], nil)
		bias := t.bias[head*(2*n-1):][:2*n-1]
		for i := range n {
			row := work.scores[i*ld:][:n]
			tensor.Add(row, bias[n-1-i:])
			tensor.Softmax(row)
			clear(t.mixed[i*width+head*d:][:d])
		}
		tensor.AttentionMix(t.mixed[head*d:], width, work.scores, ld, work.values, d, work.all, nil)
	}
}

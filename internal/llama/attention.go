package llama

import "github.com/zipar/zipar/internal/tensor"

// attention is a tensor.Task whose items are the heads of all columns:
// out = softmax(q·K)·V over the positions that the column sees. The queries
// have been scaled. Each item depends on its column alone, and adds up in the
// order of positions.
type attention struct {
	run   *Runner
	layer int
}

func (t *attention) Do(worker, lo, hi int) {
	r := t.run
	c := r.model.Config
	width := c.qDim() + 2*c.kvDim()
	for item := lo; item < hi; item++ {
		col, head := item/c.Heads, item%c.Heads
		cache := r.columns[col].Cache
		keys, values := cache.head(t.layer, head/(c.Heads/c.KVHeads))
		q := r.qkv[col*width+head*c.HeadDim:][:c.HeadDim]
		out := r.mixed[col*c.qDim()+head*c.HeadDim:][:c.HeadDim]

		spans := r.spans[r.spanEnd[col]:r.spanEnd[col+1]]
		scores := r.scores[worker][:0]
		for _, s := range spans {
			n := len(scores)
			scores = scores[:n+s.hi-s.lo]
			tensor.AttentionScores(scores[n:], q, keys[s.lo*c.HeadDim:])
		}
		tensor.Softmax(scores)
		if r.watch != nil {
			watchSpans(r.watch, Attention{Worker: worker, Layer: t.layer, Column: col, Head: head}, spans, scores)
		}
		clear(out)
		for _, s := range spans {
			n := s.hi - s.lo
			tensor.AttentionMix(out, scores[:n], values[s.lo*c.HeadDim:])
			scores = scores[n:]
		}
	}
}

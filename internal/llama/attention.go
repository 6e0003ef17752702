package llama

import "github.com/zipar/zipar/internal/tensor"

// attention is a tensor.Task whose items are the heads of all sequences of
// a pass: out = softmax(q·K)·V for each column, over the positions that it
// sees. The queries have been scaled.
//
// The keys and values of a head are read once for all columns of a sequence.
// A column's result depends on itself alone all the same: each score is a
// product of its own, and values are added up in the order of positions.
type attention struct {
	run   *Runner
	layer int
}

// sequence is the columns lo..hi-1 of a pass, all of one cache.
type sequence struct {
	cache  *Cache
	lo, hi int
	spans  []span // what the last column sees; the others see less of it
}

func (t *attention) Do(worker, lo, hi int) {
	c := t.run.model.Config
	for item := lo; item < hi; item++ {
		t.head(worker, &t.run.sequences[item/c.Heads], item%c.Heads)
	}
}

// head computes one head of all columns of a sequence.
func (t *attention) head(worker int, s *sequence, head int) {
	r, c := t.run, t.run.model.Config
	width, kvHead := c.qDim()+2*c.kvDim(), head/(c.Heads/c.KVHeads)
	ld := r.longest // of a column's scores
	scores := r.scores[worker]

	done := 0 // positions with scores
	for _, at := range s.spans {
		// The columns before first see nothing of this run. Those within it
		// get scores that they do not use.
		first := r.firstAt(s, at.lo)
		s.cache.scores(scores[(first-s.lo)*ld+done:], ld, r.qkv[first*width+head*c.HeadDim:], width, s.hi-first, t.layer, kvHead, at)
		done += at.hi - at.lo
	}
	for col := s.lo; col < s.hi; col++ {
		row := scores[(col-s.lo)*ld:][:r.seen[col]]
		tensor.Softmax(row)
		if r.watch != nil {
			watchSpans(r.watch, Attention{Worker: worker, Layer: t.layer, Column: col, Head: head}, s.spans, row)
		}
		clear(r.mixed[col*c.qDim()+head*c.HeadDim:][:c.HeadDim])
	}
	done = 0
	for _, at := range s.spans {
		first := r.firstAt(s, at.lo)
		whole := r.firstAt(s, at.hi-1) // from here on the columns see all of it
		for col := first; col < whole; col++ {
			part := span{at.lo, r.columns[col].Pos + 1}
			t.mix(s, scores[(col-s.lo)*ld+done:], ld, col, 1, head, kvHead, part)
		}
		if whole < s.hi {
			t.mix(s, scores[(whole-s.lo)*ld+done:], ld, whole, s.hi-whole, head, kvHead, at)
		}
		done += at.hi - at.lo
	}
}

func (t *attention) mix(s *sequence, p []float32, ld, col, rows, head, kvHead int, at span) {
	c := t.run.model.Config
	s.cache.mix(t.run.mixed[col*c.qDim()+head*c.HeadDim:], c.qDim(), p, ld, rows, t.layer, kvHead, at)
}

// firstAt returns the first column of a sequence at this position or later.
func (r *Runner) firstAt(s *sequence, pos int) int {
	lo, hi := s.lo, s.hi
	for lo < hi {
		if mid := (lo + hi) / 2; r.columns[mid].Pos < pos {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

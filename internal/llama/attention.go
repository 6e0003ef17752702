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
		t.mixSpan(s, scores[done:], ld, head, kvHead, at)
		done += at.hi - at.lo
	}
}

// mixTile is how many columns that see different parts of a span are mixed
// together: what the widest kernel takes.
const mixTile = 6

// mixSpan adds a span's values to what the columns that see any of it have.
// scores are those of the span, for s.lo on.
func (t *attention) mixSpan(s *sequence, scores []float32, ld, head, kvHead int, at span) {
	r := t.run
	whole := r.firstAt(s, at.hi-1) // from here on the columns see all of it
	for col := r.firstAt(s, at.lo); col < s.hi; {
		end := s.hi
		if col < whole {
			end = min(col+mixTile, whole)
		}
		// What the first of these sees, all of them see. Then each gets its
		// rest: a row's sums are a chain that goes on where it stopped.
		seen := func(col int) int { return min(at.hi, r.columns[col].Pos+1) }
		common := seen(col)
		t.mix(s, scores[(col-s.lo)*ld:], ld, col, end-col, head, kvHead, span{at.lo, common})
		for c := col + 1; c < end; c++ {
			if rest := (span{common, seen(c)}); rest.lo < rest.hi {
				t.mix(s, scores[(c-s.lo)*ld+common-at.lo:], ld, c, 1, head, kvHead, rest)
			}
		}
		col = end
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

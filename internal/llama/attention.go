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
	ld, d := r.scoresLd, c.valueWidth()
	work := &r.work[worker]
	scores, mixed := work.scores, work.mixed[:(s.hi-s.lo)*d]

	done := 0 // positions with scores
	for _, at := range s.spans {
		// The columns before first see nothing of this run. Those within it
		// get scores that they do not use.
		first := r.firstAt(s, at.lo)
		s.cache.scores(scores[(first-s.lo)*ld+done:], ld, r.qkv[first*width+head*c.HeadDim:], width, s.hi-first, t.layer, kvHead, at, work.block[:])
		done += at.hi - at.lo
	}
	if share := s.cache.share; share != 0 {
		for col := range s.hi - s.lo {
			scores[col*ld] += share
		}
	}
	for col := s.lo; col < s.hi; col++ {
		row := scores[(col-s.lo)*ld:][:r.seen[col]]
		tensor.Softmax(row)
		if r.watch != nil {
			watchSpans(r.watch, Attention{Worker: worker, Layer: t.layer, Column: col, Head: head}, s.spans, row)
		}
	}
	clear(mixed)
	done = 0
	for _, at := range s.spans {
		t.mixSpan(s, mixed, scores[done:], ld, kvHead, at)
		done += at.hi - at.lo
	}
	for col := s.lo; col < s.hi; col++ {
		copy(r.mixed[col*c.qDim()+head*c.HeadDim:][:c.HeadDim], mixed[(col-s.lo)*d:])
	}
}

// mixTile is how many columns that see different parts of a span are mixed
// together: what the widest kernel takes.
const mixTile = 8

// mixSpan adds a span's values to what the columns that see any of it have,
// mixed, [columns, value width]. scores are those of the span. Both are for
// s.lo on.
func (t *attention) mixSpan(s *sequence, mixed, scores []float32, ld, kvHead int, at span) {
	r, d := t.run, s.cache.width
	seen := func(col int) int { return min(at.hi, r.columns[col].Pos+1) }
	mix := func(col, rows int, part span) {
		s.cache.mix(mixed[(col-s.lo)*d:], scores[(col-s.lo)*ld+part.lo-at.lo:], ld, rows, t.layer, kvHead, part)
	}
	// What the first column sees, all see, and that is most of it. Of the rest
	// some columns at a time share what they can. A row's sums are a chain that
	// goes on where it stopped.
	col := r.firstAt(s, at.lo)
	common := seen(col)
	mix(col, s.hi-col, span{at.lo, common})
	whole := r.firstAt(s, at.hi-1) // from here on the columns see all of it
	for col < s.hi && common < at.hi {
		end := s.hi
		if col < whole {
			end = min(col+mixTile, whole)
		}
		shared := seen(col)
		if common < shared {
			mix(col, end-col, span{common, shared})
		}
		for c := col + 1; c < end; c++ {
			if rest := (span{shared, seen(c)}); rest.lo < rest.hi {
				mix(c, 1, rest)
			}
		}
		col = end
	}
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

package llama

import (
	"math"

	"github.com/zipar/zipar/internal/tensor"
)

// attention is a tensor.Task whose items are the key heads of all sequences of
// a pass: out = softmax(q·K)·V for each column, over the positions that it
// sees.
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
	group := c.Heads / c.KVHeads
	for item := lo; item < hi; item++ {
		s, kvHead := &t.run.sequences[item/c.KVHeads], item%c.KVHeads
		t.feed(worker, s, kvHead)
		next := t.keys(item + t.run.pool.Threads())
		for i := range group {
			t.head(worker, s, kvHead, kvHead*group+i, next)
		}
	}
}

// keys is where the keys of an item begin, or 0 if there is no such item.
func (t *attention) keys(item int) uintptr {
	heads := t.run.model.KVHeads
	if item >= len(t.run.sequences)*heads {
		return 0
	}
	s := &t.run.sequences[item/heads]
	return s.cache.keysAt(t.layer, item%heads, s.spans[0].lo)
}

// feed turns the keys of a head of a sequence, and the queries that are for
// them, to their columns' positions, and stores keys and values. It scales the
// queries by 1/sqrt(head size), the attention's scale.
func (t *attention) feed(worker int, s *sequence, kvHead int) {
	r, m := t.run, t.run.model
	d, width := m.HeadDim, m.qDim()+2*m.kvDim()
	queries := m.Heads / m.KVHeads * d
	scale := float32(1 / math.Sqrt(float64(d)))
	parts := func(col int) (q, k, v []float32) {
		qkv := r.qkv[col*width:][:width]
		return qkv[kvHead*queries:][:queries], qkv[m.qDim()+kvHead*d:][:d], qkv[m.qDim()+m.kvDim()+kvHead*d:][:d]
	}
	// Another thread has made half of what is read here, and what is written
	// lies in memory, a few bytes in each of many lines: all come at once.
	for col := s.lo; col < s.hi; col++ {
		q, k, v := parts(col)
		for _, x := range [][]float32{q, k, v} {
			tensor.Fetch(tensor.Address(x), 4*len(x))
		}
		s.cache.fetch(t.layer, kvHead, r.columns[col].Pos)
	}
	for col := s.lo; col < s.hi; col++ {
		pos := r.columns[col].Pos
		q, k, v := parts(col)
		m.Rotary.rotate(q, pos, scale)
		m.Rotary.rotate(k, pos, 1)
		s.cache.put(t.layer, kvHead, pos, k, v, r.work[worker].half)
	}
}

// head computes one head of all columns of a sequence. next is what the worker
// reads then, most likely.
func (t *attention) head(worker int, s *sequence, kvHead, head int, next uintptr) {
	r, c := t.run, t.run.model.Config
	width := c.qDim() + 2*c.kvDim()
	ld, d := r.scoresLd, c.valueWidth()
	work := &r.work[worker]
	scores, mixed := work.scores, work.mixed[:(s.hi-s.lo)*d]
	values := s.cache.valuesAt(t.layer, kvHead, s.spans[0].lo)

	done := 0 // positions with scores
	for i, at := range s.spans {
		// The columns before first see nothing of this run. Those within it
		// get scores that they do not use.
		first := r.firstAt(s, at.lo)
		ahead := values
		if i+1 < len(s.spans) {
			ahead = s.cache.keysAt(t.layer, kvHead, s.spans[i+1].lo)
		}
		s.cache.scores(scores[(first-s.lo)*ld+done:], ld, r.qkv[first*width+head*c.HeadDim:], width, s.hi-first, t.layer, kvHead, at, work.block[:], ahead)
		done += at.hi - at.lo
	}
	ahead, end := values+valuesFetched, s.cache.valuesAt(t.layer, kvHead, s.spans[0].hi-1)
	for col := s.lo; col < s.hi; col++ {
		row := scores[(col-s.lo)*ld:][:r.seen[col]]
		if ahead >= end {
			ahead = 0
		}
		ahead = tensor.SoftmaxFetching(row, ahead)
		if r.watch != nil {
			watchSpans(r.watch, Attention{Worker: worker, Layer: t.layer, Column: col, Head: head}, s.spans, row)
		}
	}
	clear(mixed)
	done = 0
	for i, at := range s.spans {
		ahead := next
		if i+1 < len(s.spans) {
			ahead = s.cache.valuesAt(t.layer, kvHead, s.spans[i+1].lo)
		}
		t.mixSpan(s, mixed, scores[done:], ld, kvHead, at, ahead)
		done += at.hi - at.lo
	}
	for col := s.lo; col < s.hi; col++ {
		copy(r.mixed[col*c.qDim()+head*c.HeadDim:][:c.HeadDim], mixed[(col-s.lo)*d:])
	}
}

// valuesFetched is how many bytes of the first values, about, come while the
// last scores are computed. Those after them come during the softmax.
const valuesFetched = 8 << 10

// mixTile is how many columns that see different parts of a span are mixed
// together: what the widest kernel takes.
const mixTile = 8

// mixSpan adds a span's values to what the columns that see any of it have,
// mixed, [columns, value width]. scores are those of the span. Both are for
// s.lo on. ahead is what is read next.
func (t *attention) mixSpan(s *sequence, mixed, scores []float32, ld, kvHead int, at span, ahead uintptr) {
	r, d := t.run, s.cache.width
	seen := func(col int) int { return min(at.hi, r.columns[col].Pos+1) }
	mix := func(col, rows int, part span) {
		s.cache.mix(mixed[(col-s.lo)*d:], scores[(col-s.lo)*ld+part.lo-at.lo:], ld, rows, t.layer, kvHead, part, at.hi, ahead)
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

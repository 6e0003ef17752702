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
	run    *Runner
	shared int // how many heads share keys
	layer  int
}

// sequence is the columns lo..hi-1 of a pass, all of one cache.
type sequence struct {
	cache  *Cache
	lo, hi int
	spans  []span // what the last column sees; the others see less of it

	// The same as runs of keys and of values, with the columns that see them, as rows.
	// The first old runs of keys have no position of this pass.
	keys, values []tensor.Run
	old          int
}

func (t *attention) Do(worker, lo, hi int) {
	w := &t.run.work[worker]
	for item := lo; item < hi; item++ {
		w.begin(item)
		s, kvHead := t.of(item)
		t.queries(w, s, kvHead)
		for i := range t.shared {
			t.head(worker, item, i)
		}
	}
}

// of returns the sequence and the head of keys of an item.
func (t *attention) of(item int) (s *sequence, kvHead int) {
	heads := t.run.model.KVHeads
	return &t.run.sequences[item/heads], item % heads
}

// A reading is what a worker's stream goes through: the keys of an item, its
// values, and so on with the next item.
type reading struct {
	item, part int // the next region
	next       int // the item after the one under way, or -1 if it is not reached
}

// begin has the stream of a worker go on with an item, or start anew if it went
// to another one.
func (w *attentionWork) begin(item int) {
	if item != w.next {
		w.reading = reading{item, 0, -1}
		w.ahead.Start(w)
		return
	}
	w.next = -1
	if w.item > item {
		w.next = item + 1
	}
	w.ahead.Continue()
}

// Region implements tensor.Source.
func (w *attentionWork) Region() (lo, hi uintptr) {
	t := w.attention
	s, kvHead := t.of(w.item)
	if w.part == 2*len(s.spans) {
		next := t.run.pool.Next(w.item)
		if next < 0 {
			return 0, 0
		}
		if w.next < 0 {
			w.next = next
		}
		w.item, w.part = next, 0
		s, kvHead = t.of(next)
	}
	part := w.part
	w.part++
	if n := len(s.spans); part >= n {
		return s.cache.valuesOf(t.layer, kvHead, s.spans[part-n])
	}
	return s.cache.keysOf(t.layer, kvHead, s.spans[part])
}

// parts returns a column's queries of the heads that share keys, its key and its
// value.
func (t *attention) parts(kvHead, col int) (q, k, v []float32) {
	m := t.run.model
	d, width := m.HeadDim, m.qDim()+2*m.kvDim()
	queries := t.shared * d
	qkv := t.run.qkv[col*width:][:width]
	return qkv[kvHead*queries:][:queries], qkv[m.qDim()+kvHead*d:][:d], qkv[m.qDim()+m.kvDim()+kvHead*d:][:d]
}

// fetch asks for what an item has of a column and is in no stream: what another
// thread may have made, and where the value goes.
func (t *attention) fetch(s *sequence, kvHead, col int) {
	q, k, v := t.parts(kvHead, col)
	for _, x := range [][]float32{q, k, v} {
		tensor.Fetch(tensor.Address(x), 4*len(x))
	}
	pos := t.run.columns[col].Pos
	lo, hi := s.cache.valuesOf(t.layer, kvHead, span{pos, pos + 1})
	tensor.Fetch(lo, int(hi-lo))
}

// queries turns the queries of the heads that share keys to their columns'
// positions, and scales them by 1/sqrt(head size), the attention's scale.
func (t *attention) queries(w *attentionWork, s *sequence, kvHead int) {
	r, m := t.run, t.run.model
	scale := float32(1 / math.Sqrt(float64(m.HeadDim)))
	for col := s.lo; col < s.hi; col++ {
		q, _, _ := t.parts(kvHead, col)
		w.ahead.Fetch(fetchedFor)
		m.Rotary.rotate(q, r.columns[col].Pos, scale)
		w.ahead.Fetch(fetchedFor)
	}
}

// fetchedFor is how many bytes are fetched before or after each step of turning a
// query, and of turning and storing a key and a value: the processor has places for
// few lines at a time.
const fetchedFor = 1 << 9

// feed turns the keys of a head of a sequence to their columns' positions, and
// stores keys and values.
func (t *attention) feed(w *attentionWork, s *sequence, kvHead int) {
	for col := s.lo; col < s.hi; col++ {
		pos := t.run.columns[col].Pos
		_, k, v := t.parts(kvHead, col)
		w.ahead.Fetch(fetchedFor)
		t.run.model.Rotary.rotate(k, pos, 1)
		w.ahead.Fetch(fetchedFor)
		s.cache.put(t.layer, kvHead, pos, k, v, w.half)
		w.ahead.Fetch(fetchedFor)
	}
}

// head computes one head of all columns of an item, the one with this number of
// those that share keys. The first one stores the new keys, right before it needs
// them: they come from memory while it computes the scores of the others.
func (t *attention) head(worker, item, number int) {
	r, c := t.run, &t.run.model.Config
	s, kvHead := t.of(item)
	head := kvHead*t.shared + number
	width := c.qDim() + 2*c.kvDim()
	ld, d, rows := r.scoresLd, c.valueWidth(), s.hi-s.lo
	w := &r.work[worker]
	scores, mixed := w.scores, w.mixed[:rows*d]
	q := r.qkv[s.lo*width+head*c.HeadDim:]
	var ahead *tensor.Stream // what later heads read is in a cache
	if number == 0 {
		ahead = &w.ahead
	}

	// The pages of most of the values, and of the next keys, in good time.
	if ahead != nil {
		tensor.FetchPages(s.cache.valuesOf(t.layer, kvHead, s.spans[0]))
	}
	s.cache.fill(scores, ld, rows, s.spans[0])
	s.cache.scores(scores, ld, q, width, t.layer, kvHead, s.keys[:s.old], w.block[:], ahead)
	if ahead != nil {
		t.feed(w, s, kvHead)
	}
	s.cache.scores(scores, ld, q, width, t.layer, kvHead, s.keys[s.old:], w.block[:], ahead)
	next := -1
	if ahead != nil {
		next = r.pool.Next(item)
	}
	if next >= 0 {
		s, kvHead := t.of(next)
		tensor.FetchPages(s.cache.keysOf(t.layer, kvHead, s.spans[0]))
	}
	for col := s.lo; col < s.hi; col++ {
		row := scores[(col-s.lo)*ld:][:r.seen[col]]
		tensor.SoftmaxFetching(row, ahead)
		if r.watch != nil {
			watchSpans(r.watch, Attention{Worker: worker, Layer: t.layer, Column: col, Head: head}, s.spans, row)
		}
		if next >= 0 {
			s2, kvHead := t.of(next)
			if col := s2.lo + col - s.lo; col < s2.hi {
				t.fetch(s2, kvHead, col)
			}
		}
	}
	clear(mixed)
	s.cache.mix(mixed, scores, ld, t.layer, kvHead, s.values, ahead)
	for col := s.lo; col < s.hi; col++ {
		copy(r.mixed[col*c.qDim()+head*c.HeadDim:][:c.HeadDim], mixed[(col-s.lo)*d:])
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

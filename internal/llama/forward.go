package llama

import (
	"fmt"
	"slices"

	"github.com/zipar/zipar/internal/tensor"
)

// A Model is a configuration with its weights and position table. It is
// read-only: several Runners may share it.
type Model struct {
	Config
	*Weights
	Rotary *Rotary
}

// A Column is one token of a pass.
type Column struct {
	// Cache is the sequence that the token belongs to.
	Cache *Cache
	// Pos is its position there. Within a pass each sequence has a position
	// at most once.
	Pos int
	// Token is looked up in the token embedding, unless Embedding, [dim], is
	// given instead.
	Token     int32
	Embedding []float32
	// Output says whether the column's logits are needed.
	Output bool
}

// A Runner evaluates passes. It keeps their working memory: a pass of no more
// columns than seen before, in caches no longer, allocates nothing. It belongs to
// one goroutine at a time.
type Runner struct {
	model *Model
	pool  *tensor.Pool

	columns   []Column
	sequences []sequence
	spans     []span          // of all sequences, one after the other
	runs      []tensor.Run    // of keys and values, the same
	seen      []int           // [columns], positions that each sees
	scoresLd  int             // how far apart the scores of two columns are
	work      []attentionWork // by worker
	watch     func(Attention)

	times                   *Times // nil unless they are wanted
	layerBytes, outputBytes int64  // of the weights, known if times are wanted

	x      []float32 // [columns, dim]                     residual stream
	norm   []float32 // [columns, dim]                     what comes from it and goes to it
	qkv    []float32 // [columns, (heads + 2·kv heads)·head size]
	mixed  []float32 // [columns, heads·head size]
	gate   []float32 // [columns, hidden]
	up     []float32 // [columns, hidden]
	logits []float32 // [outputs, vocab]

	attention  attention
	normalizer normalizer
}

// NewRunner returns a runner for a model.
func NewRunner(m *Model, p *tensor.Pool) *Runner {
	r := &Runner{model: m, pool: p, work: make([]attentionWork, p.Threads())}
	r.attention.run, r.normalizer.run = r, r
	r.attention.shared = m.Heads / m.KVHeads
	for w := range r.work {
		r.work[w].attention = &r.attention
	}
	return r
}

// Forward feeds the columns and returns the logits of those with Output set,
// [outputs, vocab] row-major, in the order of the columns. They are valid
// until the next call.
//
// The columns of a sequence come one after the other, by ascending position.
// A column sees the positions of its sequence up to its own that were fed in
// earlier passes or are fed in this one. Its logits have the same bits
// whatever other columns the pass has.
//
//	h   = x + Wo·attention(rotate(Wqkv·rmsnorm(x)))
//	out = h + W2·(silu(W1·n) ⊙ W3·n),  n = rmsnorm(h)
func (r *Runner) Forward(columns []Column) []float32 {
	m, n := r.model, len(columns)
	r.prepare(columns)
	for i, c := range columns {
		x := r.x[i*m.Dim:][:m.Dim]
		if c.Embedding != nil {
			copy(x, c.Embedding[:m.Dim])
		} else {
			m.TokenEmbd.Row(int(c.Token), x)
		}
	}
	t := r.times
	t.start()
	t.weights(r.layerBytes)
	clear(r.norm) // nothing is added before the first layer
	for layer := range m.Blocks {
		b := &m.Blocks[layer]
		r.addAndNormalize(n, b.AttnNorm)
		t.lap(inElementwise)
		r.pool.MatMul(r.qkv, &b.QKV, r.norm, n)
		t.lap(inMatMul)
		r.attend(layer)
		t.lap(inAttention)
		r.pool.MatMul(r.norm, &b.AttnOut, r.mixed, n)
		t.lap(inMatMul)

		r.addAndNormalize(n, b.FFNNorm)
		t.lap(inElementwise)
		r.pool.MatMuls(r.norm, n, tensor.Product{Y: r.gate, W: &b.Gate}, tensor.Product{Y: r.up, W: &b.Up})
		t.lap(inMatMul)
		r.pool.MatMulSwiGLU(r.norm, &b.Down, r.gate, r.up, n, t.activating())
		t.lap(inMatMul)
	}
	return r.head()
}

// attend sets mixed to the attention of a layer.
func (r *Runner) attend(layer int) {
	r.attention.layer = layer
	for w := range r.work {
		r.work[w].next = -1
	}
	r.pool.RunShares(&r.attention, len(r.sequences)*r.model.KVHeads, 1)
}

// head returns the logits of the columns that want them.
func (r *Runner) head() []float32 {
	m, outputs := r.model, 0
	for i, c := range r.columns {
		if c.Output {
			x := r.x[i*m.Dim:][:m.Dim]
			tensor.Add(x, r.norm[i*m.Dim:])
			tensor.RMSNorm(r.norm[outputs*m.Dim:][:m.Dim], x, m.OutputNorm, m.Eps)
			outputs++
		}
	}
	r.times.lap(inElementwise)
	r.logits = tensor.Grow(r.logits, outputs*m.Vocab)
	if outputs > 0 {
		r.times.weights(r.outputBytes)
		r.pool.MatMul(r.logits, &m.Output, r.norm[:outputs*m.Dim], outputs)
	}
	r.times.lap(inMatMul)
	return r.logits
}

// prepare sizes the buffers, marks the positions as fed and finds out what
// each column sees.
func (r *Runner) prepare(columns []Column) {
	m, n := r.model, len(columns)
	r.columns = columns
	r.x = tensor.Grow(r.x, n*m.Dim)
	r.norm = tensor.Grow(r.norm, n*m.Dim)
	r.qkv = tensor.Grow(r.qkv, n*(m.qDim()+2*m.kvDim()))
	r.mixed = tensor.Grow(r.mixed, n*m.qDim())
	r.gate = tensor.Grow(r.gate, n*m.Hidden)
	r.up = tensor.Grow(r.up, n*m.Hidden)

	for _, c := range columns {
		if c.Embedding == nil && (c.Token < 0 || int(c.Token) >= m.Vocab) {
			panic(fmt.Sprintf("llama: token %d of a vocabulary of %d", c.Token, m.Vocab))
		}
		c.Cache.feed(c.Pos)
	}
	r.group()
}

// group finds the sequences of a pass and what their columns see.
func (r *Runner) group() {
	r.sequences, r.spans, r.runs, r.seen = r.sequences[:0], r.spans[:0], r.runs[:0], r.seen[:0]
	longest := 0   // the most positions that a column sees
	positions := 0 // that it may see one day
	most := 0      // columns of a sequence
	for lo := 0; lo < len(r.columns); {
		s := sequence{cache: r.columns[lo].Cache, lo: lo, hi: lo + 1}
		for s.hi < len(r.columns) && r.columns[s.hi].Cache == s.cache {
			if r.columns[s.hi].Pos <= r.columns[s.hi-1].Pos {
				panic("llama: the positions of a sequence must ascend")
			}
			s.hi++
		}
		start := len(r.spans)
		r.spans = s.cache.visible(r.columns[s.hi-1].Pos, r.spans)
		old := r.split(&s, start)
		// Capped: a later sequence may move r.spans to more memory.
		s.spans = r.spans[start:len(r.spans):len(r.spans)]
		r.makeRuns(&s, old)
		r.sequences = append(r.sequences, s)
		for col := s.lo; col < s.hi; col++ {
			n := 0
			for _, at := range s.spans {
				n += max(0, min(at.hi, r.columns[col].Pos+1)-at.lo)
			}
			r.seen = append(r.seen, n)
			longest = max(longest, n)
		}
		positions = max(positions, s.cache.positions)
		most = max(most, s.hi-s.lo)
		lo = s.hi
	}
	r.scoresLd = longest + tensor.KeyBlock // see Cache.scores
	for w := range r.work {
		r.work[w].resize(r.model.Config, most, positions)
	}
}

// split cuts the first span with positions of this pass where a block of keys begins:
// those of the spans before it are known. It returns how many there are. The spans
// of the sequence are those from start on.
func (r *Runner) split(s *sequence, start int) int {
	for i := start; ; i++ {
		at := r.spans[i]
		pos := r.columns[r.firstAt(s, at.lo)].Pos
		if pos >= at.hi {
			continue
		}
		if cut := s.cache.blockOf(pos); cut > at.lo {
			r.spans = slices.Insert(r.spans, i, span{at.lo, cut})
			i++
			r.spans[i].lo = cut
		}
		return i - start
	}
}

// makeRuns makes the runs of a sequence's spans. The first old spans have no position
// of this pass.
func (r *Runner) makeRuns(s *sequence, old int) {
	start, done := len(r.runs), 0
	for i, at := range s.spans {
		if i == old {
			s.old = len(r.runs) - start
		}
		// The columns before first see nothing of this span. Those within it
		// get scores that they do not use.
		run := s.cache.keyRun(at, done)
		run.First, run.End = r.firstAt(s, at.lo)-s.lo, s.hi-s.lo
		if run.Lo < run.Hi {
			r.runs = append(r.runs, run)
		}
		done += at.hi - at.lo
	}
	s.keys = r.runs[start:len(r.runs):len(r.runs)]
	start, done = len(r.runs), 0
	for _, at := range s.spans {
		r.addValueRuns(s, at, done)
		done += at.hi - at.lo
	}
	s.values = r.runs[start:len(r.runs):len(r.runs)]
}

// mixTile is how many columns that see different parts of a span are mixed
// together: what the widest kernel takes.
const mixTile = 8

// addValueRuns appends the runs of a span's values, whose first score is at a place.
func (r *Runner) addValueRuns(s *sequence, at span, place int) {
	seen := func(col int) int { return min(at.hi, r.columns[col].Pos+1) }
	add := func(col, end int, part span) {
		run := s.cache.valueRun(part, place+part.lo-at.lo)
		run.First, run.End = col-s.lo, end-s.lo
		r.runs = append(r.runs, run)
	}
	// What the first column sees, all see, and that is most of it. Of the rest
	// some columns at a time share what they can. A row's sums are a chain that
	// goes on where it stopped.
	col := r.firstAt(s, at.lo)
	common := seen(col)
	add(col, s.hi, span{at.lo, common})
	whole := r.firstAt(s, at.hi-1) // from here on the columns see all of it
	for col < s.hi && common < at.hi {
		end := s.hi
		if col < whole {
			end = min(col+mixTile, whole)
		}
		shared := seen(col)
		if common < shared {
			add(col, end, span{common, shared})
		}
		for c := col + 1; c < end; c++ {
			if rest := (span{shared, seen(c)}); rest.lo < rest.hi {
				add(c, c+1, rest)
			}
		}
		col = end
	}
}

// attentionWork is what a worker needs to compute a head of a sequence.
type attentionWork struct {
	attention *attention
	ahead     tensor.Stream
	reading

	scores []float32 // [columns, Runner.scoresLd], and room for later passes
	mixed  []float32 // [columns, value width]
	block  [tensor.AttentionWork]float32
	half   []uint16 // a key, [head size]
	_      [64]byte // keeps those of two workers in different cache lines
}

func (w *attentionWork) resize(c Config, columns, positions int) {
	w.scores = tensor.Grow(w.scores, columns*(positions+tensor.KeyBlock))
	w.mixed = tensor.Grow(w.mixed, columns*c.valueWidth())
	w.half = tensor.Grow(w.half, c.HeadDim)
}

// addAndNormalize adds norm, what a layer's part gave, to the residual stream,
// x, and sets norm = rmsnorm(x) for n columns. A thread takes its share at once:
// most likely the one of the last time, which is in its cache.
func (r *Runner) addAndNormalize(n int, weight []float32) {
	r.normalizer.weight = weight
	threads := r.pool.Threads()
	r.pool.Run(&r.normalizer, n, (n+threads-1)/threads)
}

type normalizer struct {
	run    *Runner
	weight []float32
}

func (t *normalizer) Do(_, lo, hi int) {
	r, d := t.run, t.run.model.Dim
	for i := lo; i < hi; i++ {
		x, norm := r.x[i*d:][:d], r.norm[i*d:][:d]
		tensor.Add(x, norm)
		tensor.RMSNorm(norm, x, t.weight, r.model.Eps)
	}
}

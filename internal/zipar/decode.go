package zipar

import (
	"context"
	"fmt"
	"time"
)

// A Feed is a token for the model to evaluate in a pass.
type Feed struct {
	// Picture counts the pictures that are decoded together, from 0.
	Picture int
	// Slot is where the token is fed. A token fed at a slot replaces what was
	// fed there before.
	Slot Slot
	// Token is a code of the image tokenizer. It is 0 for the constant tokens
	// at the end of a row, which the model knows.
	Token int32
	// Guided says that the unconditional sequence needs the token too.
	Guided bool
	// Output is the number of the logits, counted from 0 in the order of the
	// feeds, or -1 when they are not needed.
	Output int
}

// Logits is what a pass returns: a row of Vocab values for each output. The
// memory is the model's; rows are valid until its next call and may be
// overwritten until then.
type Logits struct {
	Cond   [][]float32 // by output
	Uncond [][]float32 // by output; nil where the column is not guided
}

// A Model computes the logits of image tokens for a fixed number of pictures.
// It owns what it has to remember of the tokens fed so far. A query sees the
// prefix of its picture and every slot at or before its own that has been
// fed, in an earlier pass or in the same one.
type Model interface {
	// Vocab is the number of codes; logits rows have this length.
	Vocab() int
	// Prefill forgets all tokens, evaluates the prefixes of all pictures and
	// returns the logits of slot (0, 0), one output a picture.
	Prefill(ctx context.Context, guided bool) (Logits, error)
	// Pass evaluates the feeds, whose slots ascend within a picture.
	Pass(ctx context.Context, feeds []Feed) (Logits, error)
}

// Options says what is to be decoded and how.
type Options struct {
	Grid Geometry
	// Window is 1..columns; see Geometry.Window. With Adaptive it is the
	// smallest window.
	Window   int
	Adaptive bool
	Guidance Guidance
	Sampling Sampling
	// Noise has an element for each picture.
	Noise []Noise
	// Keep holds the codes of the first rows, whole rows in raster order, the
	// same for every picture. They are kept and the rest is decoded.
	Keep []int32
	// Threads, if not nil, shares out the drawing of a pass's tokens.
	Threads Threads
	// Observe, if not nil, is called after every pass from the goroutine that
	// called Decode. The progress and what it points to are valid during the
	// call only.
	Observe func(Progress)
	// ObserveTrial, if not nil, is called for every test of a row's first
	// token, which adaptive windows make, from the same goroutine.
	ObserveTrial func(TrialResult)
}

// Threads are workers that share out work over the items 0..n-1.
type Threads interface {
	// Threads is how many workers there are.
	Threads() int
	// Each calls do once for each item and returns when all are done. Calls
	// for the same worker, 0..Threads()-1, come one after the other.
	Each(n int, do func(worker, item int))
}

// oneThread is the caller itself.
type oneThread struct{}

func (oneThread) Threads() int { return 1 }

func (oneThread) Each(n int, do func(worker, item int)) {
	for i := range n {
		do(0, i)
	}
}

// A TrialResult is a test of the token that a row started on; see Schedule and
// probation.
type TrialResult struct {
	Picture int // counts the pictures that are decoded together, from 0
	Row     int
	// Window is how many tokens of the row above were known when the token
	// was drawn. The test knows one more.
	Window   int
	Token    int32
	Accepted bool
	// Before and After are the distributions, [vocab], from which the row's
	// first token is drawn with that many tokens known, and with one more:
	// guidance, temperature, top-k and top-p are applied. They are valid during
	// the call only.
	Before, After []float32
}

// Progress is the state after a pass.
type Progress struct {
	Passes  int           // passes so far, the prefill included
	Columns int           // tokens fed in this pass, over all pictures
	Decoded int           // tokens decoded so far, of the picture that has fewest
	Tokens  int           // tokens of a whole picture
	Rows    int           // rows complete so far, of the picture that has fewest
	Elapsed time.Duration // time of this pass, sampling included
	// Sampling is the part of it that went into guidance and drawing tokens.
	Sampling time.Duration
	// Pictures are the pictures so far; Codes hold -1 where nothing is decoded.
	Pictures []Picture
}

// A Picture is the result for one picture.
type Picture struct {
	Grid Geometry
	// Codes is [rows, cols], row-major. After an error, slots that were not
	// decoded hold -1.
	Codes []int32
	// DecodedIn is [rows, cols], the number of the pass that decoded each
	// code; the prefill is pass 1. It is 0 for codes that were kept.
	DecodedIn []int32
	// Windows is [rows], the window with which each row started; it is 0 for
	// the first row and for rows that were kept.
	Windows []int
	// Passes is the number of forward passes that the picture took part in,
	// counted as they were made; the prefill is one.
	Passes int
	// Columns is the number of tokens fed after the prefill.
	Columns int
}

// Decode decodes len(o.Noise) pictures together. On an error, such as the end
// of the context, it returns what was decoded until then along with it.
func Decode(ctx context.Context, m Model, o Options) ([]Picture, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	r := newRun(m, o)
	err := r.prefill(ctx)
	for err == nil && r.collect() {
		err = r.pass(ctx)
	}
	return r.result(), err
}

func (o Options) check() error {
	if err := o.Grid.Check(); err != nil {
		return err
	}
	if o.Window < 1 || o.Window > o.Grid.Cols {
		return fmt.Errorf("window %d: want 1 to %d, the number of columns", o.Window, o.Grid.Cols)
	}
	if len(o.Noise) == 0 {
		return fmt.Errorf("no picture to decode")
	}
	if n := len(o.Keep); n%o.Grid.Cols != 0 || n >= o.Grid.Tokens() {
		return fmt.Errorf("%d codes to keep: want whole rows of %d, and less than all %d", n, o.Grid.Cols, o.Grid.Rows)
	}
	if err := o.Guidance.Check(); err != nil {
		return err
	}
	return o.Sampling.Check()
}

// run is the state of a Decode. Its memory is allocated once: a pass
// allocates nothing.
type run struct {
	Options
	model    Model
	samplers []*sampler // by worker
	pictures []pictureRun

	feeds   []Feed
	targets []target // by output
	out     Logits
	draw    func(worker, output int)
	results []Picture
	started time.Time
	drawing time.Time // when the model was done
}

// pictureRun is the state of one picture.
type pictureRun struct {
	Picture
	schedule *Schedule
	// tested is the first token of a row that the schedule has on trial,
	// proposed one that was drawn in the pass under way.
	tested, proposed *probation

	// What the pass under way had.
	hadTest, accepted, hadProposal bool
}

// target is what a row of logits is for.
type target struct {
	picture int
	role    Role
	slot    Slot
	guided  bool

	// What was drawn, unless that needs what is drawn before.
	token int32
	err   error
}

func newRun(m Model, o Options) *run {
	n := len(o.Noise)
	r := &run{
		Options: o, model: m, pictures: make([]pictureRun, n), results: make([]Picture, n),
	}
	if r.Threads == nil {
		r.Threads = oneThread{}
	}
	for range r.Threads.Threads() {
		r.samplers = append(r.samplers, newSampler(o.Sampling, m.Vocab()))
	}
	r.draw = r.drawTarget
	width := 0
	for i := range r.pictures {
		p := &r.pictures[i]
		p.Picture = Picture{Grid: o.Grid, Codes: make([]int32, o.Grid.Tokens()), DecodedIn: make([]int32, o.Grid.Tokens())}
		for j := range p.Codes {
			p.Codes[j] = -1
		}
		copy(p.Codes, o.Keep)
		p.schedule = NewSchedule(o.Grid, o.Window, o.Adaptive, len(o.Keep)/o.Grid.Cols)
		p.Windows = p.schedule.Windows()
		if p.schedule.adaptive {
			p.tested, p.proposed = newProbation(m.Vocab()), newProbation(m.Vocab())
		}
		width = p.schedule.MaxColumns()
	}
	r.feeds = make([]Feed, 0, n*max(width, keepColumns))
	r.targets = make([]target, 0, n*width)
	return r
}

func (r *run) result() []Picture {
	for i := range r.pictures {
		r.results[i] = r.pictures[i].Picture
	}
	return r.results
}

// prefill evaluates the prefix and the rows that are kept, and decodes the
// first token after them.
func (r *run) prefill(ctx context.Context) error {
	r.started = time.Now()
	if err := ctx.Err(); err != nil {
		return err
	}
	logits, err := r.model.Prefill(ctx, r.Guidance.Guides(0))
	if err != nil {
		return err
	}
	for i := range r.pictures {
		r.pictures[i].Passes++
		r.target(i, Extend, Slot{0, 0})
	}
	if len(r.Keep) == 0 {
		return r.sample(logits, len(r.pictures))
	}
	return r.feedKept(ctx)
}

// keepColumns is how many kept tokens of a picture a pass feeds.
const keepColumns = 64

// feedKept feeds the tokens that are kept, and the constant tokens between
// their rows, and decodes the token after the last.
func (r *run) feedKept(ctx context.Context) error {
	rows := len(r.Keep) / r.Grid.Cols
	stride := r.Grid.Cols + r.Grid.RowEnd
	for lo := 0; lo < rows*stride; lo += keepColumns {
		r.feeds, r.targets = r.feeds[:0], r.targets[:0]
		for i := range r.pictures {
			for at := lo; at < min(lo+keepColumns, rows*stride); at++ {
				role, s := Settle, Slot{at / stride, at % stride}
				if at == rows*stride-1 {
					role = Extend
				}
				r.feed(i, Column{Role: role, Feed: s, Source: s, Decodes: role == Extend, Next: Slot{rows, 0}})
			}
		}
		if err := r.pass(ctx); err != nil {
			return err
		}
	}
	return nil
}

// collect sets up the feeds of the next pass. It returns false when all
// pictures are complete.
func (r *run) collect() bool {
	r.feeds, r.targets = r.feeds[:0], r.targets[:0]
	for i := range r.pictures {
		for _, c := range r.pictures[i].schedule.Next() {
			r.feed(i, c)
		}
	}
	return len(r.feeds) > 0
}

// feed adds a column to the pass.
func (r *run) feed(picture int, c Column) {
	f := Feed{Picture: picture, Slot: c.Feed, Output: -1}
	if c.Source.Col < r.Grid.Cols {
		f.Token = r.pictures[picture].Codes[r.Grid.Index(c.Source)]
	}
	// What is fed at a slot serves the image tokens after it only.
	f.Guided = r.Guidance.Guides(r.Grid.Index(Slot{c.Feed.Row, min(c.Feed.Col, r.Grid.Cols-1)}) + 1)
	if c.Decodes {
		f.Output = len(r.targets)
		r.target(picture, c.Role, c.Next)
	}
	r.feeds = append(r.feeds, f)
}

func (r *run) target(picture int, role Role, s Slot) {
	r.targets = append(r.targets, target{picture: picture, role: role, slot: s, guided: r.Guidance.Guides(r.Grid.Index(s))})
}

func (r *run) pass(ctx context.Context) error {
	r.started = time.Now()
	if err := ctx.Err(); err != nil {
		return err
	}
	logits, err := r.model.Pass(ctx, r.feeds)
	if err != nil {
		return err
	}
	for i, f := range r.feeds {
		p := &r.pictures[f.Picture]
		if i == 0 || f.Picture != r.feeds[i-1].Picture {
			p.Passes++
		}
		p.Columns++
	}
	return r.sample(logits, len(r.feeds))
}

// sample draws the tokens of the pass's outputs, ends the pass in the
// schedules and reports it.
func (r *run) sample(out Logits, columns int) error {
	r.drawing = time.Now()
	for i := range r.pictures {
		p := &r.pictures[i]
		p.hadTest, p.accepted, p.hadProposal = false, false, false
	}
	r.out = out
	r.Threads.Each(len(r.targets), r.draw)
	for i := range r.targets {
		t := &r.targets[i]
		if t.err == nil {
			t.err = r.decide(t, i)
		}
		if t.err != nil {
			return fmt.Errorf("picture %d, row %d, column %d: %w", t.picture+1, t.slot.Row, t.slot.Col, t.err)
		}
	}
	for i := range r.pictures {
		r.pictures[i].done()
	}
	if r.Observe != nil {
		r.Observe(r.progress(columns))
	}
	return nil
}

// drawTarget draws the token of an output where the logits are enough for it.
func (r *run) drawTarget(worker, output int) {
	t := &r.targets[output]
	if t.role != Extend && t.role != Trial {
		return
	}
	kept, err := r.candidates(worker, output)
	if t.err = err; err == nil {
		t.token = pick(kept, r.Noise[t.picture], t.slot, 0)
	}
}

// candidates are the tokens that may be drawn for an output, by this worker
// and until its next call. It overwrites the logits.
func (r *run) candidates(worker, output int) ([]candidate, error) {
	logits := r.out.Cond[output]
	if r.targets[output].guided {
		r.Guidance.combine(logits, r.out.Uncond[output])
	}
	return r.samplers[worker].candidates(logits)
}

// decide settles the token of a target according to its role. A picture's test
// comes before what depends on it.
func (r *run) decide(t *target, output int) error {
	p, noise := &r.pictures[t.picture], r.Noise[t.picture]
	switch t.role {
	case Extend:
		p.set(t.slot, t.token)
	case Test:
		kept, err := r.candidates(0, output)
		if err != nil {
			return err
		}
		tried := p.tested.token
		var token int32
		token, p.accepted = p.tested.test(kept, noise, t.slot)
		p.hadTest = true
		p.set(t.slot, token)
		if r.ObserveTrial != nil {
			r.ObserveTrial(TrialResult{
				Picture: t.picture, Row: t.slot.Row, Window: p.schedule.grown, Token: tried, Accepted: p.accepted,
				Before: p.tested.next, After: p.tested.p,
			})
		}
	case Trial:
		if p.accepted {
			p.set(t.slot, t.token)
		}
	case Propose:
		kept, err := r.candidates(0, output)
		if err != nil {
			return err
		}
		// A proposal that was made on the ground of a failed trial is void.
		if !p.hadTest || p.accepted {
			p.hadProposal = true
			p.set(t.slot, p.proposed.propose(kept, noise, t.slot))
		}
	}
	return nil
}

// set notes a slot's token. That of a row on probation is noted again.
func (p *pictureRun) set(s Slot, token int32) {
	at := p.Grid.Index(s)
	p.Codes[at], p.DecodedIn[at] = token, int32(p.Passes)
}

// done ends the pass for a picture.
func (p *pictureRun) done() {
	if p.hadProposal {
		p.tested, p.proposed = p.proposed, p.tested
	}
	p.schedule.Done(p.accepted)
}

func (r *run) progress(columns int) Progress {
	now := time.Now()
	p := Progress{Columns: columns, Tokens: r.Grid.Tokens(), Elapsed: now.Sub(r.started), Sampling: now.Sub(r.drawing), Pictures: r.result()}
	for i := range r.pictures {
		s := r.pictures[i].schedule
		decoded, rows := s.Decoded(), 0
		for j := range r.Grid.Rows {
			if s.Row(j) == r.Grid.Cols {
				rows++
			}
		}
		if i == 0 || decoded < p.Decoded {
			p.Decoded, p.Rows = decoded, rows
		}
		p.Passes = max(p.Passes, r.pictures[i].Passes)
	}
	return p
}

// CountPasses runs a schedule with a fixed window without a model and returns
// how many passes it makes, the prefill included, and how many columns they
// have in all and at most. Columns are counted from the first pass after the
// prefill on.
func CountPasses(g Geometry, window int) (passes, columns, widest int) {
	s := NewSchedule(g, window, false, 0)
	for passes = 1; ; passes++ {
		n := len(s.Next())
		if n == 0 {
			return passes, columns, widest
		}
		s.Done(false)
		columns += n
		widest = max(widest, n)
	}
}

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
	// Token is a code of the image tokenizer.
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
	// Window is 1..columns; see Geometry.Window.
	Window   int
	Guidance Guidance
	Sampling Sampling
	// Noise has an element for each picture.
	Noise []Noise
	// Observe, if not nil, is called after every pass from the goroutine that
	// called Decode. The progress and what it points to are valid during the
	// call only.
	Observe func(Progress)
}

// Progress is the state after a pass.
type Progress struct {
	Passes  int           // passes so far, the prefill included
	Columns int           // tokens fed in this pass, over all pictures
	Decoded int           // tokens decoded so far in each picture
	Tokens  int           // tokens of a whole picture
	Rows    int           // rows complete so far in each picture
	Elapsed time.Duration // time of this pass, sampling included
}

// A Picture is the result for one picture.
type Picture struct {
	Grid Geometry
	// Codes is [rows, cols], row-major. After an error, slots that were not
	// decoded hold -1.
	Codes []int32
	// Passes is the number of forward passes that the picture took part in,
	// counted as they were made; the prefill is one.
	Passes int
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
	return r.pictures, err
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
	sampler  *sampler
	pictures []Picture
	schedule []*Schedule

	columns []Column
	feeds   []Feed
	targets []target // by output row
	started time.Time
}

// target is the slot that a row of logits decodes.
type target struct {
	picture int
	slot    Slot
	guided  bool
}

func newRun(m Model, o Options) *run {
	n := len(o.Noise)
	r := &run{
		Options: o, model: m, sampler: newSampler(o.Sampling, m.Vocab()),
		pictures: make([]Picture, n), schedule: make([]*Schedule, n),
	}
	for i := range n {
		codes := make([]int32, o.Grid.Tokens())
		for j := range codes {
			codes[j] = -1
		}
		r.pictures[i] = Picture{Grid: o.Grid, Codes: codes}
		r.schedule[i] = NewSchedule(o.Grid, o.Window)
	}
	width := r.schedule[0].MaxColumns()
	r.columns = make([]Column, 0, width)
	r.feeds = make([]Feed, 0, n*width)
	r.targets = make([]target, 0, n*width)
	return r
}

func (r *run) prefill(ctx context.Context) error {
	r.started = time.Now()
	guided := r.Guidance.Guides(0)
	for i := range r.pictures {
		r.targets = append(r.targets, target{i, Slot{0, 0}, guided})
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	logits, err := r.model.Prefill(ctx, guided)
	if err != nil {
		return err
	}
	for i := range r.pictures {
		r.pictures[i].Passes++
	}
	return r.sample(logits, len(r.pictures))
}

// collect sets up the feeds of the next pass. It returns false when all
// pictures are complete.
func (r *run) collect() bool {
	r.feeds, r.targets = r.feeds[:0], r.targets[:0]
	for i := range r.pictures {
		r.columns = r.schedule[i].Next(r.columns[:0])
		for _, c := range r.columns {
			// What is fed at a slot serves the slots after it only.
			guided := r.Guidance.Guides(r.Grid.Index(c.Feed) + 1)
			f := Feed{Picture: i, Slot: c.Feed, Token: r.pictures[i].Codes[r.Grid.Index(c.Source)], Guided: guided, Output: -1}
			if c.Decodes {
				f.Output = len(r.targets)
				r.targets = append(r.targets, target{i, c.Next, guided})
			}
			r.feeds = append(r.feeds, f)
		}
	}
	return len(r.feeds) > 0
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
		if i == 0 || f.Picture != r.feeds[i-1].Picture {
			r.pictures[f.Picture].Passes++
		}
	}
	return r.sample(logits, len(r.feeds))
}

// sample draws the tokens of the pass's outputs and reports the pass.
func (r *run) sample(out Logits, columns int) error {
	for i, t := range r.targets {
		logits := out.Cond[i]
		if t.guided {
			r.Guidance.combine(logits, out.Uncond[i])
		}
		token, err := r.sampler.draw(logits, r.Noise[t.picture], t.slot)
		if err != nil {
			return fmt.Errorf("picture %d, row %d, column %d: %w", t.picture+1, t.slot.Row, t.slot.Col, err)
		}
		r.pictures[t.picture].Codes[r.Grid.Index(t.slot)] = token
	}
	if r.Observe != nil {
		r.Observe(r.progress(columns))
	}
	return nil
}

func (r *run) progress(columns int) Progress {
	s := r.schedule[0]
	p := Progress{Passes: r.pictures[0].Passes, Columns: columns, Decoded: s.Decoded(), Tokens: r.Grid.Tokens(), Elapsed: time.Since(r.started)}
	for i := range r.Grid.Rows {
		if s.Row(i) == r.Grid.Cols {
			p.Rows++
		}
	}
	return p
}

// CountPasses runs a schedule without a model and returns how many passes it
// makes, the prefill included, and how many columns they have in all and at
// most. Columns are counted from the first pass after the prefill on.
func CountPasses(g Geometry, window int) (passes, columns, widest int) {
	s := NewSchedule(g, window)
	buf := make([]Column, 0, s.MaxColumns())
	for passes = 1; ; passes++ {
		buf = s.Next(buf[:0])
		if len(buf) == 0 {
			return passes, columns, widest
		}
		columns += len(buf)
		widest = max(widest, len(buf))
	}
}

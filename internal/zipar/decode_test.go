package zipar

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// fakeModel has logits that are a hash of everything that a query may see:
// a wrong feed, a stale proxy or a missing slot gives other tokens.
type fakeModel struct {
	grid   Geometry
	vocab  int
	guided [][]map[int]int32 // [picture][0: conditional, 1: unconditional] position -> token
	passes int
	failAt int
}

func newFakeModel(g Geometry, pictures int) *fakeModel {
	return &fakeModel{grid: g, vocab: 11, guided: make([][]map[int]int32, pictures)}
}

func (m *fakeModel) Vocab() int { return m.vocab }

func (m *fakeModel) Prefill(_ context.Context, guided bool) (Logits, error) {
	m.passes = 1
	var out Logits
	for i := range m.guided {
		m.guided[i] = []map[int]int32{{}, nil}
		if guided {
			m.guided[i][1] = map[int]int32{}
		}
		m.output(&out, i, -1, guided)
	}
	return out, nil
}

func (m *fakeModel) Pass(_ context.Context, feeds []Feed) (Logits, error) {
	m.passes++
	if m.passes == m.failAt {
		return Logits{}, errors.New("the machine is on fire")
	}
	for _, f := range feeds {
		at := m.grid.Position(f.Slot)
		m.guided[f.Picture][0][at] = f.Token
		if f.Guided {
			m.guided[f.Picture][1][at] = f.Token
		}
	}
	var out Logits
	for _, f := range feeds {
		if f.Output >= 0 {
			if f.Output != len(out.Cond) {
				return out, fmt.Errorf("output %d is the %d-th", f.Output, len(out.Cond))
			}
			m.output(&out, f.Picture, m.grid.Position(f.Slot), f.Guided)
		}
	}
	return out, nil
}

func (m *fakeModel) output(out *Logits, picture, at int, guided bool) {
	out.Cond = append(out.Cond, m.logits(m.guided[picture][0], at, 1))
	var u []float32
	if guided {
		u = m.logits(m.guided[picture][1], at, 2)
	}
	out.Uncond = append(out.Uncond, u)
}

// logits hashes the tokens up to and including slot at.
func (m *fakeModel) logits(seen map[int]int32, at int, salt uint32) []float32 {
	h := salt
	for i := 0; i <= at; i++ {
		if token, ok := seen[i]; ok {
			h = (h ^ uint32(i)<<8 ^ uint32(token)) * 16777619
		}
	}
	l := make([]float32, m.vocab)
	for i := range l {
		h = h*1664525 + 1013904223
		l[i] = float32(h>>16) / 8192
	}
	return l
}

func options(g Geometry, w int, noise ...Noise) Options {
	return Options{Grid: g, Window: w, Guidance: Guidance{Scale: 1, Interval: -1}, Sampling: Sampling{Temperature: 1, TopP: 1}, Noise: noise}
}

// ntp decodes token by token, without the schedule.
func ntp(g Geometry, o Options) []int32 {
	m := newFakeModel(g, 1)
	s := newSampler(o.Sampling, m.vocab)
	seen := map[int]int32{}
	var codes []int32
	for n := range g.Tokens() {
		at := Slot{n / g.Cols, n % g.Cols}
		if at.Col == 0 && at.Row > 0 {
			for e := range g.RowEnd {
				seen[g.Position(Slot{at.Row - 1, g.Cols + e})] = 0
			}
		}
		l := m.logits(seen, g.Position(at)-1, 1)
		if o.Guidance.Scale > 1 && (o.Guidance.Interval < 0 || n <= o.Guidance.Interval+1) {
			o.Guidance.combine(l, m.logits(seen, g.Position(at)-1, 2))
		}
		token, _ := s.draw(l, o.Noise[0], at)
		codes = append(codes, token)
		seen[g.Position(at)] = token
	}
	return codes
}

func TestWindowOfAllColumnsIsNextTokenDecoding(t *testing.T) {
	for _, g := range []Geometry{{1, 1, 0}, {1, 9, 0}, {9, 1, 0}, {4, 6, 0}, {6, 4, 0}, {8, 8, 0}, {4, 5, 1}, {3, 4, 2}} {
		for _, guidance := range []Guidance{{Scale: 1, Interval: -1}, {Scale: 4, Interval: -1}, {Scale: 4, Interval: 0}, {Scale: 4, Interval: 10}} {
			o := options(g, g.Cols, Noise{Seed: 3})
			o.Guidance = guidance
			got, err := Decode(context.Background(), newFakeModel(g, 1), o)
			if err != nil {
				t.Fatal(err)
			}
			if want := ntp(g, o); !slices.Equal(got[0].Codes, want) {
				t.Errorf("%s, %+v: %v, want %v", g, guidance, got[0].Codes, want)
			}
		}
	}
}

// reversed are threads that do the last item first, in turns.
type reversed int

func (r reversed) Threads() int { return int(r) }

func (r reversed) Each(n int, do func(worker, item int)) {
	for i := n - 1; i >= 0; i-- {
		do(i%int(r), i)
	}
}

// What draws a token, and when in a pass, must not show, with adaptive windows
// neither, whose tokens depend on each other.
func TestThreadsChangeNothing(t *testing.T) {
	g := Geometry{Rows: 6, Cols: 7}
	for _, adaptive := range []bool{false, true} {
		for _, topP := range []float32{1, 0.8} {
			for w := 1; w <= g.Cols; w++ {
				o := options(g, w, Noise{Seed: 3}, Noise{Seed: 4})
				o.Guidance, o.Sampling.TopP, o.Adaptive = Guidance{Scale: 4, Interval: 20}, topP, adaptive
				want, err := Decode(context.Background(), newFakeModel(g, 2), o)
				if err != nil {
					t.Fatal(err)
				}
				o.Threads = reversed(3)
				got, err := Decode(context.Background(), newFakeModel(g, 2), o)
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("window %d, adaptive %v, top-p %v: other pictures with threads", w, adaptive, topP)
				}
			}
		}
	}
}

// Where guidance has ended the unconditional sequence is not fed any more,
// and what it was fed before is all that guided tokens can see: so the tokens
// are those of a model that is always fed both.
func TestGuidanceIntervalWithWindows(t *testing.T) {
	g := Geometry{Rows: 5, Cols: 6}
	for w := 1; w <= g.Cols; w++ {
		for _, interval := range []int{0, 3, 5, 6, 12, 40} {
			o := options(g, w, Noise{Seed: 5})
			o.Guidance = Guidance{Scale: 3, Interval: interval}
			got, err := Decode(context.Background(), newFakeModel(g, 1), o)
			if err != nil {
				t.Fatal(err)
			}
			m := newFakeModel(g, 1)
			if _, err := Decode(context.Background(), guidedFeeds{m, t, o.Guidance}, o); err != nil {
				t.Fatal(err)
			}
			want, err := Decode(context.Background(), alwaysBoth{newFakeModel(g, 1)}, o)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got[0].Codes, want[0].Codes) {
				t.Errorf("window %d, interval %d: %v, want %v", w, interval, got[0].Codes, want[0].Codes)
			}
		}
	}
}

// guidedFeeds wants that the unconditional sequence is fed what guided tokens
// can see and nothing else, and asked for their logits alone.
type guidedFeeds struct {
	*fakeModel
	t        *testing.T
	guidance Guidance
}

func (m guidedFeeds) Pass(ctx context.Context, feeds []Feed) (Logits, error) {
	for _, f := range feeds {
		if next := m.grid.Index(f.Slot) + 1; f.Guided != m.guidance.Guides(next) {
			m.t.Errorf("%+v: slot %v is fed to the unconditional sequence: %v", m.guidance, f.Slot, f.Guided)
		}
	}
	return m.fakeModel.Pass(ctx, feeds)
}

// alwaysBoth feeds every token to both sequences.
type alwaysBoth struct{ *fakeModel }

func (m alwaysBoth) Pass(ctx context.Context, feeds []Feed) (Logits, error) {
	feeds = slices.Clone(feeds)
	for i := range feeds {
		feeds[i].Guided = true
	}
	return m.fakeModel.Pass(ctx, feeds)
}

func TestBatchEqualsSinglePictures(t *testing.T) {
	g := Geometry{Rows: 5, Cols: 7}
	for w := 1; w <= g.Cols; w++ {
		noise := []Noise{{Seed: 1}, {Seed: 2}, {Seed: 3, Image: 9}}
		together, err := Decode(context.Background(), newFakeModel(g, len(noise)), options(g, w, noise...))
		if err != nil {
			t.Fatal(err)
		}
		for i, n := range noise {
			alone, err := Decode(context.Background(), newFakeModel(g, 1), options(g, w, n))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(alone[0].Codes, together[i].Codes) || alone[0].Passes != together[i].Passes {
				t.Errorf("window %d, picture %d: %v alone, %v in the batch", w, i, alone[0], together[i])
			}
		}
	}
}

func TestPassesAreCountedAsTheyAreMade(t *testing.T) {
	geometries(func(g Geometry, w int) {
		if g.Tokens() > 600 {
			return
		}
		m := newFakeModel(g, 1)
		got, err := Decode(context.Background(), m, options(g, w, Noise{}))
		if err != nil {
			t.Fatal(err)
		}
		if want := g.Cols + (g.Rows-1)*w; got[0].Passes != want || m.passes != want {
			t.Errorf("%s window %d: counted %d passes, the model %d, want %d", g, w, got[0].Passes, m.passes, want)
		}
		if slices.Contains(got[0].Codes, -1) {
			t.Errorf("%s window %d: a slot was not decoded", g, w)
		}
	})
}

func TestProgress(t *testing.T) {
	g := Geometry{Rows: 4, Cols: 6}
	o := options(g, 2, Noise{}, Noise{Seed: 1})
	var last Progress
	var sampling time.Duration
	calls := 0
	o.Observe = func(p Progress) {
		calls++
		if sampling += p.Sampling; p.Sampling < 0 || p.Sampling > p.Elapsed {
			t.Errorf("call %d: %v of sampling in a pass of %v", calls, p.Sampling, p.Elapsed)
		}
		if p.Passes != calls || p.Decoded <= last.Decoded || p.Tokens != g.Tokens() {
			t.Errorf("call %d: %+v after %+v", calls, p, last)
		}
		last = p
	}
	if _, err := Decode(context.Background(), newFakeModel(g, 2), o); err != nil {
		t.Fatal(err)
	}
	if last.Decoded != g.Tokens() || last.Rows != g.Rows || calls != 6+3*2 || sampling == 0 {
		t.Errorf("%d calls, %v of sampling, the last with %+v", calls, sampling, last)
	}
}

func TestAnErrorReturnsWhatWasDecoded(t *testing.T) {
	g := Geometry{Rows: 3, Cols: 4}
	m := newFakeModel(g, 1)
	m.failAt = 6
	got, err := Decode(context.Background(), m, options(g, 4, Noise{}))
	if err == nil || !strings.Contains(err.Error(), "on fire") {
		t.Fatalf("error %v", err)
	}
	if n := slices.Index(got[0].Codes, -1); n != 5 {
		t.Errorf("%d tokens before the failing pass, want 5: %v", n, got[0].Codes)
	}
}

func TestTheContextEndsARun(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	o := options(Geometry{Rows: 3, Cols: 4}, 4, Noise{})
	o.Observe = func(p Progress) {
		if p.Passes == 3 {
			cancel()
		}
	}
	got, err := Decode(ctx, newFakeModel(o.Grid, 1), o)
	if !errors.Is(err, context.Canceled) || got[0].Passes != 3 {
		t.Errorf("%v after %d passes", err, got[0].Passes)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	g := Geometry{Rows: 3, Cols: 4}
	for name, change := range map[string]func(*Options){
		"no rows":     func(o *Options) { o.Grid.Rows = 0 },
		"window 0":    func(o *Options) { o.Window = 0 },
		"window 5":    func(o *Options) { o.Window = 5 },
		"no picture":  func(o *Options) { o.Noise = nil },
		"guidance":    func(o *Options) { o.Guidance.Scale = -1 },
		"temperature": func(o *Options) { o.Sampling.Temperature = -1 },
	} {
		o := options(g, 4, Noise{})
		change(&o)
		if _, err := Decode(context.Background(), newFakeModel(g, 1), o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

package zipar

import (
	"context"
	"math"
	"slices"
	"testing"
)

// tableModel is a toy with two rows whose distribution of (1, 0) depends on
// nothing but the number of tokens of row 0 that are known: table[k] are the
// probabilities when k are.
type tableModel struct {
	grid  Geometry
	table [][]float64
	known int // tokens of row 0
}

func (m *tableModel) Vocab() int { return len(m.table[1]) }

func (m *tableModel) Prefill(context.Context, bool) (Logits, error) {
	m.known = 0
	return Logits{Cond: [][]float32{make([]float32, m.Vocab())}, Uncond: [][]float32{nil}}, nil
}

func (m *tableModel) Pass(_ context.Context, feeds []Feed) (Logits, error) {
	// Every pass but the prefill feeds the next token of row 0 while there is one.
	m.known = min(m.known+1, m.grid.Cols)
	var out Logits
	for _, f := range feeds {
		if f.Output < 0 {
			continue
		}
		l := make([]float32, m.Vocab())
		if f.Slot == (Slot{0, m.grid.Cols - 1}) {
			for i, p := range m.table[m.known] {
				l[i] = float32(math.Log(p))
			}
		}
		out.Cond, out.Uncond = append(out.Cond, l), append(out.Uncond, nil)
	}
	return out, nil
}

var toyTable = [][]float64{
	nil, // row 1 does not start before a token of row 0 is known
	{0.4, 0.3, 0.2, 0.1},
	{0.1, 0.5, 0.2, 0.2},
	{0.25, 0.25, 0.25, 0.25},
	{0.05, 0.15, 0.7, 0.1},
	{0.6, 0.2, 0.1, 0.1},
}

// jointDistribution computes the recursion of the paper exactly: the
// probability of every (window, token) with which row 1 starts.
func jointDistribution(p [][]float64, window, cols int) map[[2]int]float64 {
	joint := map[[2]int]float64{}
	proposed := slices.Clone(p[window])
	for k := window; ; k++ {
		if k == cols {
			// The row above is complete: what was drawn last stays.
			for x, mass := range proposed {
				joint[[2]int{k, x}] += mass
			}
			return joint
		}
		rejected, excess := 0.0, make([]float64, len(p[k]))
		var total float64
		for x := range p[k] {
			keep := min(1, p[k+1][x]/p[k][x])
			joint[[2]int{k, x}] += proposed[x] * keep
			rejected += proposed[x] * (1 - keep)
			excess[x] = max(0, p[k+1][x]-p[k][x])
			total += excess[x]
		}
		for x := range proposed {
			proposed[x] = rejected * excess[x] / total
		}
	}
}

// chiSquare compares counts of n draws with probabilities. Pearson's statistic
// Σ (count - n·p)² / (n·p) over k outcomes follows the chi-square distribution
// with f = k-1 degrees of freedom if all n·p are large. The cube root of
// (statistic / f) is close to normal with the mean 1 - 2/(9f) and the variance
// 2/(9f) (Wilson and Hilferty, 1931). The bound lies 4.5 standard deviations
// above the mean of that, which a right program exceeds with 3 seeds in a million.
// The seeds are fixed, so it is always the same.
func chiSquare(t *testing.T, what string, count map[[2]int]int, want map[[2]int]float64, n int) {
	t.Helper()
	var chi float64
	outcomes := 0
	for key, p := range want {
		expect := p * float64(n)
		if p == 0 {
			if count[key] != 0 {
				t.Errorf("%s: %v has probability 0 and came %d times", what, key, count[key])
			}
			continue
		}
		if expect < 10 {
			t.Fatalf("%s: %v is expected %v times only: the test says nothing", what, key, expect)
		}
		outcomes++
		d := float64(count[key]) - expect
		chi += d * d / expect
	}
	for key := range count {
		if _, ok := want[key]; !ok {
			t.Errorf("%s: %v cannot come", what, key)
		}
	}
	free := float64(outcomes - 1)
	v := 2 / (9 * free)
	if bound := free * math.Pow(1-v+4.5*math.Sqrt(v), 3); chi > bound {
		t.Errorf("%s: chi-square %.1f with %v degrees of freedom, at most %.1f", what, chi, free, bound)
	}
}

// TestAdaptiveWindowsFollowTheRecursion draws many grids of two rows from a
// model with known distributions.
func TestAdaptiveWindowsFollowTheRecursion(t *testing.T) {
	const cols, n = 5, 20000
	for window := 1; window < cols; window++ {
		g := Geometry{Rows: 2, Cols: cols}
		m := &tableModel{grid: g, table: toyTable}
		count, first := map[[2]int]int{}, map[[2]int]int{}
		for seed := range n {
			o := options(g, window, Noise{Seed: uint64(seed)})
			o.Adaptive = true
			got, err := Decode(context.Background(), m, o)
			if err != nil {
				t.Fatal(err)
			}
			w, token := got[0].Windows[1], int(got[0].Codes[cols])
			count[[2]int{w, token}]++
			if passes := cols + w; got[0].Passes != passes {
				t.Fatalf("window %d, seed %d: %d passes, want %d as row 1 started with window %d", window, seed, got[0].Passes, passes, w)
			}
			// In a run in which nothing can be tested twice, the token is
			// that after the first test.
			two := Geometry{Rows: 2, Cols: window + 1}
			o = options(two, window, Noise{Seed: uint64(seed)})
			o.Adaptive = true
			if got, err = Decode(context.Background(), &tableModel{grid: two, table: toyTable}, o); err != nil {
				t.Fatal(err)
			}
			first[[2]int{0, int(got[0].Codes[window+1])}]++
		}
		chiSquare(t, "window and token", count, jointDistribution(toyTable, window, cols), n)
		want := map[[2]int]float64{}
		for x, p := range toyTable[window+1] {
			want[[2]int{0, x}] = p
		}
		chiSquare(t, "token after the first test", first, want, n)
	}
}

// steadyModel has logits that depend on the slot alone: growing the window
// changes nothing.
type steadyModel struct{ *fakeModel }

func (m steadyModel) Prefill(ctx context.Context, guided bool) (Logits, error) {
	out, err := m.fakeModel.Prefill(ctx, guided)
	for i := range out.Cond {
		out.Cond[i] = m.logits(nil, -1, 1)
	}
	return out, err
}

func (m steadyModel) Pass(ctx context.Context, feeds []Feed) (Logits, error) {
	out, err := m.fakeModel.Pass(ctx, feeds)
	for _, f := range feeds {
		if f.Output >= 0 {
			out.Cond[f.Output] = m.logits(nil, -1, uint32(7+m.grid.Position(f.Slot)))
		}
	}
	return out, err
}

func TestEveryProposalIsAcceptedWhereNothingChanges(t *testing.T) {
	geometries(func(g Geometry, w int) {
		if g.Tokens() > 100 {
			return
		}
		for _, temperature := range []float32{0, 1} {
			o := options(g, w, Noise{Seed: 11})
			o.Sampling.Temperature = temperature
			fixed, err := Decode(context.Background(), steadyModel{newFakeModel(g, 1)}, o)
			if err != nil {
				t.Fatal(err)
			}
			o.Adaptive = true
			got, err := Decode(context.Background(), steadyModel{newFakeModel(g, 1)}, o)
			if err != nil {
				t.Fatal(err)
			}
			if want := g.Cols + (g.Rows-1)*w; got[0].Passes != want {
				t.Errorf("%s window %d: %d passes, want %d", g, w, got[0].Passes, want)
			}
			if !slices.Equal(got[0].Codes, fixed[0].Codes) {
				t.Errorf("%s window %d: codes %v, a fixed window gives %v", g, w, got[0].Codes, fixed[0].Codes)
			}
			for i, window := range got[0].Windows {
				if i > 0 && window != w {
					t.Errorf("%s window %d: row %d started with window %d", g, w, i, window)
				}
			}
		}
	})
}

// honestModel checks that what a query sees is what the picture holds: no
// token of a trial or a proposal that was rejected, no proxy where the real
// token is known.
type honestModel struct {
	*fakeModel
	t       *testing.T
	current func() []Picture
}

func (m honestModel) Pass(ctx context.Context, feeds []Feed) (Logits, error) {
	out, err := m.fakeModel.Pass(ctx, feeds)
	p := m.current()[0]
	lastSlot := -1
	for _, f := range feeds {
		if f.Output >= 0 {
			lastSlot = max(lastSlot, m.grid.Position(f.Slot))
		}
	}
	stride := m.grid.Cols + m.grid.RowEnd
	for at, token := range m.guided[0][0] {
		s := Slot{at / stride, at % stride}
		if at > lastSlot || s.Col >= m.grid.Cols {
			continue // nobody sees it, or it is constant
		}
		code := p.Codes[m.grid.Index(s)]
		if code != token && !(code == -1 && s.Col == m.grid.Cols-1) {
			m.t.Errorf("pass %d: slot %v holds token %d, the picture %d", m.passes, s, token, code)
		}
	}
	return out, err
}

// TestARejectedTrialLeavesNoTrace compares what the model holds with the
// picture in every pass, and decodes the rows after a start again with
// everything before given: a trace would give other tokens.
func TestARejectedTrialLeavesNoTrace(t *testing.T) {
	rejected := 0
	for _, end := range []int{0, 1} {
		for w := 1; w <= 5; w++ {
			for seed := range 60 {
				g := Geometry{Rows: 4, Cols: 6, RowEnd: end}
				o := options(g, w, Noise{Seed: uint64(seed)})
				o.Adaptive = true
				m := honestModel{fakeModel: newFakeModel(g, 1), t: t}
				r := newRun(m, o)
				m.current = r.result
				r.model = m
				if err := r.prefill(context.Background()); err != nil {
					t.Fatal(err)
				}
				for r.collect() {
					if err := r.pass(context.Background()); err != nil {
						t.Fatal(err)
					}
				}
				p := r.result()[0]
				if slices.Contains(p.Codes, -1) {
					t.Fatalf("codes %v", p.Codes)
				}
				for i, window := range p.Windows {
					if i > 0 && (window < w || window > g.Cols) {
						t.Errorf("row %d started with window %d, want %d to %d", i, window, w, g.Cols)
					}
					if window > w && i > 0 {
						rejected++
					}
				}
				if least, most := g.Cols+(g.Rows-1)*w, g.Tokens(); p.Passes < least || p.Passes > most || p.Passes != m.passes {
					t.Errorf("%d passes, the model counts %d, want %d to %d", p.Passes, m.passes, least, most)
				}
				// At the end the model holds the picture, all but its last token.
				for n := range g.Tokens() - 1 {
					s := Slot{n / g.Cols, n % g.Cols}
					if got := m.guided[0][0][g.Position(s)]; got != p.Codes[n] {
						t.Errorf("window %d, seed %d: slot %v was fed %d last, its code is %d", w, seed, s, got, p.Codes[n])
					}
				}
			}
		}
	}
	if rejected < 100 {
		t.Errorf("only %d rejections: the test says nothing", rejected)
	}
}

func TestAdaptiveRunsRepeat(t *testing.T) {
	g := Geometry{Rows: 5, Cols: 7}
	for w := 1; w <= g.Cols; w++ {
		noise := []Noise{{Seed: 1}, {Seed: 2}, {Seed: 3}}
		o := options(g, w, noise...)
		o.Adaptive = true
		together, err := Decode(context.Background(), newFakeModel(g, len(noise)), o)
		if err != nil {
			t.Fatal(err)
		}
		for i := range noise {
			o.Noise = noise[i : i+1]
			alone, err := Decode(context.Background(), newFakeModel(g, 1), o)
			if err != nil {
				t.Fatal(err)
			}
			a, b := alone[0], together[i]
			if !slices.Equal(a.Codes, b.Codes) || !slices.Equal(a.Windows, b.Windows) || !slices.Equal(a.DecodedIn, b.DecodedIn) || a.Passes != b.Passes {
				t.Errorf("window %d, picture %d: %+v alone, %+v in the batch", w, i, a, b)
			}
		}
	}
}

// Greedy: a proposal stays if it still is the likeliest token.
func TestGreedyProbation(t *testing.T) {
	s := newSampler(Sampling{TopP: 1}, 3)
	b := newProbation(3)
	kept := func(l ...float32) []candidate {
		c, err := s.candidates(l)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if x := b.propose(kept(1, 3, 2), Noise{}, Slot{1, 0}); x != 1 {
		t.Fatalf("proposed %d, want 1", x)
	}
	for _, c := range []struct {
		logits   []float32
		token    int32
		accepted bool
	}{
		{[]float32{1, 2.5, 2}, 1, true},
		{[]float32{1, 2, 2.5}, 2, false},
		{[]float32{9, 2, 2.5}, 0, false},
		{[]float32{9, 2, 2.5}, 0, true},
	} {
		if token, ok := b.test(kept(slices.Clone(c.logits)...), Noise{}, Slot{1, 0}); token != c.token || ok != c.accepted {
			t.Errorf("%v: token %d, accepted %v; want %d, %v", c.logits, token, ok, c.token, c.accepted)
		}
	}
}

// What is told of trials is the way of the windows that came out, and the
// distributions are those of the model.
func TestTrialsAreTold(t *testing.T) {
	told := 0
	geometries(func(g Geometry, w int) {
		if g.Tokens() > 100 {
			return
		}
		o := options(g, w, Noise{Seed: 21}, Noise{Seed: 22})
		o.Adaptive = true
		trials := make([][]TrialResult, 2)
		o.ObserveTrial = func(r TrialResult) {
			for _, p := range [][]float32{r.Before, r.After} {
				var sum float64
				for _, v := range p {
					sum += float64(v)
				}
				if math.Abs(sum-1) > 1e-5 || len(p) != 11 {
					t.Errorf("%s window %d: %d probabilities that add up to %v", g, w, len(p), sum)
				}
			}
			if ratio := r.After[r.Token] / r.Before[r.Token]; !r.Accepted && ratio >= 1 {
				t.Errorf("%s window %d: a token %v times as likely as before was rejected", g, w, ratio)
			}
			trials[r.Picture] = append(trials[r.Picture], r)
		}
		got, err := Decode(context.Background(), newFakeModel(g, 2), o)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range got {
			told += len(trials[i])
			at := 0
			next := func() TrialResult {
				at++
				if at > len(trials[i]) {
					t.Fatalf("%s window %d, windows %v: only %d trials", g, w, p.Windows, len(trials[i]))
				}
				return trials[i][at-1]
			}
			for row := 1; row < g.Rows && w < g.Cols; row++ {
				for k := w; k <= min(p.Windows[row], g.Cols-1); k++ {
					r := next()
					if r.Row != row || r.Window != k || r.Accepted != (k == p.Windows[row]) {
						t.Errorf("%s window %d, windows %v: trial of row %d, window %d, accepted %v", g, w, p.Windows, r.Row, r.Window, r.Accepted)
					}
					if r.Accepted && r.Token != p.Codes[g.Index(Slot{row, 0})] {
						t.Errorf("%s window %d: token %d of row %d was accepted, the picture has %d", g, w, r.Token, row, p.Codes[g.Index(Slot{row, 0})])
					}
				}
			}
			if at != len(trials[i]) {
				t.Errorf("%s window %d, windows %v: %d trials, want %d", g, w, p.Windows, len(trials[i]), at)
			}
		}
	})
	if told < 100 {
		t.Errorf("only %d trials: the test says nothing", told)
	}

	g := Geometry{Rows: 2, Cols: 5}
	o := options(g, 1, Noise{})
	o.Adaptive = true
	o.ObserveTrial = func(r TrialResult) {
		for i, want := range toyTable[r.Window] {
			if after := toyTable[r.Window+1][i]; math.Abs(float64(r.Before[i])-want) > 1e-6 || math.Abs(float64(r.After[i])-after) > 1e-6 {
				t.Errorf("window %d: %v and %v, want %v and %v", r.Window, r.Before, r.After, toyTable[r.Window], toyTable[r.Window+1])
			}
		}
	}
	if _, err := Decode(context.Background(), &tableModel{grid: g, table: toyTable}, o); err != nil {
		t.Fatal(err)
	}
}

// Probabilities that differ by rounding alone have no excess to draw from: the
// token stays.
func TestARejectionWithoutAnExcessKeepsTheToken(t *testing.T) {
	b := newProbation(2)
	b.p = []float32{0.75, 0.25}
	b.next = []float32{math.Nextafter32(0.75, 0), 0.25}
	b.token = 0
	if b.redraw(Noise{}, Slot{1, 0}) || b.token != 0 {
		t.Errorf("drew token %d", b.token)
	}
}

// What is kept is kept, and the rest is what the whole picture would have
// after it.
func TestKeptRows(t *testing.T) {
	for _, end := range []int{0, 1} {
		g := Geometry{Rows: 5, Cols: 40, RowEnd: end}
		whole, err := Decode(context.Background(), newFakeModel(g, 1), options(g, g.Cols, Noise{Seed: 4}))
		if err != nil {
			t.Fatal(err)
		}
		for keep := 1; keep < g.Rows; keep++ {
			o := options(g, g.Cols, Noise{Seed: 4}, Noise{Seed: 5})
			o.Keep = whole[0].Codes[:keep*g.Cols]
			got, err := Decode(context.Background(), newFakeModel(g, 2), o)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got[0].Codes, whole[0].Codes) {
				t.Errorf("%d rows kept: codes %v, want %v", keep, got[0].Codes, whole[0].Codes)
			}
			if !slices.Equal(got[1].Codes[:len(o.Keep)], o.Keep) || slices.Equal(got[1].Codes, got[0].Codes) {
				t.Errorf("%d rows kept: another seed gives %v", keep, got[1].Codes)
			}
			for i, pass := range got[0].DecodedIn {
				if (pass == 0) != (i < len(o.Keep)) {
					t.Errorf("%d rows kept: token %d was decoded in pass %d", keep, i, pass)
				}
			}
			for w := 1; w <= g.Cols; w += 13 {
				o.Window, o.Adaptive = w, true
				if got, err = Decode(context.Background(), newFakeModel(g, 2), o); err != nil || slices.Contains(got[0].Codes, -1) {
					t.Errorf("%d rows kept, window %d: %v, %v", keep, w, got[0].Codes, err)
				}
			}
		}
		for _, n := range []int{1, g.Cols - 1, g.Tokens()} {
			o := options(g, 2, Noise{})
			o.Keep = make([]int32, n)
			if _, err := Decode(context.Background(), newFakeModel(g, 1), o); err == nil {
				t.Errorf("%d codes are kept", n)
			}
		}
	}
}

package zipar

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// naiveScore computes likelihoods token by token, without passes: seen holds
// what a query may see.
func naiveScore(g Geometry, guidance Guidance, codes []int32) []float64 {
	m := newFakeModel(g, 1)
	seen := map[int]int32{}
	var out []float64
	for n, code := range codes {
		at := Slot{n / g.Cols, n % g.Cols}
		if at.Col == 0 && at.Row > 0 {
			for e := range g.RowEnd {
				seen[g.Position(Slot{at.Row - 1, g.Cols + e})] = 0
			}
		}
		l := m.logits(seen, g.Position(at)-1, 1)
		if guidance.Scale > 1 && (guidance.Interval < 0 || n <= guidance.Interval+1) {
			for i, u := range m.logits(seen, g.Position(at)-1, 2) {
				l[i] = u + (l[i]-u)*guidance.Scale
			}
		}
		var sum float64
		for _, v := range l {
			sum += math.Exp(float64(v))
		}
		out = append(out, float64(l[code])-math.Log(sum))
		seen[g.Position(at)] = code
	}
	return out
}

func randomCodes(rng *rand.Rand, g Geometry, vocab int) []int32 {
	codes := make([]int32, g.Tokens())
	for i := range codes {
		codes[i] = int32(rng.IntN(vocab))
	}
	return codes
}

// Any codes on any grid get the likelihoods that a query token by token gives
// them, alone and beside other pictures.
func TestScoreEqualsTokenByToken(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	var grids []Geometry
	for rows := 1; rows <= 6; rows++ {
		for cols := 1; cols <= 7; cols++ {
			for end := range 3 {
				grids = append(grids, Geometry{rows, cols, end})
			}
		}
	}
	// Around and above what a pass feeds.
	grids = append(grids, Geometry{1, 64, 0}, Geometry{1, 65, 0}, Geometry{2, 64, 1}, Geometry{13, 11, 2}, Geometry{70, 3, 0})
	for _, g := range grids {
		for _, guidance := range []Guidance{{Scale: 1, Interval: -1}, {Scale: 4, Interval: -1}, {Scale: 4, Interval: rng.IntN(g.Tokens() + 2)}} {
			pictures := [][]int32{randomCodes(rng, g, 11), randomCodes(rng, g, 11), randomCodes(rng, g, 11)}
			m := newFakeModel(g, len(pictures))
			together, err := Score(context.Background(), m, g, guidance, pictures, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i, codes := range pictures {
				want := naiveScore(g, guidance, codes)
				for n, l := range together[i] {
					if math.Abs(l-want[n]) > 1e-4 {
						t.Fatalf("%s, %d at the row's end, %+v, picture %d, token %d: %v, want %v", g, g.RowEnd, guidance, i, n, l, want[n])
					}
				}
				alone, err := Score(context.Background(), newFakeModel(g, 1), g, guidance, pictures[i:i+1], nil)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(alone[0], together[i]) {
					t.Fatalf("%s, picture %d: other likelihoods alone than in a batch", g, i)
				}
			}
		}
	}
}

// The likelihoods of all tokens in one place are a distribution.
func TestScoresAreProbabilities(t *testing.T) {
	g := Geometry{Rows: 2, Cols: 3, RowEnd: 1}
	codes := randomCodes(rand.New(rand.NewPCG(1, 1)), g, 11)
	for at := range codes {
		var sum float64
		for code := range int32(11) {
			codes := slices.Clone(codes)
			codes[at] = code
			got, err := Score(context.Background(), newFakeModel(g, 1), g, Guidance{Scale: 2, Interval: -1}, [][]int32{codes}, nil)
			if err != nil {
				t.Fatal(err)
			}
			sum += math.Exp(got[0][at])
		}
		if math.Abs(sum-1) > 1e-5 {
			t.Errorf("the probabilities of token %d add up to %v", at, sum)
		}
	}
}

func TestScoreFeedsInWidePasses(t *testing.T) {
	g := Geometry{Rows: 10, Cols: 20}
	m := newFakeModel(g, 1)
	var told []int
	_, err := Score(context.Background(), m, g, Guidance{Scale: 1, Interval: -1}, [][]int32{make([]int32, g.Tokens())}, func(n int) { told = append(told, n) })
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{1, 65, 129, 193, 200}; m.passes != 5 || !slices.Equal(told, want) {
		t.Errorf("%d passes, told of %v tokens, want 5 and %v", m.passes, told, want)
	}
}

// uniformModel allocates nothing.
type uniformModel struct {
	row []float32
	out Logits
}

func (m *uniformModel) Vocab() int { return len(m.row) }

func (m *uniformModel) Prefill(context.Context, bool) (Logits, error) { return m.outputs(1), nil }

func (m *uniformModel) Pass(_ context.Context, feeds []Feed) (Logits, error) {
	return m.outputs(len(feeds)), nil
}

func (m *uniformModel) outputs(n int) Logits {
	m.out.Cond, m.out.Uncond = m.out.Cond[:0], m.out.Uncond[:0]
	for range n {
		m.out.Cond, m.out.Uncond = append(m.out.Cond, m.row), append(m.out.Uncond, nil)
	}
	return m.out
}

func TestAScoringPassDoesNotAllocate(t *testing.T) {
	m := &uniformModel{row: make([]float32, 8)}
	allocs := func(rows int) float64 {
		g := Geometry{Rows: rows, Cols: 16}
		pictures := [][]int32{make([]int32, g.Tokens())}
		return testing.AllocsPerRun(5, func() {
			got, err := Score(context.Background(), m, g, Guidance{Scale: 1, Interval: -1}, pictures, nil)
			if err != nil || math.Abs(got[0][g.Tokens()-1]+math.Log(8)) > 1e-12 {
				t.Fatal(got, err)
			}
		})
	}
	if few, many := allocs(8), allocs(80); few != many {
		t.Errorf("%v allocations for 3 passes, %v for 21", few, many)
	}
}

// Read shows every token once, in raster order, and ends with the first error.
func TestReadGoesByRasterOrder(t *testing.T) {
	g := Geometry{Rows: 5, Cols: 30, RowEnd: 1}
	pictures := [][]int32{make([]int32, g.Tokens()), make([]int32, g.Tokens())}
	seen := []int{0, 0}
	stop := errors.New("enough")
	each := func(picture int, at Slot, logits []float32) error {
		if g.Index(at) != seen[picture] || len(logits) != 11 {
			t.Errorf("picture %d: slot %v with %d logits is token %d", picture, at, len(logits), seen[picture])
		}
		clear(logits)
		if seen[picture]++; seen[1] == 100 {
			return stop
		}
		return nil
	}
	err := Read(context.Background(), newFakeModel(g, 2), g, Guidance{Scale: 1, Interval: -1}, pictures, each, nil)
	if !errors.Is(err, stop) || !strings.Contains(err.Error(), "picture 2, row 3, column 9") {
		t.Errorf("error %v", err)
	}
}

func TestScoreErrors(t *testing.T) {
	g := Geometry{Rows: 2, Cols: 3}
	guidance := Guidance{Scale: 1, Interval: -1}
	good := make([]int32, 6)
	for _, c := range []struct {
		g        Geometry
		guidance Guidance
		pictures [][]int32
		want     string
	}{
		{Geometry{}, guidance, [][]int32{good}, "a grid of 0 rows"},
		{g, Guidance{Scale: -1}, [][]int32{good}, "guidance scale -1"},
		{g, guidance, nil, "no picture"},
		{g, guidance, [][]int32{good, good[:5]}, "picture 2 has 5 codes"},
		{g, guidance, [][]int32{{0, 1, 2, 3, 11, 5}}, "row 1, column 1: code 11 of a vocabulary of 11"},
		{g, guidance, [][]int32{{0, -1, 2, 3, 4, 5}}, "row 0, column 1: code -1"},
	} {
		if _, err := Score(context.Background(), newFakeModel(g, 2), c.g, c.guidance, c.pictures, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := Score(ctx, newFakeModel(g, 1), g, guidance, [][]int32{good}, func(int) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: error %v", err)
	}
	m := newFakeModel(g, 1)
	m.failAt = 2
	if _, err := Score(context.Background(), m, g, guidance, [][]int32{good}, nil); err == nil || !strings.Contains(err.Error(), "on fire") {
		t.Errorf("the model's error got lost: %v", err)
	}
	broken := &uniformModel{row: []float32{0, float32(math.NaN())}}
	if _, err := Score(context.Background(), broken, g, guidance, [][]int32{good}, nil); !errors.Is(err, ErrNotFinite) {
		t.Errorf("logits that are no numbers: error %v", err)
	}
}

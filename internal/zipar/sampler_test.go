package zipar

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/zipar/zipar/internal/npy"
)

// probabilities is the distribution that a sampler draws from.
func probabilities(s Sampling, logits []float32) []float64 {
	p := make([]float64, len(logits))
	kept := newSampler(s, len(logits)).filter(slices.Clone(logits))
	top := math.Inf(-1)
	for _, c := range kept {
		top = max(top, float64(c.logit))
	}
	var sum float64
	for _, c := range kept {
		p[c.token] = math.Exp(float64(c.logit) - top)
		sum += p[c.token]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// The official top_k_top_p_filtering and softmax; see testdata/golden/README.md.
func TestFilterEqualsTheOfficialOne(t *testing.T) {
	golden, err := npy.OpenZip("../../testdata/golden/sampler.npz")
	if err != nil {
		t.Fatal(err)
	}
	logits, vocab := golden["logits"].Float32(), golden["logits"].Shape[1]
	want := golden["probs"].Float32()
	rows, topK := golden["row"].Int32(), golden["top_k"].Int32()
	temperature, topP := golden["temperature"].Float32(), golden["top_p"].Float32()
	for i, row := range rows {
		s := Sampling{Temperature: temperature[i], TopK: int(topK[i]), TopP: topP[i]}
		got := probabilities(s, logits[int(row)*vocab:][:vocab])
		for j, w := range want[i*vocab:][:vocab] {
			if (got[j] == 0) != (w == 0) && w > 1e-30 || math.Abs(got[j]-float64(w)) > 1e-5 {
				t.Errorf("case %d, %+v, row %d: token %d has probability %v, want %v", i, s, row, j, got[j], w)
			}
		}
	}
	if len(rows) < 20 {
		t.Errorf("only %d cases", len(rows))
	}
}

func TestGreedyTakesTheFirstOfEquals(t *testing.T) {
	s := newSampler(Sampling{TopP: 1}, 5)
	for _, c := range []struct {
		logits []float32
		want   int32
	}{
		{[]float32{1, 3, 2, 3, 0}, 1},
		{[]float32{-5, -5, -5, -5, -5}, 0},
		{[]float32{-5, -4, -3, -2, -1}, 4},
	} {
		if got, err := s.draw(slices.Clone(c.logits), Noise{}, Slot{}); got != c.want || err != nil {
			t.Errorf("%v: token %d, %v; want %d", c.logits, got, err, c.want)
		}
	}
}

func TestLogitsThatAreNotFiniteAreAnError(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, bad := range []float32{nan, inf, -inf} {
		for _, temp := range []float32{0, 1} {
			s := newSampler(Sampling{Temperature: temp, TopP: 1}, 3)
			if _, err := s.draw([]float32{0, bad, 1}, Noise{}, Slot{}); !errors.Is(err, ErrNotFinite) {
				t.Errorf("temperature %v, logit %v: error %v", temp, bad, err)
			}
		}
	}
}

// TestDrawFollowsTheDistribution draws n times and compares with the
// distribution; see chiSquare.
func TestDrawFollowsTheDistribution(t *testing.T) {
	logits := []float32{0.3, 1.9, -0.7, 1.2, 0.1, 2.2, -3, 0.9}
	for _, s := range []Sampling{
		{Temperature: 1, TopP: 1},
		{Temperature: 0.7, TopP: 1},
		{Temperature: 1.5, TopK: 4, TopP: 1},
		{Temperature: 1, TopP: 0.8},
		{Temperature: 2, TopK: 6, TopP: 0.9},
	} {
		const n = 40000
		want := probabilities(s, logits)
		count := map[[2]int]int{}
		drawer := newSampler(s, len(logits))
		buf := make([]float32, len(logits))
		for i := range n {
			copy(buf, logits)
			token, err := drawer.draw(buf, Noise{Seed: uint64(i)}, Slot{i % 7, i % 11})
			if err != nil {
				t.Fatal(err)
			}
			count[[2]int{0, int(token)}]++
		}
		expected := map[[2]int]float64{}
		for j, p := range want {
			expected[[2]int{0, j}] = p
		}
		chiSquare(t, fmt.Sprintf("%+v", s), count, expected, n)
	}
}

// TestLargest compares with sorting: few logits and more than the guess takes,
// with many equals, and where those that it looks at mislead it.
func TestLargest(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 2000 {
		v := make([]float32, 1+rng.IntN(40))
		if i%20 == 0 {
			v = make([]float32, sampled*(1+rng.IntN(12))+rng.IntN(sampled))
		}
		values, step := 1+rng.IntN(2*len(v)), max(1, len(v)/sampled)
		for j := range v {
			v[j] = float32(rng.IntN(values) - values/2)
			if i%3 == 0 && j%step == 0 {
				v[j] += float32(values * (i%2*2 - 1)) // most of these are larger than the others, or smaller
			}
		}
		sorted := slices.Clone(v)
		slices.Sort(sorted)
		n := 1 + rng.IntN(len(v))
		var want []candidate
		for j, x := range v {
			if x >= sorted[len(v)-n] {
				want = append(want, candidate{int32(j), x})
			}
		}
		if got := newSampler(Sampling{}, len(v)).largest(v, n); !slices.Equal(got, want) {
			t.Fatalf("%d largest of %v: %v, want %v", n, v, got, want)
		}
	}
}

// BenchmarkDraw draws a token as LlamaGen's caption models do.
func BenchmarkDraw(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	cond, uncond := make([]float32, 16384), make([]float32, 16384)
	for i := range cond {
		cond[i], uncond[i] = float32(2*r.NormFloat64()), float32(2*r.NormFloat64())
	}
	s := newSampler(Sampling{Temperature: 1, TopK: 1000, TopP: 1}, len(cond))
	logits := make([]float32, len(cond))
	for b.Loop() {
		copy(logits, cond)
		Guidance{Scale: 7.5, Interval: -1}.combine(logits, uncond)
		if _, err := s.draw(logits, Noise{Seed: 1}, Slot{}); err != nil {
			b.Fatal(err)
		}
	}
}

func TestDrawDoesNotAllocate(t *testing.T) {
	logits := make([]float32, 16384)
	for i := range logits {
		logits[i] = float32(i*7919%16384) / 1000
	}
	s := newSampler(Sampling{Temperature: 1, TopK: 1000, TopP: 0.9}, len(logits))
	buf := make([]float32, len(logits))
	if n := testing.AllocsPerRun(5, func() {
		copy(buf, logits)
		if _, err := s.draw(buf, Noise{}, Slot{}); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a draw", n)
	}
}

func TestChecksNameTheValue(t *testing.T) {
	nan := float32(math.NaN())
	for _, s := range []Sampling{
		{Temperature: -1, TopP: 1}, {Temperature: nan, TopP: 1}, {Temperature: inf32, TopP: 1},
		{TopK: -1, TopP: 1}, {TopP: 0}, {TopP: 1.1}, {TopP: nan},
	} {
		if s.Check() == nil {
			t.Errorf("%+v is taken", s)
		}
	}
	for _, g := range []Guidance{{Scale: -1}, {Scale: nan}, {Scale: inf32}, {Scale: 2, Interval: -2}} {
		if g.Check() == nil {
			t.Errorf("%+v is taken", g)
		}
	}
	if err := (Sampling{Temperature: 1, TopK: 5, TopP: 0.5}).Check(); err != nil {
		t.Error(err)
	}
	if err := (Guidance{Scale: 7.5, Interval: -1}).Check(); err != nil {
		t.Error(err)
	}
}

// The probabilities of a distribution are the shares of the draws.
func TestDistribution(t *testing.T) {
	const ln2 = 0.6931472
	for _, c := range []struct {
		s    Sampling
		want []float32
	}{
		{Sampling{Temperature: 1, TopP: 1}, []float32{1. / 8, 1. / 2, 1. / 4, 1. / 8}},
		{Sampling{Temperature: 1, TopP: 1, TopK: 2}, []float32{0, 2. / 3, 1. / 3, 0}},
		{Sampling{Temperature: 1, TopP: 0.6}, []float32{0, 2. / 3, 1. / 3, 0}},
		{Sampling{Temperature: 0.5, TopP: 1}, []float32{1. / 22, 16. / 22, 4. / 22, 1. / 22}},
		{Sampling{TopP: 1}, []float32{0, 1, 0, 0}},
	} {
		p := []float32{9, 9, 9, 9}
		if err := c.s.Distribution(p, []float32{0, 2 * ln2, ln2, 0}); err != nil {
			t.Fatal(err)
		}
		for i, want := range c.want {
			if math.Abs(float64(p[i]-want)) > 1e-6 {
				t.Errorf("%+v: %v, want %v", c.s, p, c.want)
				break
			}
		}
	}
	if err := (Sampling{Temperature: 1, TopP: 1}).Distribution(make([]float32, 2), []float32{0, float32(math.Inf(1))}); !errors.Is(err, ErrNotFinite) {
		t.Errorf("infinite logits: error %v", err)
	}
}

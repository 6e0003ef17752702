package zipar

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Known answers of philox4x32-10 from the authors' Random123 library
// (tests/kat_vectors).
func TestPhiloxKnownAnswers(t *testing.T) {
	const all = 0xffffffff
	for _, c := range []struct {
		ctr  [4]uint32
		key  [2]uint32
		want [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{all, all, all, all}, [2]uint32{all, all}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{
			[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
			[2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
		},
	} {
		if got := philox(c.ctr, c.key); got != c.want {
			t.Errorf("philox(%x, %x) = %x, want %x", c.ctr, c.key, got, c.want)
		}
	}
}

func TestNoiseDependsOnEverythingItIsKeyedBy(t *testing.T) {
	base := Noise{Seed: 7, Image: 1}.uniform(Slot{2, 3}, 0, 4)
	for name, got := range map[string]float64{
		"seed":      Noise{Seed: 8, Image: 1}.uniform(Slot{2, 3}, 0, 4),
		"high seed": Noise{Seed: 7 | 1<<40, Image: 1}.uniform(Slot{2, 3}, 0, 4),
		"image":     Noise{Seed: 7, Image: 2}.uniform(Slot{2, 3}, 0, 4),
		"row":       Noise{Seed: 7, Image: 1}.uniform(Slot{3, 3}, 0, 4),
		"column":    Noise{Seed: 7, Image: 1}.uniform(Slot{2, 2}, 0, 4),
		"token":     Noise{Seed: 7, Image: 1}.uniform(Slot{2, 3}, 0, 5),
		"draw":      Noise{Seed: 7, Image: 1}.uniform(Slot{2, 3}, 1, 4),
		"late draw": Noise{Seed: 7, Image: 1}.uniform(Slot{2, 3}, 1<<12, 4),
		"far token": Noise{Seed: 7, Image: 1}.uniform(Slot{2, 3}, 0, 8),
	} {
		if got == base {
			t.Errorf("another %s gives the same number", name)
		}
	}
	if again := (Noise{Seed: 7, Image: 1}).uniform(Slot{2, 3}, 0, 4); again != base {
		t.Errorf("the same key gives %v and %v", base, again)
	}
}

// A Gumbel variable has mean γ = 0.5772 and variance π²/6. With n = 200,000
// draws the mean's standard error is sqrt(1.645/n) = 0.0029; the bound is five
// of them.
func TestGumbelMean(t *testing.T) {
	const n = 200000
	sum := 0.0
	for i := range n {
		g := gumbel(Noise{Seed: 1}.word(Slot{i % 16, i / 16 % 16}, 0, uint32(i/256)))
		if math.IsInf(g, 0) || math.IsNaN(g) {
			t.Fatalf("draw %d is %v", i, g)
		}
		sum += g
	}
	if mean := sum / n; math.Abs(mean-0.57722) > 5*0.0029 {
		t.Errorf("mean %v, want 0.5772", mean)
	}
}

// mostGumbel is above for every word that could be near it: those around powers
// of two, counted from both ends, and random ones.
func TestMostGumbelIsAbove(t *testing.T) {
	check := func(word uint32) {
		if g, most := gumbel(word), mostGumbel(word); !(g < most && most <= mostGumbelOfAll) {
			t.Fatalf("word %#x: gumbel %v, at most %v, of all %v", word, g, most, mostGumbelOfAll)
		}
	}
	for k := range 33 {
		for d := uint32(0); d < 5; d++ {
			at := uint32(1<<k) + d - 2
			check(at)
			check(^at)
		}
	}
	for i := range uint32(1 << 20) {
		check(i * 2654435761)
	}
}

// What pick passes over would not have won.
func TestPickTakesTheLargest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for seed := range uint64(300) {
		var kept []candidate
		for token := range int32(1 + r.IntN(3000)) {
			kept = append(kept, candidate{token, float32(r.NormFloat64() * float64(1+seed%30))})
		}
		n, at := Noise{Seed: seed}, Slot{int(seed % 5), int(seed % 11)}
		best, want := math.Inf(-1), int32(0)
		for _, c := range kept {
			if g := float64(c.logit) + gumbel(n.word(at, 3, uint32(c.token))); g > best {
				best, want = g, c.token
			}
		}
		if got := pick(kept, n, at, 3); got != want {
			t.Fatalf("seed %d: token %d, want %d", seed, got, want)
		}
	}
}

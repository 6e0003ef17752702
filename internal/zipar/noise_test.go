package zipar

import (
	"math"
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
		g := Noise{Seed: 1}.gumbel(Slot{i % 16, i / 16 % 16}, 0, int32(i/256))
		if math.IsInf(g, 0) || math.IsNaN(g) {
			t.Fatalf("draw %d is %v", i, g)
		}
		sum += g
	}
	if mean := sum / n; math.Abs(mean-0.57722) > 5*0.0029 {
		t.Errorf("mean %v, want 0.5772", mean)
	}
}

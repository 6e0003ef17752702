package figure

import (
	"image/color"
	"math"
	"testing"

	"github.com/lucasb-eyer/go-colorful"
)

func lab(c color.NRGBA) (l, a, b float64) {
	return colorful.Color{R: float64(c.R) / 255, G: float64(c.G) / 255, B: float64(c.B) / 255}.Lab()
}

// Larger numbers are brighter, and equal steps look about equally large.
func TestViridisIsPerceptual(t *testing.T) {
	l0, _, _ := lab(Viridis(0))
	l1, _, _ := lab(Viridis(1))
	if l1-l0 < 0.7 {
		t.Errorf("from %g to %g", l0, l1)
	}
	var steps []float64
	const n = 32
	for i := range n {
		la, aa, ba := lab(Viridis(float64(i) / n))
		lb, ab, bb := lab(Viridis(float64(i+1) / n))
		if lb <= la {
			t.Errorf("step %d is not brighter", i)
		}
		steps = append(steps, math.Sqrt((lb-la)*(lb-la)+(ab-aa)*(ab-aa)+(bb-ba)*(bb-ba)))
	}
	mean := 0.0
	for _, s := range steps {
		mean += s / n
	}
	for i, s := range steps {
		if s < mean/2 || s > mean*2 {
			t.Errorf("step %d is %.3f, the mean %.3f", i, s, mean)
		}
	}
}

func TestViridisClamps(t *testing.T) {
	first, last := color.NRGBA{0x44, 0x01, 0x54, 255}, color.NRGBA{0xfd, 0xe7, 0x25, 255}
	for v, want := range map[float64]color.NRGBA{0: first, -3: first, 1: last, 7: last} {
		if got := Viridis(v); got != want {
			t.Errorf("Viridis(%v) = %v, want %v", v, got, want)
		}
	}
}

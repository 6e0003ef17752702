package main

import (
	"image/color"
	"math"
	"testing"

	"github.com/zipar/zipar/internal/figure"
	"github.com/zipar/zipar/internal/zipar"
)

func TestStepMap(t *testing.T) {
	p := decodedPicture(6, 8, 3, 2)
	h := stepMap(p)
	if want := "6 × 8 tokens · window 3 · 17 passes"; h.Subtitle != want {
		t.Errorf("subtitle %q, want %q", h.Subtitle, want)
	}
	for i, v := range h.Values {
		if i < 16 != math.IsNaN(v) {
			t.Errorf("token %d: %v", i, v)
		}
	}
	if h.Values[16] != 1 || h.Values[23] != 8 || h.Values[24] != 4 || h.Values[47] != 17 {
		t.Errorf("passes %v", h.Values[16:])
	}
	// The picture has the colours of the first and the last pass.
	im := h.Draw()
	seen := map[color.NRGBA]int{}
	for y := range im.Rect.Dy() {
		for x := range im.Rect.Dx() {
			seen[im.NRGBAAt(x, y)]++
		}
	}
	if seen[figure.Viridis(0)] < 1000 || seen[figure.Viridis(1)] < 1000 {
		t.Errorf("%d pixels of the first pass, %d of the last", seen[figure.Viridis(0)], seen[figure.Viridis(1)])
	}
}

func TestWindowsName(t *testing.T) {
	for want, windows := range map[string][]int{
		"one row":             {0},
		"next-token decoding": {0, 8, 8},
		"window 3":            {0, 0, 3, 3},
		"windows 3 to 8":      {0, 5, 3, 8},
	} {
		p := zipar.Picture{Grid: zipar.Geometry{Rows: len(windows), Cols: 8}, Windows: windows}
		if got := windowsName(p); got != want {
			t.Errorf("%v: %q, want %q", windows, got, want)
		}
	}
}

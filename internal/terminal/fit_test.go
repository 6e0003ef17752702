package terminal

import (
	"math"
	"testing"
)

func TestFit(t *testing.T) {
	for _, c := range []struct {
		kind       Kind
		size       Size
		w, h       int
		cols, rows int
	}{
		{Blocks, Size{80, 24, 10, 20}, 256, 256, 36, 18},
		{Blocks, Size{0, 0, 0, 0}, 256, 256, 36, 18}, // 80 x 24 cells of 10 x 20
		{Blocks, Size{40, 50, 10, 20}, 256, 256, 39, 20},
		{Blocks, Size{200, 60, 10, 20}, 32, 24, 32, 12}, // not enlarged
		{Blocks, Size{200, 60, 8, 20}, 32, 24, 32, 10},  // narrow cells
		{Shades, Size{80, 24, 10, 20}, 512, 512, 36, 18},
		{Kitty, Size{80, 24, 10, 20}, 256, 256, 26, 13}, // pixel for pixel
		{Kitty, Size{80, 24, 10, 20}, 512, 512, 36, 18},
		{ITerm2, Size{20, 60, 10, 20}, 512, 512, 19, 10},
		{Blocks, Size{1, 1, 10, 20}, 256, 256, 1, 1},
		{Blocks, Size{2, 3, 10, 20}, 256, 64, 1, 1},
		{Kitty, Size{300, 2, 10, 20}, 4096, 16, 299, 1},
		{Blocks, Size{80, 24, 10, 20}, 1, 1, 1, 1},
		{Blocks, Size{80, 24, math.NaN(), -3}, 256, 256, 36, 18},
	} {
		cols, rows := c.size.fit(c.kind, c.w, c.h)
		if cols != c.cols || rows != c.rows {
			t.Errorf("%v, %v, %d x %d: %d x %d cells, want %d x %d", c.kind, c.size, c.w, c.h, cols, rows, c.cols, c.rows)
		}
	}
}

// Pictures of all shapes fit into terminals of all sizes and keep their shape
// as far as cells allow.
func TestFitAlwaysFits(t *testing.T) {
	for _, k := range []Kind{Plain, Shades, Blocks256, Blocks, Kitty, ITerm2} {
		for _, w := range []int{1, 7, 32, 256, 1456} {
			for _, h := range []int{1, 24, 256, 768} {
				for cols := 1; cols < 130; cols += 7 {
					for rows := 1; rows < 70; rows += 3 {
						s := Size{cols, rows, 9, 19}
						c, r := s.fit(k, w, h)
						if c < 1 || r < 1 || c > max(1, cols-1) || r > max(1, rows-2) {
							t.Fatalf("%v in %v: %d x %d pixels take %d x %d cells", k, s, w, h, c, r)
						}
						if c > 8 && r > 8 {
							if shape := float64(c) * 9 / (float64(r) * 19) * float64(h) / float64(w); shape < 0.85 || shape > 1.18 {
								t.Fatalf("%v in %v: %d x %d pixels take %d x %d cells", k, s, w, h, c, r)
							}
						}
					}
				}
			}
		}
	}
}

package zipar

import (
	"fmt"
	"testing"
)

// geometries calls f for grids and windows of all small shapes and some large
// ones.
func geometries(f func(g Geometry, window int)) {
	for rows := 1; rows <= 7; rows++ {
		for cols := 1; cols <= 9; cols++ {
			for w := 1; w <= cols; w++ {
				f(Geometry{rows, cols}, w)
			}
		}
	}
	for _, g := range []Geometry{{24, 24}, {48, 49}, {90, 91}, {1, 300}, {300, 1}, {5, 64}, {64, 5}} {
		for _, w := range []int{1, 2, 3, g.Cols / 2, g.Cols - 1, g.Cols} {
			if w >= 1 && w <= g.Cols {
				f(g, w)
			}
		}
	}
}

func TestPassesMatchTheFormula(t *testing.T) {
	geometries(func(g Geometry, w int) {
		got, columns, widest := CountPasses(g, w)
		if want := g.Cols + (g.Rows-1)*w; got != want {
			t.Errorf("%s window %d: %d passes, want %d", g, w, got, want)
		}
		if most := NewSchedule(g, w).MaxColumns(); widest > most {
			t.Errorf("%s window %d: %d columns in a pass, MaxColumns says %d", g, w, widest, most)
		}
		// Every token but the grid's last is fed once; each row started
		// early feeds a proxy on top.
		want := g.Tokens() - 1
		if w < g.Cols {
			want += g.Rows - 1
		}
		if columns != want {
			t.Errorf("%s window %d: %d columns in all, want %d", g, w, columns, want)
		}
	})
}

// Grids of published models: LlamaGen at 256, 384 and 512 px, Lumina-mGPT at
// 768 px, Emu3-Gen at 720 px. Window = columns is next-token decoding.
func TestWellKnownGeometries(t *testing.T) {
	for _, c := range []struct {
		grid   Geometry
		window int
		passes int
	}{
		{Geometry{16, 16}, 16, 256},
		{Geometry{16, 16}, 4, 76},
		{Geometry{24, 24}, 2, 70},
		{Geometry{32, 32}, 32, 1024},
		{Geometry{32, 32}, 5, 187},
		{Geometry{48, 49}, 49, 2352},
		{Geometry{90, 91}, 7, 714},
	} {
		if got, _, _ := CountPasses(c.grid, c.window); got != c.passes {
			t.Errorf("%s window %d: %d passes, want %d", c.grid, c.window, got, c.passes)
		}
	}
}

// TestScheduleKeepsTheRules replays schedules against the rules of the paper,
// written down independently of how the schedule finds its columns.
func TestScheduleKeepsTheRules(t *testing.T) {
	geometries(func(g Geometry, w int) {
		if err := replay(g, w); err != nil {
			t.Errorf("%s window %d: %v", g, w, err)
		}
	})
}

func replay(g Geometry, w int) error {
	decoded := map[Slot]int{{0, 0}: 1} // slot -> pass in which it was decoded
	fed := map[Slot]int{}              // slot -> pass in which its own token was fed
	s := NewSchedule(g, w)
	for pass := 2; ; pass++ {
		columns := s.Next(nil)
		if len(columns) == 0 {
			break
		}
		known := func(at Slot) bool { p, ok := decoded[at]; return ok && p < pass }
		before := -1
		newly := []Slot{}
		for _, c := range columns {
			if at := g.Index(c.Feed); at <= before {
				return fmt.Errorf("pass %d: positions do not ascend: %v", pass, columns)
			} else {
				before = at
			}
			if !known(c.Source) {
				return fmt.Errorf("pass %d: feeds the token of %v, which is not known", pass, c.Source)
			}
			if c.Proxy() {
				if c.Feed.Col != g.Cols-1 || c.Next.Col != 0 || known(c.Feed) {
					return fmt.Errorf("pass %d: a proxy in %+v", pass, c)
				}
				// The token decoded last in the row above the missing one.
				row := max(c.Feed.Row-1, 0)
				if c.Source.Row != row || known(Slot{row, c.Source.Col + 1}) {
					return fmt.Errorf("pass %d: proxy from %v for %v", pass, c.Source, c.Feed)
				}
			} else {
				if p, ok := fed[c.Feed]; ok {
					return fmt.Errorf("%v fed in pass %d and again in %d", c.Feed, p, pass)
				}
				if decoded[c.Feed] != pass-1 {
					return fmt.Errorf("%v decoded in pass %d, fed in %d", c.Feed, decoded[c.Feed], pass)
				}
				fed[c.Feed] = pass
			}
			if !c.Decodes {
				continue
			}
			n := c.Next
			if g.Index(n) != g.Index(c.Feed)+1 {
				return fmt.Errorf("pass %d: %v decodes %v", pass, c.Feed, n)
			}
			if p, ok := decoded[n]; ok {
				return fmt.Errorf("%v decoded in pass %d and again in %d", n, p, pass)
			}
			if n.Col > 0 && !known(Slot{n.Row, n.Col - 1}) {
				return fmt.Errorf("pass %d: %v before its predecessor", pass, n)
			}
			for col := n.Col; n.Row > 0 && col < min(n.Col+w, g.Cols); col++ {
				if !known(Slot{n.Row - 1, col}) {
					return fmt.Errorf("pass %d: %v before %v", pass, n, Slot{n.Row - 1, col})
				}
			}
			newly = append(newly, n)
		}
		for _, n := range newly {
			decoded[n] = pass
		}
	}
	if len(decoded) != g.Tokens() || len(fed) != g.Tokens()-1 {
		return fmt.Errorf("decoded %d and fed %d of %d tokens", len(decoded), len(fed), g.Tokens())
	}
	if _, ok := fed[Slot{g.Rows - 1, g.Cols - 1}]; ok {
		return fmt.Errorf("the last token was fed")
	}
	return nil
}

func TestParseGeometry(t *testing.T) {
	for in, want := range map[string]Geometry{
		"16x16": {16, 16}, "1x1": {1, 1}, "48x49": {48, 49}, "1x1048576": {1, 1 << 20},
		"": {}, "16": {}, "16x": {}, "x16": {}, "0x4": {}, "4x0": {}, "-1x4": {}, "4x4x4": {}, "4x4 ": {}, "axb": {},
		"2000x2000": {}, "99999999999999999999x2": {}, "4294967296x4294967296": {},
	} {
		got, err := ParseGeometry(in)
		if (err == nil) != (want != Geometry{}) || got != want {
			t.Errorf("ParseGeometry(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
}

func TestWindowZeroAndBeyondTheColumnsIsNTP(t *testing.T) {
	g := Geometry{4, 6}
	for n, want := range map[int]int{-3: 6, 0: 6, 1: 1, 5: 5, 6: 6, 7: 6, 1 << 40: 6} {
		if got := g.Window(n); got != want {
			t.Errorf("window %d means %d, want %d", n, got, want)
		}
	}
}

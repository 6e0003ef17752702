package zipar

import (
	"fmt"
	"testing"
)

// geometries calls f for grids and windows of all small shapes and some large
// ones, with and without constant tokens at the end of a row.
func geometries(f func(g Geometry, window int)) {
	for rows := 1; rows <= 7; rows++ {
		for cols := 1; cols <= 9; cols++ {
			for w := 1; w <= cols; w++ {
				for end := range 3 {
					f(Geometry{rows, cols, end}, w)
				}
			}
		}
	}
	for _, g := range []Geometry{{24, 24, 0}, {48, 49, 0}, {48, 48, 1}, {90, 90, 1}, {1, 300, 0}, {300, 1, 0}, {5, 64, 1}, {64, 5, 2}} {
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
		if most := NewSchedule(g, w, false, 0).MaxColumns(); widest > most {
			t.Errorf("%s window %d: %d columns in a pass, MaxColumns says %d", g, w, widest, most)
		}
		// Every token but the grid's last is fed once; each row that starts
		// early feeds a proxy on top, or every row its constant tokens.
		want := g.Tokens() - 1
		if g.RowEnd > 0 {
			want += (g.Rows - 1) * g.RowEnd
		} else if w < g.Cols {
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
		{Geometry{16, 16, 0}, 16, 256},
		{Geometry{16, 16, 0}, 4, 76},
		{Geometry{24, 24, 0}, 2, 70},
		{Geometry{32, 32, 0}, 32, 1024},
		{Geometry{32, 32, 0}, 5, 187},
		{Geometry{48, 49, 0}, 49, 2352},
		{Geometry{90, 91, 0}, 7, 714},
		{Geometry{90, 90, 1}, 7, 713},
	} {
		if got, _, _ := CountPasses(c.grid, c.window); got != c.passes {
			t.Errorf("%s window %d: %d passes, want %d", c.grid, c.window, got, c.passes)
		}
	}
}

// TestScheduleKeepsTheRules replays schedules against the rules of the paper,
// written down independently of how the schedule finds its columns. Adaptive
// schedules are replayed with all trials accepted, with none, and with a mix.
func TestScheduleKeepsTheRules(t *testing.T) {
	geometries(func(g Geometry, w int) {
		if err := replay(g, w, false, nil); err != nil {
			t.Errorf("%s window %d, %d at the row's end: %v", g, w, g.RowEnd, err)
		}
		if g.Tokens() > 700 {
			return
		}
		n := 0
		for name, accept := range map[string]func() bool{
			"all":  func() bool { return true },
			"none": func() bool { return false },
			"some": func() bool { n = n*1103515245 + 12345; return n>>16&3 == 0 },
		} {
			if err := replay(g, w, true, accept); err != nil {
				t.Errorf("%s window %d adaptive, %s accepted, %d at the row's end: %v", g, w, name, g.RowEnd, err)
			}
		}
	})
}

// replayed is what a replay knows of the grid.
type replayed struct {
	g       Geometry
	pass    int
	decoded map[Slot]int // pass in which a slot was decoded
	fed     map[Slot]int // pass in which a slot's own token was fed
	// onTrial are the slots of proposals, with the pass that made them.
	onTrial map[Slot]int
}

// known says whether a slot's token is known before this pass.
func (r *replayed) known(at Slot) bool { p, ok := r.decoded[at]; return ok && p < r.pass }

func replay(g Geometry, w int, adaptive bool, accept func() bool) error {
	r := &replayed{g: g, decoded: map[Slot]int{{0, 0}: 1}, fed: map[Slot]int{}, onTrial: map[Slot]int{}}
	s := NewSchedule(g, w, adaptive, 0)
	trials, accepted := 0, 0
	for r.pass = 2; ; r.pass++ {
		columns := s.Next()
		if len(columns) == 0 {
			break
		}
		if len(columns) > s.MaxColumns() {
			return fmt.Errorf("pass %d has %d columns, MaxColumns says %d", r.pass, len(columns), s.MaxColumns())
		}
		before := -1
		var test *Column
		for i, c := range columns {
			if at := g.Position(c.Feed); at <= before {
				return fmt.Errorf("pass %d: positions do not ascend: %v", r.pass, columns)
			} else {
				before = at
			}
			if c.Role == Test {
				test = &columns[i]
			}
			if err := r.check(c, w, test); err != nil {
				return fmt.Errorf("pass %d: %+v: %w", r.pass, c, err)
			}
		}
		yes := test != nil && accept()
		if test != nil {
			trials++
		}
		for _, c := range columns {
			r.apply(c, test, yes)
		}
		if yes {
			accepted++
		}
		s.Done(yes)
	}
	if len(r.decoded) != g.Tokens() || len(r.onTrial) != 0 {
		return fmt.Errorf("decoded %d of %d tokens, %d are on trial", len(r.decoded), g.Tokens(), len(r.onTrial))
	}
	ends := 0
	for at := range r.fed {
		if at.Col >= g.Cols {
			ends++
		}
	}
	if len(r.fed)-ends != g.Tokens()-1 || ends != (g.Rows-1)*g.RowEnd {
		return fmt.Errorf("fed %d of %d tokens and %d row ends", len(r.fed)-ends, g.Tokens(), ends)
	}
	if _, ok := r.fed[Slot{g.Rows - 1, g.Cols - 1}]; ok {
		return fmt.Errorf("the last token was fed")
	}
	passes := r.pass - 1
	if least, most := g.Cols+(g.Rows-1)*w, g.Tokens(); passes < least || passes > most ||
		(accepted == trials && passes != least) || (accepted == 0 && adaptive && passes != most) {
		return fmt.Errorf("%d passes with %d of %d trials accepted: want %d to %d", passes, accepted, trials, least, most)
	}
	return nil
}

// check looks at one column before its pass.
func (r *replayed) check(c Column, w int, test *Column) error {
	g := r.g
	trialSource := c.Role == Trial && c.Source == c.Feed
	if _, ok := r.onTrial[c.Source]; c.Source.Col < g.Cols && !r.known(c.Source) && !(trialSource && ok) {
		return fmt.Errorf("feeds a token that is not known")
	}
	switch {
	case c.Proxy():
		if g.RowEnd > 0 || c.Feed.Col != g.Cols-1 || c.Next.Col != 0 || r.known(c.Feed) {
			return fmt.Errorf("a proxy where none is wanted")
		}
		// The token decoded last in the row above the missing one.
		row := max(c.Feed.Row-1, 0)
		if c.Source.Row != row || r.known(Slot{row, c.Source.Col + 1}) {
			return fmt.Errorf("another proxy is nearer")
		}
	case c.Role == Trial:
		if test == nil || test.Next != c.Feed {
			return fmt.Errorf("a trial without its test")
		}
	case c.Feed.Col < g.Cols:
		if p, ok := r.fed[c.Feed]; ok {
			return fmt.Errorf("fed in pass %d already", p)
		}
		if r.decoded[c.Feed] != r.pass-1 {
			return fmt.Errorf("decoded in pass %d", r.decoded[c.Feed])
		}
	}
	if !c.Decodes {
		return nil
	}
	n := c.Next
	if want := (Slot{c.Feed.Row, c.Feed.Col + 1}); c.Feed.Col < g.Cols-1 && n != want {
		return fmt.Errorf("decodes another slot than %v", want)
	} else if want := (Slot{c.Feed.Row + 1, 0}); c.Feed.Col >= g.Cols-1 && (n != want || c.Feed.Col != g.Cols+g.RowEnd-1) {
		return fmt.Errorf("decodes another slot than %v", want)
	}
	if p, ok := r.decoded[n]; ok {
		return fmt.Errorf("decoded in pass %d already", p)
	}
	if n.Col > 0 && !r.known(Slot{n.Row, n.Col - 1}) && c.Role != Trial {
		return fmt.Errorf("before its predecessor")
	}
	// A proposal may build on the trial of the same pass, no other column.
	nested := c.Role == Propose && test != nil
	for col := n.Col; n.Row > 0 && col < min(n.Col+w, g.Cols); col++ {
		up := Slot{n.Row - 1, col}
		if !r.known(up) && !(nested && up == test.Next) {
			return fmt.Errorf("before %v", up)
		}
	}
	// A test knows more of the row above than the proposal did.
	if c.Role == Test {
		p, ok := r.onTrial[n]
		if !ok || p >= r.pass {
			return fmt.Errorf("nothing was proposed")
		}
	}
	return nil
}

// apply notes what a column's pass has done.
func (r *replayed) apply(c Column, test *Column, accepted bool) {
	fresh := func() { r.decoded[c.Next] = r.pass }
	switch c.Role {
	case Extend:
		fresh()
	case Propose:
		if test == nil || accepted {
			r.onTrial[c.Next] = r.pass
		}
	case Test:
		complete := r.known(Slot{c.Next.Row - 1, r.g.Cols - 1})
		if accepted || complete {
			delete(r.onTrial, c.Next)
			fresh()
		} else {
			r.onTrial[c.Next] = r.pass
		}
	case Trial:
		if accepted {
			r.fed[c.Feed] = r.pass
			fresh()
		}
		return
	}
	if !c.Proxy() {
		r.fed[c.Feed] = r.pass
	}
}

func TestParseGeometry(t *testing.T) {
	for in, want := range map[string]Geometry{
		"16x16": {Rows: 16, Cols: 16}, "1x1": {Rows: 1, Cols: 1}, "48x49": {Rows: 48, Cols: 49}, "1x1048576": {Rows: 1, Cols: 1 << 20},
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
	g := Geometry{Rows: 4, Cols: 6}
	for n, want := range map[int]int{-3: 6, 0: 6, 1: 1, 5: 5, 6: 6, 7: 6, 1 << 40: 6} {
		if got := g.Window(n); got != want {
			t.Errorf("window %d means %d, want %d", n, got, want)
		}
	}
}

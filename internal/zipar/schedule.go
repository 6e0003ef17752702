package zipar

import "fmt"

// A Column is one column of a forward pass: a token that is fed, and the slot
// that its logits decode.
type Column struct {
	// Feed is the slot at whose position the token is fed.
	Feed Slot
	// Source is the slot whose decoded token is fed. It is Feed, except for
	// a proxy: then the token at Feed is not known yet.
	Source Slot
	// Decodes says whether the logits are needed; they decode Next, the slot
	// after Feed in raster order.
	Decodes bool
	Next    Slot
}

// Proxy says whether the column feeds a stand-in for a token that is not
// known yet.
func (c Column) Proxy() bool { return c.Source != c.Feed }

// A Schedule says which columns each forward pass has. It is a pure function
// of the grid and the window: it sees neither tokens nor logits.
//
// Token (i, j) is decoded as soon as (i, j-1) is, and (i-1, 0) up to
// (i-1, min(j+window, columns)-1) are. To decode it, its predecessor is fed
// at the predecessor's position. Where that one is not known yet, which
// happens at the start of a row, a proxy is fed in its place: the token
// decoded last in the row above the predecessor's (paper, section 3.3), or in
// the predecessor's own row when that is the first. The real token replaces
// it once it is known. So every token is fed once, in the pass after it was
// decoded, and the grid's last token never.
//
// The first pass, the prefill, feeds no image token and decodes slot (0, 0).
// A whole grid takes columns + (rows-1)·window passes.
type Schedule struct {
	grid    Geometry
	window  int
	decoded []int  // decoded[i]: tokens of row i that are decoded
	closed  []bool // closed[i]: row i's last token has been fed
}

// NewSchedule returns the schedule of a grid after its prefill. window must
// be between 1 and the number of columns; see Geometry.Window.
func NewSchedule(g Geometry, window int) *Schedule {
	if g.Check() != nil || window < 1 || window > g.Cols {
		panic(fmt.Sprintf("zipar: window %d on a grid of %s", window, g))
	}
	s := &Schedule{grid: g, window: window, decoded: make([]int, g.Rows), closed: make([]bool, g.Rows)}
	s.decoded[0] = 1
	return s
}

// MaxColumns is the largest number of columns that a pass can have.
func (s *Schedule) MaxColumns() int {
	// Rows in flight are a window apart; each may be joined by the feed of a
	// finished row's last token.
	return min(2*s.grid.Rows, 2*((s.grid.Cols+s.window-1)/s.window)+2)
}

// Decoded is the number of tokens decoded so far.
func (s *Schedule) Decoded() int {
	n := 0
	for _, d := range s.decoded {
		n += d
	}
	return n
}

// Row returns how many tokens of a row are decoded.
func (s *Schedule) Row(i int) int { return s.decoded[i] }

// Next appends the columns of the next pass to dst, by ascending position,
// and takes them as decoded: their tokens must be known before Next is called
// again. It appends nothing when the grid is complete.
func (s *Schedule) Next(dst []Column) []Column {
	first := len(dst)
	last := s.grid.Cols - 1
	for i := range s.grid.Rows {
		switch j := s.decoded[i]; {
		case j == 0:
			// Rows start one after the other: nothing below has started.
			if s.decoded[i-1] >= s.needs(0) && s.decoded[i-1] <= last {
				dst = append(dst, Column{Feed: Slot{i - 1, last}, Source: s.proxy(i), Decodes: true, Next: Slot{i, 0}})
			}
			return s.advance(dst, first)
		case j <= last:
			if i == 0 || s.decoded[i-1] >= s.needs(j) {
				feed := Slot{i, j - 1}
				dst = append(dst, Column{Feed: feed, Source: feed, Decodes: true, Next: Slot{i, j}})
			}
		case !s.closed[i] && i < s.grid.Rows-1:
			feed := Slot{i, last}
			dst = append(dst, Column{Feed: feed, Source: feed, Decodes: s.decoded[i+1] == 0, Next: Slot{i + 1, 0}})
		}
	}
	return s.advance(dst, first)
}

// needs is how many tokens of the row above must be decoded before column j.
func (s *Schedule) needs(j int) int { return min(j+s.window, s.grid.Cols) }

// proxy is the slot whose token stands in when row i starts.
func (s *Schedule) proxy(i int) Slot {
	donor := max(i-2, 0)
	return Slot{donor, s.decoded[donor] - 1}
}

// advance takes the columns from first on as decoded.
func (s *Schedule) advance(dst []Column, first int) []Column {
	for _, c := range dst[first:] {
		if c.Decodes {
			s.decoded[c.Next.Row]++
		}
		if c.Feed.Col == s.grid.Cols-1 && !c.Proxy() {
			s.closed[c.Feed.Row] = true
		}
	}
	return dst
}

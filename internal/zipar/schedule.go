package zipar

import "fmt"

// A Role says what a column of a pass is for.
type Role uint8

const (
	// Extend decodes the slot after the one that is fed.
	Extend Role = iota
	// Settle only feeds: a token whose successor is known or comes from
	// another column.
	Settle
	// Propose decodes the first token of a row, on probation.
	Propose
	// Test decodes it again, knowing one more token of the row above.
	Test
	// Trial feeds the proposed token in the pass that tests it, and decodes
	// the second token of the row in case it is accepted.
	Trial
)

// A Column is one column of a forward pass: a token that is fed, and the slot
// that its logits decode.
type Column struct {
	Role Role
	// Feed is the slot at whose position the token is fed.
	Feed Slot
	// Source is the slot whose decoded token is fed. It is Feed, except for
	// a proxy: then the token at Feed is not known yet.
	Source Slot
	// Decodes says whether the logits are needed; they decode Next, the image
	// token's slot after Feed in raster order.
	Decodes bool
	Next    Slot
}

// Proxy says whether the column feeds a stand-in for a token that is not
// known yet.
func (c Column) Proxy() bool { return c.Source != c.Feed }

// A Schedule says which columns each forward pass has. It is a pure function
// of the grid, the window and which trials were accepted: it sees neither
// tokens nor logits.
//
// Token (i, j) is decoded as soon as (i, j-1) is, and (i-1, 0) up to
// (i-1, min(j+window, columns)-1) are. To decode it, its predecessor is fed
// at the predecessor's position. At the start of a row the predecessor is
// either the last of the constant tokens that end the row above, or it is not
// known yet. Then a proxy is fed in its place: the token decoded last in the
// row above the predecessor's (paper, section 3.3), or in the predecessor's
// own row when that is the first. The real token replaces it once it is known.
// So every token is fed once, in the pass after it was decoded, and the
// grid's last token never.
//
// The first pass, the prefill, feeds no image token and decodes slot (0, 0).
// A whole grid takes columns + (rows-1)·window passes.
//
// With adaptive windows the given one is the minimum. A row's first token is
// proposed when the row above has so many tokens, and tested in the next pass,
// which knows one more. If it is accepted, no pass was lost, as its successor
// is decoded in the same pass. Otherwise it is drawn again and tested in the
// pass after that, with a window one larger, until it is accepted or the row
// above is complete.
type Schedule struct {
	grid     Geometry
	window   int
	adaptive bool

	decoded []int  // decoded[i]: tokens of row i that are decoded
	closed  []bool // closed[i]: row i's last token has been fed
	windows []int  // windows[i]: window with which row i started, 0 before

	trial  int      // the row whose first token is on probation, or -1
	grown  int      // the window of that row so far
	issued []Column // the columns of the pass that is under way
}

// NewSchedule returns the schedule of a grid after its prefill. window must
// be between 1 and the number of columns; see Geometry.Window. The rows before
// keep are decoded and fed already.
func NewSchedule(g Geometry, window int, adaptive bool, keep int) *Schedule {
	if g.Check() != nil || window < 1 || window > g.Cols || keep < 0 || keep >= g.Rows {
		panic(fmt.Sprintf("zipar: window %d on a grid of %s, %d rows kept", window, g, keep))
	}
	s := &Schedule{
		grid: g, window: window, adaptive: adaptive && window < g.Cols,
		decoded: make([]int, g.Rows), closed: make([]bool, g.Rows), windows: make([]int, g.Rows),
		trial: -1,
	}
	for i := range keep {
		s.decoded[i], s.closed[i] = g.Cols, true
	}
	s.decoded[keep] = 1
	s.issued = make([]Column, 0, s.MaxColumns())
	return s
}

// MaxColumns is the largest number of columns that a pass can have.
func (s *Schedule) MaxColumns() int {
	// Rows in flight are a window apart; each may be joined by the feed of a
	// finished row's last token. One row starts, two in the nested case.
	flight := min(s.grid.Rows, (s.grid.Cols+s.window-1)/s.window+1)
	return 2*flight + 2*(2+s.grid.RowEnd)
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

// Windows returns the window with which each row started; it is 0 for the
// first row and for rows that were kept.
func (s *Schedule) Windows() []int { return s.windows }

// Next returns the columns of the next pass by ascending position, none when
// the grid is complete. They are valid until the next call. Done has to be
// called in between.
func (s *Schedule) Next() []Column {
	s.issued = s.issued[:0]
	last := s.grid.Cols - 1
	for i := range s.grid.Rows {
		switch j := s.decoded[i]; {
		case j == 0:
			// Rows start one after the other: nothing below has started.
			s.open(i)
			return s.issued
		case j <= last:
			if i == 0 || s.windows[i] == 0 || s.decoded[i-1] >= s.needs(i, j) {
				s.issue(Extend, Slot{i, j - 1}, Slot{i, j - 1}, Slot{i, j})
			}
		case !s.closed[i] && i < s.grid.Rows-1 && (s.decoded[i+1] > 0 || s.grid.RowEnd > 0):
			s.issue(Settle, Slot{i, last}, Slot{i, last}, Slot{})
		}
	}
	return s.issued
}

// needs is how many tokens of the row above must be decoded before (i, j).
func (s *Schedule) needs(i, j int) int { return min(j+s.windows[i], s.grid.Cols) }

// open issues the columns that start row i, if it may start.
func (s *Schedule) open(i int) {
	if s.decoded[i-1] < s.window {
		return
	}
	if i != s.trial {
		role := Extend
		if s.adaptive {
			role = Propose
		}
		s.start(i, role)
		return
	}
	s.start(i, Test)
	s.issue(Trial, Slot{i, 0}, Slot{i, 0}, Slot{i, 1})
	if s.window == 1 && i+1 < s.grid.Rows {
		// The trial is the one token that the next row waits for. Its
		// proposal falls with the trial.
		s.start(i+1, Propose)
	}
}

// start issues the column, or columns, that decode (i, 0).
func (s *Schedule) start(i int, role Role) {
	next := Slot{i, 0}
	for e := range s.grid.RowEnd {
		end := Slot{i - 1, s.grid.Cols + e}
		if e < s.grid.RowEnd-1 {
			s.issue(Settle, end, end, Slot{})
		} else {
			s.issue(role, end, end, next)
		}
	}
	if s.grid.RowEnd > 0 {
		return
	}
	before := Slot{i - 1, s.grid.Cols - 1}
	source := before
	if s.decoded[i-1] < s.grid.Cols {
		donor := max(i-2, 0)
		source = Slot{donor, s.decoded[donor] - 1}
	}
	s.issue(role, before, source, next)
}

func (s *Schedule) issue(role Role, feed, source, next Slot) {
	s.issued = append(s.issued, Column{Role: role, Feed: feed, Source: source, Decodes: role != Settle, Next: next})
}

// Done ends the pass that Next began: its tokens are known now. accepted says
// whether the trial that it had, if any, was.
func (s *Schedule) Done(accepted bool) {
	above := 0 // tokens in the row above the trial's, before this pass
	if s.trial > 0 {
		above = s.decoded[s.trial-1]
	}
	tested, proposed := -1, -1
	for _, c := range s.issued {
		switch c.Role {
		case Extend:
			if c.Next.Col == 0 {
				s.windows[c.Next.Row] = s.window
			}
			s.decoded[c.Next.Row]++
		case Test:
			tested = c.Next.Row
		case Propose:
			proposed = c.Next.Row
		}
		if c.Feed.Col == s.grid.Cols-1 && !c.Proxy() {
			s.closed[c.Feed.Row] = true
		}
	}
	switch {
	case tested < 0:
		if proposed >= 0 {
			s.trial, s.grown = proposed, s.window
		}
	case accepted:
		s.settle(tested, 2)
		if proposed >= 0 {
			s.trial, s.grown = proposed, s.window
		}
	default:
		s.grown++
		if above == s.grid.Cols {
			// Nothing more will be known of the row above: the token that
			// was drawn in place of the rejected one stays.
			s.settle(tested, 1)
		}
	}
}

// settle ends a trial with n tokens of its row decoded.
func (s *Schedule) settle(row, n int) {
	s.decoded[row], s.windows[row], s.trial = n, s.grown, -1
}

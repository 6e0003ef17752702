package terminal

import "math"

// Size is a terminal's size in cells, and a cell's in pixels.
type Size struct {
	Cols, Rows            int
	CellWidth, CellHeight float64
}

// normal fills in what a terminal does not tell.
func (s Size) normal() Size {
	if s.Cols < 1 || s.Rows < 1 {
		s.Cols, s.Rows = 80, 24
	}
	if !(s.CellWidth > 0 && s.CellHeight > 0) {
		s.CellWidth, s.CellHeight = 10, 20
	}
	return s
}

// fit returns the cells that a picture of w x h pixels takes: as many as there
// are, less a column, as writing to the last one makes some terminals begin a
// line, and a few rows for what stands below. Its shape stays, and it is not
// enlarged: a cell is at least one pixel wide, a picture in pixels at most its size.
func (s Size) fit(k Kind, w, h int) (cols, rows int) {
	s = s.normal()
	maxCols, maxRows := max(1, s.Cols-1), max(1, s.Rows-min(6, max(2, s.Rows/4)))
	largest := s.CellWidth // pixels of the terminal for a pixel of the picture
	if k == Kitty || k == ITerm2 {
		largest = 1
	}
	scale := min(float64(maxCols)*s.CellWidth/float64(w), float64(maxRows)*s.CellHeight/float64(h), largest)
	cells := func(pixels int, cell float64, limit int) int {
		return min(max(1, int(math.Round(float64(pixels)*scale/cell))), limit)
	}
	return cells(w, s.CellWidth, maxCols), cells(h, s.CellHeight, maxRows)
}

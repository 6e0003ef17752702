package figure

import (
	"image"
	"image/color"
	"math"
	"strings"
	"testing"
)

// rising is a map whose cell i has the number i.
func rising(rows, cols int) *HeatMap {
	h := &HeatMap{Title: "Title", Subtitle: "and more", Rows: rows, Cols: cols, Whole: true, RowName: "row", ColName: "column", Bar: "number", Blank: "none"}
	for i := range rows * cols {
		h.Values = append(h.Values, float64(i))
	}
	return h
}

// corner is the colour of a cell near its lower left corner, where no number
// and no line is.
func corner(im *image.NRGBA, l *layout, row, col int) color.NRGBA {
	return im.NRGBAAt(l.grid.Min.X+col*l.cell+2, l.grid.Min.Y+(row+1)*l.cell-2)
}

// Every cell of grids of all shapes has the colour of its number, and nothing
// reaches over the picture's edge.
func TestCellsHaveTheirColours(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {1, 20}, {40, 1}, {6, 8}, {16, 16}, {24, 24}, {48, 48}, {90, 91}, {200, 10}} {
		h := rising(size[0], size[1])
		im, l := h.Draw(), h.layout()
		for i, v := range h.Values {
			want := Viridis(v / math.Max(1, float64(len(h.Values)-1)))
			if got := corner(im, l, i/h.Cols, i%h.Cols); got != want {
				t.Fatalf("%d x %d: cell %d has %v, want %v", h.Rows, h.Cols, i, got, want)
			}
		}
		edge(t, im)
		if l.cell < cellMin || l.cell > cellMax || im.Rect.Dx() > 1000 || im.Rect.Dy() > 1000 {
			t.Errorf("%d x %d: cells of %d in %v", h.Rows, h.Cols, l.cell, im.Rect)
		}
		// The bar runs from the first colour to the last.
		if top, bottom := im.NRGBAAt(l.bar.Min.X, l.bar.Min.Y), im.NRGBAAt(l.bar.Min.X, l.bar.Max.Y-1); len(h.Values) > 1 && (top != Viridis(0) || bottom != Viridis(1)) {
			t.Errorf("%d x %d: the bar runs from %v to %v", h.Rows, h.Cols, top, bottom)
		}
	}
}

// edge wants white pixels around a picture.
func edge(t *testing.T, im *image.NRGBA) {
	t.Helper()
	w, h := im.Rect.Dx(), im.Rect.Dy()
	for x := range w {
		if im.NRGBAAt(x, 0) != paper || im.NRGBAAt(x, h-1) != paper {
			t.Fatalf("something at the edge, x = %d of %d", x, w)
		}
	}
	for y := range h {
		if im.NRGBAAt(0, y) != paper || im.NRGBAAt(w-1, y) != paper {
			t.Fatalf("something at the edge, y = %d of %d", y, h)
		}
	}
}

func TestCellsWithoutANumber(t *testing.T) {
	h := rising(6, 8)
	for i := range 16 {
		h.Values[i] = math.NaN()
	}
	im, l := h.Draw(), h.layout()
	if l.lo != 16 || l.hi != 47 || !l.blank {
		t.Errorf("numbers %v to %v, blank %v", l.lo, l.hi, l.blank)
	}
	hatched := func(r image.Rectangle) bool {
		seen := map[color.NRGBA]int{}
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				seen[im.NRGBAAt(x, y)]++
			}
		}
		return len(seen) == 2 && seen[blank[0]] > 0 && seen[blank[1]] > 0
	}
	inner := func(row, col int) image.Rectangle {
		at := l.grid.Min.Add(image.Pt(col*l.cell, row*l.cell))
		return image.Rectangle{at, at.Add(image.Pt(l.cell-1, l.cell-1))}
	}
	if !hatched(inner(0, 0)) || !hatched(inner(1, 7)) || hatched(inner(2, 0)) {
		t.Error("not the first two rows are hatched")
	}
	if !hatched(image.Rect(l.bar.Min.X, l.bar.Max.Y+space, l.bar.Max.X, l.bar.Max.Y+space+barWidth)) {
		t.Error("no legend of cells without a number")
	}
	if corner(im, l, 2, 0) != Viridis(0) || corner(im, l, 5, 7) != Viridis(1) {
		t.Error("the colours do not run from the least to the largest number")
	}
	// Nothing but cells without a number.
	for i := range h.Values {
		h.Values[i] = math.NaN()
	}
	edge(t, h.Draw())
}

// Numbers are written into cells where they fit, black or white.
func TestNumbersInCells(t *testing.T) {
	for side, want := range map[int]bool{16: true, 40: false} {
		h := rising(side, side)
		im, l := h.Draw(), h.layout()
		if (l.numbers.Face != nil) != want {
			t.Fatalf("%d cells a side: numbers %v", side, !want)
		}
		count := map[color.NRGBA]int{}
		for y := l.grid.Min.Y; y < l.grid.Min.Y+l.cell-1; y++ {
			for x := l.grid.Min.X; x < l.grid.Min.X+l.cell-1; x++ {
				count[im.NRGBAAt(x, y)]++
			}
		}
		if got := count[color.NRGBA{255, 255, 255, 255}] > 0; got != want {
			t.Errorf("%d cells a side: white in the first cell: %v", side, got)
		}
	}
	if on(Viridis(0)) != (color.NRGBA{255, 255, 255, 255}) || on(Viridis(1)) != (color.NRGBA{0, 0, 0, 255}) {
		t.Error("numbers cannot be read")
	}
}

// Lines separate cells on both sides of the legend's marks, no others.
func TestStepsFollowTheMarks(t *testing.T) {
	h := rising(40, 40)
	for i := range h.Values {
		h.Values[i] = float64(i / 40) // each row has its number
	}
	im, l := h.Draw(), h.layout()
	marks := map[float64]bool{}
	for _, v := range l.ticks[1 : len(l.ticks)-1] {
		marks[v] = true
	}
	for row := 1; row < 40; row++ {
		y := l.grid.Min.Y + row*l.cell
		lined := im.NRGBAAt(l.grid.Min.X+5, y) != im.NRGBAAt(l.grid.Min.X+5, y+2)
		if lined != marks[float64(row)] {
			t.Errorf("line above row %d: %v; marks %v", row, lined, l.ticks)
		}
	}
}

// Long words make the picture wider; they are not cut off.
func TestLongTitles(t *testing.T) {
	h := rising(2, 2)
	narrow := h.Draw().Rect.Dx()
	h.Title = strings.Repeat("long ", 40)
	im := h.Draw()
	edge(t, im)
	if im.Rect.Dx() < narrow+500 {
		t.Errorf("%d pixels wide, %d with a short title", im.Rect.Dx(), narrow)
	}
}

func TestWrongNumberOfValuesPanics(t *testing.T) {
	defer func() {
		if r := recover(); r == nil || !strings.Contains(r.(string), "3 values for 2 rows and 2 columns") {
			t.Errorf("recovered %v", r)
		}
	}()
	(&HeatMap{Rows: 2, Cols: 2, Values: make([]float64, 3)}).Draw()
}

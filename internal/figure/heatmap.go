package figure

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"strconv"
)

// A HeatMap is a picture of a grid of numbers.
type HeatMap struct {
	// Title and Subtitle stand above the grid; long ones make the picture
	// wider.
	Title, Subtitle string
	// Values is [Rows, Cols], row-major. NaN is a cell without a number.
	Rows, Cols int
	Values     []float64
	// Whole says that the numbers are whole ones. They are written into their
	// cells where there is room.
	Whole bool
	// RowName and ColName stand at the axes, which count from 0. Bar stands
	// above the colours' legend, Blank at that of cells without a number.
	RowName, ColName, Bar, Blank string
}

// Sizes in pixels and the colours of everything but the numbers.
const (
	gridTarget = 640 // of the grid's longer side
	cellMin    = 4
	cellMax    = 48
	border     = 24
	space      = 12
	barWidth   = 22
	tickLength = 5
)

var (
	paper = color.NRGBA{255, 255, 255, 255}
	ink   = color.NRGBA{33, 37, 41, 255}
	pale  = color.NRGBA{108, 117, 125, 255}
	blank = [2]color.NRGBA{{233, 236, 239, 255}, {190, 197, 204, 255}}
)

// Draw draws the map. Cells are at least 4 pixels wide, so that the picture
// of a large grid is large. It panics unless there is a value for each cell.
func (h *HeatMap) Draw() *image.NRGBA {
	if h.Rows < 1 || h.Cols < 1 || len(h.Values) != h.Rows*h.Cols {
		panic(fmt.Sprintf("figure: %d values for %d rows and %d columns", len(h.Values), h.Rows, h.Cols))
	}
	l := h.layout()
	l.im = image.NewNRGBA(image.Rectangle{Max: l.size})
	draw.Draw(l.im, l.im.Rect, image.NewUniform(paper), image.Point{}, draw.Src)
	l.title.draw(l.im, h.Title, image.Pt(border, border+l.title.digits()/2), left, ink)
	l.text.draw(l.im, h.Subtitle, image.Pt(border, border+l.title.digits()+space+l.text.digits()/2+2), left, pale)
	h.cells(l)
	h.steps(l)
	h.axes(l)
	h.bar(l)
	return l.im
}

// layout says where everything is.
type layout struct {
	im          *image.NRGBA
	size        image.Point
	title, text face
	cell        int
	numbers     face // of the cells' numbers; none where they do not fit
	grid, bar   image.Rectangle
	lo, hi      float64
	ticks       []float64
	blank       bool // there are cells without a number
}

func (h *HeatMap) layout() *layout {
	l := &layout{title: newFace(medium(), 20), text: newFace(regular(), 14), lo: math.Inf(1), hi: math.Inf(-1)}
	for _, v := range h.Values {
		if math.IsNaN(v) {
			l.blank = true
			continue
		}
		l.lo, l.hi = min(l.lo, v), max(l.hi, v)
	}
	if l.lo > l.hi {
		l.lo, l.hi = 0, 0
	}
	l.cell = min(max(gridTarget/max(h.Rows, h.Cols), cellMin), cellMax)
	line := l.text.digits() + space // of the subtitle, the columns' name and their numbers
	top := border + l.title.digits() + space + line + space + line + line
	side := border + l.text.digits() + space + l.text.width(strconv.Itoa(h.Rows-1)) + tickLength + 3
	for _, size := range []float64{14, 12} {
		f := newFace(regular(), size)
		if h.Whole && l.numbers.Face == nil && f.width(number(l.hi))+6 <= l.cell {
			l.numbers = f
		}
	}
	l.grid = image.Rect(side, top, side+h.Cols*l.cell, top+h.Rows*l.cell)
	// A bar beside a grid of few rows is higher than the grid.
	const barMin = 160
	barTop := l.grid.Min.Y
	if h.Bar != "" {
		barTop += l.text.digits() + space
	}
	l.bar = image.Rect(l.grid.Max.X+2*space, barTop, l.grid.Max.X+2*space+barWidth, max(l.grid.Max.Y, barTop+barMin))
	if l.blank {
		l.bar.Max.Y = max(l.bar.Max.Y-barWidth-space, barTop+barMin)
	}
	l.ticks = ticks(l.lo, l.hi, max(2, l.bar.Dy()/45), h.Whole)
	labels := l.text.width(h.Blank)
	for _, v := range l.ticks {
		labels = max(labels, l.text.width(number(v)))
	}
	l.size.X = max(l.bar.Max.X+tickLength+4+labels, l.bar.Min.X+l.text.width(h.Bar),
		border+l.title.width(h.Title), border+l.text.width(h.Subtitle)) + border
	l.size.Y = max(l.grid.Max.Y, l.bar.Max.Y+l.blankHeight()) + border
	return l
}

// blankHeight is the room that the legend of empty cells takes.
func (l *layout) blankHeight() int {
	if !l.blank {
		return 0
	}
	return space + barWidth
}

// colour is that of a number.
func (l *layout) colour(v float64) color.NRGBA {
	if l.hi == l.lo {
		return Viridis(0)
	}
	return Viridis((v - l.lo) / (l.hi - l.lo))
}

// cells draws the grid. Cells with a number in them have a gap between them.
func (h *HeatMap) cells(l *layout) {
	gap := 0
	if l.numbers.Face != nil {
		gap = 1
	}
	for i, v := range h.Values {
		at := l.grid.Min.Add(image.Pt(i%h.Cols*l.cell, i/h.Cols*l.cell))
		cell := image.Rectangle{at, at.Add(image.Pt(l.cell-gap, l.cell-gap))}
		if math.IsNaN(v) {
			l.hatch(cell)
			continue
		}
		c := l.colour(v)
		draw.Draw(l.im, cell, image.NewUniform(c), image.Point{}, draw.Src)
		if l.numbers.Face != nil {
			l.numbers.draw(l.im, number(v), middle(cell), centre, on(c))
		}
	}
}

// steps draws a line between neighbours where the numbers pass a mark of the
// legend, so that the shape of a slow rise can be seen. Numbers in the cells
// do better.
func (h *HeatMap) steps(l *layout) {
	if l.numbers.Face != nil {
		return
	}
	step := func(i int) int {
		n := 0
		for _, t := range l.ticks[1:] {
			if h.Values[i] >= t && t < l.hi {
				n++
			}
		}
		return n
	}
	differ := func(i, j int) bool {
		return !math.IsNaN(h.Values[i]) && !math.IsNaN(h.Values[j]) && step(i) != step(j)
	}
	for i := range h.Values {
		at := l.grid.Min.Add(image.Pt(i%h.Cols*l.cell, i/h.Cols*l.cell))
		if i%h.Cols > 0 && differ(i-1, i) {
			l.line(image.Rect(at.X, at.Y, at.X+1, at.Y+l.cell))
		}
		if i >= h.Cols && differ(i-h.Cols, i) {
			l.line(image.Rect(at.X, at.Y, at.X+l.cell, at.Y+1))
		}
	}
}

// line draws a light line over what is there.
func (l *layout) line(r image.Rectangle) {
	draw.Draw(l.im, r, image.NewUniform(color.NRGBA{255, 255, 255, 150}), image.Point{}, draw.Over)
}

func middle(r image.Rectangle) image.Point { return r.Min.Add(r.Max).Div(2) }

// hatch marks a cell without a number. The lines run on from cell to cell.
func (l *layout) hatch(cell image.Rectangle) {
	for y := cell.Min.Y; y < cell.Max.Y; y++ {
		for x := cell.Min.X; x < cell.Max.X; x++ {
			c := blank[0]
			if (x+y)%6 < 2 {
				c = blank[1]
			}
			l.im.SetNRGBA(x, y, c)
		}
	}
}

// axes draws the numbers of rows and columns.
func (h *HeatMap) axes(l *layout) {
	line := image.NewUniform(pale)
	for _, v := range ticks(0, float64(h.Cols-1), max(1, l.grid.Dx()/64), true) {
		x := l.grid.Min.X + int(v)*l.cell + (l.cell-1)/2
		draw.Draw(l.im, image.Rect(x, l.grid.Min.Y-tickLength-1, x+1, l.grid.Min.Y-1), line, image.Point{}, draw.Src)
		l.text.draw(l.im, number(v), image.Pt(x+1, l.grid.Min.Y-tickLength-4-l.text.digits()/2), centre, pale)
	}
	for _, v := range ticks(0, float64(h.Rows-1), max(1, l.grid.Dy()/48), true) {
		y := l.grid.Min.Y + int(v)*l.cell + (l.cell-1)/2
		draw.Draw(l.im, image.Rect(l.grid.Min.X-tickLength-1, y, l.grid.Min.X-1, y+1), line, image.Point{}, draw.Src)
		l.text.draw(l.im, number(v), image.Pt(l.grid.Min.X-tickLength-4, y), right, pale)
	}
	l.text.draw(l.im, h.ColName, image.Pt(l.grid.Min.X, l.grid.Min.Y-tickLength-4-l.text.digits()-space-l.text.digits()/2+2), left, ink)
	l.upward(h.RowName, image.Pt(border, l.grid.Max.Y))
}

// upward writes a text that runs from p upwards.
func (l *layout) upward(text string, p image.Point) {
	w, height := l.text.width(text), l.text.digits()*2
	flat := image.NewNRGBA(image.Rect(0, 0, w, height))
	draw.Draw(flat, flat.Rect, image.NewUniform(paper), image.Point{}, draw.Src)
	l.text.draw(flat, text, image.Pt(0, height/2), left, ink)
	for y := range height {
		for x := range w {
			if at := image.Pt(p.X-l.text.digits()/2+y, p.Y-x); at.In(l.im.Rect) {
				l.im.SetNRGBA(at.X, at.Y, flat.NRGBAAt(x, y))
			}
		}
	}
}

// bar draws the legend, the smallest number at the top.
func (h *HeatMap) bar(l *layout) {
	l.text.draw(l.im, h.Bar, image.Pt(l.bar.Min.X, l.grid.Min.Y+l.text.digits()/2), left, ink)
	last := float64(l.bar.Dy() - 1)
	for y := l.bar.Min.Y; y < l.bar.Max.Y; y++ {
		v := l.lo + (l.hi-l.lo)*float64(y-l.bar.Min.Y)/last
		draw.Draw(l.im, image.Rect(l.bar.Min.X, y, l.bar.Max.X, y+1), image.NewUniform(l.colour(v)), image.Point{}, draw.Src)
	}
	for _, v := range l.ticks {
		y := l.bar.Min.Y
		if l.hi > l.lo {
			y += int((v-l.lo)/(l.hi-l.lo)*last + 0.5)
		}
		draw.Draw(l.im, image.Rect(l.bar.Max.X, y, l.bar.Max.X+tickLength, y+1), image.NewUniform(pale), image.Point{}, draw.Src)
		if l.lo < v && v < l.hi {
			l.line(image.Rect(l.bar.Min.X, y, l.bar.Max.X, y+1))
		}
		l.text.draw(l.im, number(v), image.Pt(l.bar.Max.X+tickLength+4, y), left, ink)
	}
	if l.blank {
		swatch := image.Rect(l.bar.Min.X, l.bar.Max.Y+space, l.bar.Max.X, l.bar.Max.Y+space+barWidth)
		l.hatch(swatch)
		l.text.draw(l.im, h.Blank, image.Pt(swatch.Max.X+tickLength+4, middle(swatch).Y), left, ink)
	}
}

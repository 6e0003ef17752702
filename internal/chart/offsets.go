package chart

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strconv"

	"github.com/zipar/zipar/internal/figure"
)

// Offsets is a map of values by their place relative to something: rows up,
// columns left and right.
type Offsets struct {
	Title, XLabel, YLabel, ScaleLabel string
	// Origin and Border say what the cell at 0, 0 and the borders are.
	Origin, Border string
	// Rows is the number of rows up, 0..Rows-1, Reach the largest offset to
	// either side.
	Rows, Reach int
	// At returns a value, or ok = false where there is none. Values up to 0
	// get the darkest colour.
	At func(up, right int) (v float64, ok bool)
	// Windows are drawn as borders: a window w ends, k rows up, after the
	// column k·w-1 to the right.
	Windows []int
}

// DrawOffsets draws a map on a logarithmic scale of colours, and a panel of
// curves beside it.
func DrawOffsets(title string, o Offsets, beside Panel) image.Image {
	const mapWidth, scaleWidth = 520.0, 76.0
	c := newCanvas(mapWidth+scaleWidth+panelWidth+8, headHeight+panelHeight+6)
	c.text(ink, titleSize, point{20, 20}, rightOf, title)
	a := area{marginLeft, headHeight + marginTop, mapWidth, headHeight + panelHeight - marginBottom}
	c.offsets(o, a)
	c.offsetsLegend(o, point{22, 45})
	left := mapWidth + scaleWidth
	names := legend([]Panel{beside})
	c.legend(point{left + marginLeft, 45}, names, []Panel{beside})
	c.panel(beside, names, area{left + marginLeft, a.top, left + panelWidth - marginRight, a.bottom})
	return c.im
}

func (c *canvas) offsets(o Offsets, a area) {
	values := o.colours()
	cols := float64(2*o.Reach + 1)
	x := func(right float64) float64 { return a.left + (right+float64(o.Reach)+0.5)/cols*(a.right-a.left) }
	y := func(up float64) float64 { return a.bottom - (up+0.5)/float64(o.Rows)*(a.bottom-a.top) }
	c.text(ink, labelSize+1, point{a.left, a.top - 15}, rightOf, o.Title)
	for up := range o.Rows {
		for right := -o.Reach; right <= o.Reach; right++ {
			col := color.Color(absent)
			if v, ok := o.At(up, right); ok {
				col = figure.Viridis(values.at(max(v, values.lo)))
			}
			u, r := float64(up), float64(right)
			c.rect(col, area{x(r - 0.5), y(u + 0.5), x(r + 0.5), y(u - 0.5)})
		}
	}
	// The token that everything is relative to.
	box := area{x(-0.5), y(0.5), x(0.5), y(-0.5)}
	c.rect(seriesColours[1], box)
	for _, w := range o.Windows {
		c.border(o, w, x, y, a)
	}
	for up := 0; up < o.Rows; up += max(1, int(step(float64(o.Rows), 8))) {
		c.text(muted, tickSize, point{a.left - 8, y(float64(up))}, leftOf, strconv.Itoa(up))
	}
	every := max(1, int(step(cols, 9)))
	for right := -o.Reach / every * every; right <= o.Reach; right += every {
		at := x(float64(right))
		c.line(muted, 1, point{at, a.bottom}, point{at, a.bottom + 4})
		label := "0"
		if right != 0 {
			label = fmt.Sprintf("%+d", right)
		}
		c.text(muted, tickSize, point{at, a.bottom + 13}, centred, label)
	}
	c.text(ink, labelSize, point{(a.left + a.right) / 2, a.bottom + 34}, centred, o.XLabel)
	c.upright(ink, labelSize, point{a.left - 38, (a.top + a.bottom) / 2}, o.YLabel)
	c.colourBar(values, o.ScaleLabel, area{a.right + 14, a.top, a.right + 26, a.bottom})
}

func (c *canvas) offsetsLegend(o Offsets, at point) {
	c.rect(seriesColours[1], area{at.x + 5, at.y - 6, at.x + 17, at.y + 6})
	c.text(ink, labelSize, point{at.x + 25, at.y}, rightOf, o.Origin)
	at.x += 25 + c.textWidth(labelSize, o.Origin) + 22
	if len(o.Windows) > 0 {
		c.edge(point{at.x, at.y + 5}, point{at.x + 8, at.y + 5}, point{at.x + 8, at.y - 5}, point{at.x + 16, at.y - 5})
		c.text(ink, labelSize, point{at.x + 24, at.y}, rightOf, o.Border)
	}
}

// edge draws a line that is seen on every colour.
func (c *canvas) edge(path ...point) {
	c.line(ink, 2.4, path...)
	c.line(paper, 1.2, path...)
}

// border draws the edge of what a window leaves, as steps from row to row.
func (c *canvas) border(o Offsets, window int, x, y func(float64) float64, a area) {
	path := []point{{x(float64(window) - 0.5), y(0.5)}}
	for up := 1; up < o.Rows; up++ {
		right := min(x(float64(up*window)-0.5), a.right)
		path = append(path, point{right, y(float64(up) - 0.5)}, point{right, y(float64(up) + 0.5)})
		if right == a.right {
			path = path[:len(path)-1]
			break
		}
	}
	c.edge(path...)
	end := path[len(path)-1]
	label := strconv.Itoa(window)
	w := c.textWidth(tickSize, label)
	at := point{min(end.x, a.right-2) - w - 8, max(end.y, a.top+2) + 8}
	c.rect(paper, area{at.x, at.y - 6, at.x + w + 6, at.y + 6})
	c.text(ink, tickSize, point{at.x + 3, at.y}, rightOf, label)
}

func (c *canvas) colourBar(s scale, label string, a area) {
	const parts = 128
	h := (a.bottom - a.top) / parts
	for i := range parts {
		bottom := a.bottom - float64(i)*h
		c.rect(figure.Viridis((float64(i)+0.5)/parts), area{a.left, bottom - h, a.right, bottom})
	}
	for _, t := range decades(s.lo, s.hi) {
		at := a.bottom - s.at(t.value)*(a.bottom-a.top)
		c.line(muted, 1, point{a.right, at}, point{a.right + 4, at})
		c.text(muted, tickSize, point{a.right + 7, at}, rightOf, t.label)
	}
	c.text(ink, labelSize, point{a.right + 30, a.top - 15}, leftOf, label)
}

// colours is the scale of the colours: up to the largest value and at most
// four powers of ten below.
func (o Offsets) colours() scale {
	lo, hi := math.Inf(1), 0.0
	for up := range o.Rows {
		for right := -o.Reach; right <= o.Reach; right++ {
			if v, ok := o.At(up, right); ok && v > 0 {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
	}
	if hi == 0 {
		return scale{lo: 0.1, hi: 1, log: true}
	}
	// The scale ends on round numbers, so that the bar has a label at least.
	top := math.Pow(10, math.Ceil(math.Log10(hi)*2-1e-9)/2)
	lo = max(lo, top*1e-4)
	return scale{lo: min(lo, top/10), hi: top, log: true}
}

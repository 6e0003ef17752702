package chart

import (
	"image"
	"image/color"
	"math"
	"slices"
	"strconv"
)

// A Curve is a line through values, with a dot at each.
type Curve struct {
	Name string
	// X ascends and is positive; the axis is logarithmic.
	X, Y []float64
	// Deviation, where not nil, is drawn as a bar of this length above and
	// below each value.
	Deviation []float64
}

// A Panel is one pair of axes. Curves with the same name have the same colour in
// all panels.
type Panel struct {
	Title, XLabel, YLabel string
	Curves                []Curve
	// Reference, where not nil, is a dashed line.
	Reference *Reference
	// FromZero starts the y axis at 0.
	FromZero bool
}

// A Reference is a value to compare with.
type Reference struct {
	Name string
	Y    float64
}

// Sizes of text and the space around a panel's axes, in points.
const (
	titleSize, labelSize, tickSize = 14.0, 11.0, 10.0

	panelWidth, panelHeight = 410.0, 300.0
	headHeight              = 62.0
	marginLeft, marginRight = 62.0, 18.0
	marginTop, marginBottom = 30.0, 50.0
)

// Curves draws panels side by side under a title and a common legend.
func Curves(title string, panels ...Panel) image.Image {
	c := newCanvas(panelWidth*float64(len(panels))+8, headHeight+panelHeight+6)
	c.text(ink, titleSize, point{20, 20}, rightOf, title)
	names := legend(panels)
	c.legend(point{22, 45}, names, panels)
	for i, p := range panels {
		left := panelWidth * float64(i)
		c.panel(p, names, area{left + marginLeft, headHeight + marginTop, left + panelWidth - marginRight, headHeight + panelHeight - marginBottom})
	}
	return c.im
}

// legend lists the names of the curves, each once.
func legend(panels []Panel) []string {
	var names []string
	for _, p := range panels {
		for _, curve := range p.Curves {
			if !slices.Contains(names, curve.Name) {
				names = append(names, curve.Name)
			}
		}
	}
	return names
}

func (c *canvas) legend(at point, names []string, panels []Panel) {
	for i, name := range names {
		c.curve(i, []point{at, {at.x + 22, at.y}})
		c.mark(i, point{at.x + 11, at.y})
		c.text(ink, labelSize, point{at.x + 28, at.y}, rightOf, name)
		at.x += 28 + c.textWidth(labelSize, name) + 22
	}
	for _, p := range panels {
		if p.Reference != nil {
			c.dashed(muted, 1.5, at, point{at.x + 23, at.y})
			c.text(ink, labelSize, point{at.x + 28, at.y}, rightOf, p.Reference.Name)
			return
		}
	}
}

// curve draws the line of the i-th name, mark one of its values. The first
// has full dots, the others have rings: they can be told apart without colour.
func (c *canvas) curve(i int, path []point) {
	c.line(seriesColours[i%len(seriesColours)], 2, path...)
}

func (c *canvas) mark(i int, at point) {
	c.dot(seriesColours[i%len(seriesColours)], at, 4)
	if i > 0 {
		c.dot(paper, at, 2.2)
	}
}

func (c *canvas) panel(p Panel, names []string, a area) {
	x, xTicks := horizontal(p.Curves)
	y, yTicks := vertical(p)
	place := func(vx, vy float64) point {
		return point{a.left + x.at(vx)*(a.right-a.left), a.bottom - y.at(vy)*(a.bottom-a.top)}
	}
	c.text(ink, labelSize+1, point{a.left, a.top - 15}, rightOf, p.Title)
	widest := 0.0
	for _, t := range yTicks {
		at := place(x.lo, t.value)
		widest = max(widest, c.textWidth(tickSize, t.label))
		c.line(grid, 1, point{a.left, at.y}, point{a.right, at.y})
		c.text(muted, tickSize, point{a.left - 8, at.y}, leftOf, t.label)
	}
	// Labels that would touch their neighbour are left out.
	free := math.Inf(-1)
	for _, t := range xTicks {
		at := place(t.value, y.lo)
		c.line(muted, 1, point{at.x, a.bottom}, point{at.x, a.bottom + 4})
		if half := c.textWidth(tickSize, t.label) / 2; at.x-half > free {
			c.text(muted, tickSize, point{at.x, a.bottom + 13}, centred, t.label)
			free = at.x + half + 3
		}
	}
	c.line(muted, 1, point{a.left, a.bottom}, point{a.right, a.bottom})
	c.text(ink, labelSize, point{(a.left + a.right) / 2, a.bottom + 34}, centred, p.XLabel)
	c.upright(ink, labelSize, point{a.left - 20 - widest, (a.top + a.bottom) / 2}, p.YLabel)
	if p.Reference != nil {
		at := place(x.lo, p.Reference.Y)
		c.dashed(muted, 1.5, point{a.left, at.y}, point{a.right, at.y})
	}
	for _, curve := range p.Curves {
		i := slices.Index(names, curve.Name)
		col := seriesColours[i%len(seriesColours)]
		var path []point
		for n, v := range curve.X {
			path = append(path, place(v, curve.Y[n]))
		}
		for n, d := range curve.Deviation {
			if d > 0 {
				c.whisker(col, place(curve.X[n], curve.Y[n]-d), place(curve.X[n], curve.Y[n]+d))
			}
		}
		c.curve(i, path)
		for _, at := range path {
			c.mark(i, at)
		}
	}
}

// whisker draws a vertical bar with ends.
func (c *canvas) whisker(col color.Color, a, b point) {
	c.line(col, 1, a, b)
	for _, p := range []point{a, b} {
		c.line(col, 1, point{p.x - 3, p.y}, point{p.x + 3, p.y})
	}
}

// horizontal returns the common x scale of curves, with room at both ends,
// and a tick for each of their values.
func horizontal(curves []Curve) (scale, []tick) {
	var values []float64
	for _, c := range curves {
		values = append(values, c.X...)
	}
	slices.Sort(values)
	values = slices.Compact(values)
	if len(values) == 0 {
		values = []float64{1}
	}
	var ticks []tick
	for _, v := range values {
		ticks = append(ticks, tick{v, strconv.FormatFloat(v, 'g', 6, 64)})
	}
	lo, hi := values[0], values[len(values)-1]
	room := max(math.Pow(hi/lo, 0.05), 1.05)
	return scale{lo: lo / room, hi: hi * room, log: true}, ticks
}

// vertical returns the y scale of a panel and its ticks.
func vertical(p Panel) (scale, []tick) {
	lo, hi := math.Inf(1), math.Inf(-1)
	add := func(v float64) { lo, hi = min(lo, v), max(hi, v) }
	for _, c := range p.Curves {
		for i, v := range c.Y {
			d := 0.0
			if c.Deviation != nil {
				d = c.Deviation[i]
			}
			add(v - d)
			add(v + d)
		}
	}
	if p.Reference != nil {
		add(p.Reference.Y)
	}
	if p.FromZero || math.IsInf(lo, 1) {
		add(0)
	}
	return widen(lo, hi, 6)
}

// Package chart draws numbers: curves over a common axis and maps of offsets,
// as pictures with axes, legend and scale.
//
//	canvas.go  lines, dots and text on pixels    axis.go   scales and their ticks
//	curves.go  panels of curves                  offsets.go  maps of relative offsets
//	colour.go  the colours
//
// All lengths are points; a picture has pixelsPerPoint pixels a point.
package chart

import (
	"image"
	"image/color"
	"image/draw"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

const pixelsPerPoint = 2

// canvas is a picture that is drawn on in points, y downwards.
type canvas struct {
	im     *image.RGBA
	raster vector.Rasterizer
	font   *opentype.Font
	faces  map[float64]font.Face
}

func newCanvas(w, h float64) *canvas {
	// The font is part of the program.
	f, err := opentype.Parse(goregular.TTF)
	if err != nil {
		panic(err)
	}
	c := &canvas{
		im:    image.NewRGBA(image.Rect(0, 0, int(w*pixelsPerPoint), int(h*pixelsPerPoint))),
		font:  f,
		faces: map[float64]font.Face{},
	}
	draw.Draw(c.im, c.im.Bounds(), image.White, image.Point{}, draw.Src)
	return c
}

// A point is a place on a canvas.
type point struct{ x, y float64 }

// area is a rectangle of a canvas.
type area struct{ left, top, right, bottom float64 }

// fill fills a closed path.
func (c *canvas) fill(col color.Color, path ...point) {
	// The rasterizer takes time for all the pixels that it is given.
	lo, hi := point{math.Inf(1), math.Inf(1)}, point{math.Inf(-1), math.Inf(-1)}
	for _, p := range path {
		lo, hi = point{min(lo.x, p.x), min(lo.y, p.y)}, point{max(hi.x, p.x), max(hi.y, p.y)}
	}
	box := image.Rect(int(math.Floor(lo.x*pixelsPerPoint)), int(math.Floor(lo.y*pixelsPerPoint)),
		int(math.Ceil(hi.x*pixelsPerPoint)), int(math.Ceil(hi.y*pixelsPerPoint)))
	c.raster.Reset(box.Dx(), box.Dy())
	for i, p := range path {
		x, y := float32(p.x*pixelsPerPoint-float64(box.Min.X)), float32(p.y*pixelsPerPoint-float64(box.Min.Y))
		if i == 0 {
			c.raster.MoveTo(x, y)
		} else {
			c.raster.LineTo(x, y)
		}
	}
	c.raster.ClosePath()
	c.raster.Draw(c.im, box, image.NewUniform(col), image.Point{})
}

// rect fills a rectangle. Edges are put on whole pixels, so that neighbours
// have no seam.
func (c *canvas) rect(col color.Color, a area) {
	px := func(v float64) int { return int(math.Round(v * pixelsPerPoint)) }
	r := image.Rect(px(a.left), px(a.top), px(a.right), px(a.bottom))
	draw.Draw(c.im, r, image.NewUniform(col), image.Point{}, draw.Src)
}

// line draws straight lines from point to point.
func (c *canvas) line(col color.Color, width float64, path ...point) {
	for i, b := range path[1:] {
		a := path[i]
		length := math.Hypot(b.x-a.x, b.y-a.y)
		if length == 0 {
			continue
		}
		dx, dy := (b.y-a.y)/length*width/2, (a.x-b.x)/length*width/2
		c.fill(col, point{a.x + dx, a.y + dy}, point{b.x + dx, b.y + dy}, point{b.x - dx, b.y - dy}, point{a.x - dx, a.y - dy})
		if i > 0 && width > 1 {
			c.dot(col, a, width/2)
		}
	}
}

// dashed draws a straight line of dashes.
func (c *canvas) dashed(col color.Color, width float64, a, b point) {
	const dash, gap = 5, 4
	length := math.Hypot(b.x-a.x, b.y-a.y)
	along := func(d float64) point { return point{a.x + (b.x-a.x)*d/length, a.y + (b.y-a.y)*d/length} }
	for d := 0.0; d < length; d += dash + gap {
		c.line(col, width, along(d), along(min(d+dash, length)))
	}
}

// dot draws a disc.
func (c *canvas) dot(col color.Color, at point, radius float64) {
	const corners = 32
	path := make([]point, corners)
	for i := range path {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / corners)
		path[i] = point{at.x + radius*cos, at.y + radius*sin}
	}
	c.fill(col, path...)
}

// Where text lies about its point: -1 left of it, 0 centred, 1 right of it.
type align int

const (
	leftOf  align = -1
	centred align = 0
	rightOf align = 1
)

func (c *canvas) face(size float64) font.Face {
	f, ok := c.faces[size]
	if !ok {
		var err error
		f, err = opentype.NewFace(c.font, &opentype.FaceOptions{Size: size * pixelsPerPoint, DPI: 72, Hinting: font.HintingNone})
		if err != nil {
			panic(err) // sizes are constants of this package
		}
		c.faces[size] = f
	}
	return f
}

// textWidth is the width of a text of this size.
func (c *canvas) textWidth(size float64, s string) float64 {
	return float64(font.MeasureString(c.face(size), s)) / 64 / pixelsPerPoint
}

// text writes s, vertically centred on its point.
func (c *canvas) text(col color.Color, size float64, at point, a align, s string) {
	at.x += (float64(a) - 1) / 2 * c.textWidth(size, s)
	// Capitals and digits are about 0.72 of the size high.
	at.y += 0.36 * size
	d := font.Drawer{Dst: c.im, Src: image.NewUniform(col), Face: c.face(size), Dot: fixed.Point26_6{
		X: fixed.Int26_6(math.Round(at.x * pixelsPerPoint * 64)), Y: fixed.Int26_6(math.Round(at.y * pixelsPerPoint * 64)),
	}}
	d.DrawString(s)
}

// upright writes s from bottom to top, centred on its point.
func (c *canvas) upright(col color.Color, size float64, at point, s string) {
	w, h := c.textWidth(size, s)+2, 2*size
	flat := &canvas{
		im:   image.NewRGBA(image.Rect(0, 0, int(w*pixelsPerPoint), int(h*pixelsPerPoint))),
		font: c.font, faces: c.faces,
	}
	flat.text(col, size, point{1, h / 2}, rightOf, s)
	from := flat.im.Rect
	turned := image.NewRGBA(image.Rect(0, 0, from.Dy(), from.Dx()))
	for y := range from.Dy() {
		for x := range from.Dx() {
			turned.SetRGBA(y, from.Dx()-1-x, flat.im.RGBAAt(x, y))
		}
	}
	corner := image.Pt(int(at.x*pixelsPerPoint)-turned.Rect.Dx()/2, int(at.y*pixelsPerPoint)-turned.Rect.Dy()/2)
	draw.Draw(c.im, turned.Rect.Add(corner), turned, image.Point{}, draw.Over)
}

// Package contactsheet draws many pictures on one, small and with a label
// under each.
package contactsheet

import (
	"image"
	"image/color"
	"math"
	"sync"
	"unicode"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Max is the most pictures that a sheet holds.
const Max = 2500

// Sizes in pixels.
const (
	gap        = 8
	textSize   = 12
	lineHeight = 16
	labelSize  = 2*lineHeight + 2
	narrowest  = 128 // a cell: labels want to be read
)

var (
	paper = color.NRGBA{250, 250, 250, 255}
	ink   = color.NRGBA{40, 42, 48, 255}
	pale  = color.NRGBA{110, 112, 118, 255}
)

// A Sheet is a grid of pictures, filled row by row.
type Sheet struct {
	im        *image.NRGBA
	face      font.Face
	columns   int
	cell      image.Point // without the gap and the label
	thumbnail int         // the longer side of a picture
	n         int
}

var goRegular = sync.OnceValue(func() *opentype.Font {
	f, err := opentype.Parse(goregular.TTF)
	if err != nil {
		panic(err)
	}
	return f
})

// thumbnail is the longer side of each of n pictures.
func thumbnail(n int) int {
	switch {
	case n <= 36:
		return 256
	case n <= 100:
		return 192
	case n <= 400:
		return 128
	}
	return 96
}

// New returns a sheet for n pictures, 1 to Max, of about this size. Pictures
// are never made larger.
func New(n int, size image.Point) *Sheet {
	if n < 1 || n > Max || size.X < 1 || size.Y < 1 {
		panic("contactsheet: no pictures, or too many, or without pixels")
	}
	face, err := opentype.NewFace(goRegular(), &opentype.FaceOptions{Size: textSize, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		panic(err)
	}
	s := &Sheet{face: face, thumbnail: thumbnail(n)}
	s.cell = fit(size, s.thumbnail)
	s.cell.X = max(s.cell.X, narrowest)
	// As near to a square as it goes.
	w, h := s.cell.X+gap, s.cell.Y+labelSize+gap
	s.columns = min(n, max(1, int(math.Round(math.Sqrt(float64(n)*float64(h)/float64(w))))))
	rows := (n + s.columns - 1) / s.columns
	s.im = image.NewNRGBA(image.Rect(0, 0, s.columns*w+gap, rows*h+gap))
	draw.Draw(s.im, s.im.Rect, image.NewUniform(paper), image.Point{}, draw.Src)
	return s
}

// fit is the size of a picture whose longer side is at most this long.
func fit(size image.Point, side int) image.Point {
	longer := max(size.X, size.Y)
	if longer <= side {
		return size
	}
	return image.Pt(max(1, size.X*side/longer), max(1, size.Y*side/longer))
}

// Add draws the next picture with two lines under it, which are cut to its
// width.
func (s *Sheet) Add(im image.Image, label, text string) {
	at := image.Pt(gap+s.n%s.columns*(s.cell.X+gap), gap+s.n/s.columns*(s.cell.Y+labelSize+gap))
	s.n++
	size := fit(im.Bounds().Size(), s.thumbnail)
	size = image.Pt(min(size.X, s.cell.X), min(size.Y, s.cell.Y))
	corner := at.Add(s.cell.Sub(size).Div(2))
	draw.CatmullRom.Scale(s.im, image.Rectangle{corner, corner.Add(size)}, im, im.Bounds(), draw.Src, nil)
	s.line(image.Pt(at.X, at.Y+s.cell.Y+lineHeight-2), label, ink)
	s.line(image.Pt(at.X, at.Y+s.cell.Y+2*lineHeight-2), text, pale)
}

// line draws a line of text that starts on a base line.
func (s *Sheet) line(at image.Point, text string, c color.Color) {
	d := font.Drawer{Dst: s.im, Src: image.NewUniform(c), Face: s.face, Dot: fixed.P(at.X, at.Y)}
	d.DrawString(s.cut(text))
}

// cut shortens a text to the width of a cell. Control characters become spaces.
func (s *Sheet) cut(text string) string {
	const dots = "…"
	width := fixed.I(s.cell.X)
	reserve := font.MeasureString(s.face, dots)
	fits := 0 // runes that leave room for the dots
	var x fixed.Int26_6
	var runes []rune
	for _, r := range text {
		if unicode.IsControl(r) {
			r = ' '
		}
		advance, _ := s.face.GlyphAdvance(r)
		x += advance
		runes = append(runes, r)
		if x+reserve <= width {
			fits = len(runes)
		}
		if x > width {
			return string(runes[:fits]) + dots
		}
	}
	return string(runes)
}

// Draw returns the sheet with what was added so far.
func (s *Sheet) Draw() *image.NRGBA { return s.im }

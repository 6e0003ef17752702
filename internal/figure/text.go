package figure

import (
	"image"
	"image/color"
	"image/draw"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// face is a font at a size. Faces are not safe for use by several goroutines.
type face struct{ font.Face }

var (
	regular = sync.OnceValue(func() *opentype.Font { return mustParse(goregular.TTF) })
	medium  = sync.OnceValue(func() *opentype.Font { return mustParse(gomedium.TTF) })
)

func mustParse(ttf []byte) *opentype.Font {
	f, err := opentype.Parse(ttf)
	if err != nil {
		panic(err)
	}
	return f
}

// newFace returns a font at a size in pixels.
func newFace(f *opentype.Font, pixels float64) face {
	got, err := opentype.NewFace(f, &opentype.FaceOptions{Size: pixels, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		panic(err)
	}
	return face{got}
}

// width is how many pixels a text takes.
func (f face) width(text string) int { return font.MeasureString(f, text).Ceil() }

// digits is the height of a digit.
func (f face) digits() int {
	b, _, ok := f.GlyphBounds('0')
	if !ok {
		panic("figure: a font without digits")
	}
	return (b.Max.Y - b.Min.Y).Ceil()
}

// Where a text lies seen from its point.
type align int

const (
	left   align = iota // starts there
	centre              // has its middle there
	right               // ends there
)

// draw writes a text whose digits are centred on p's height.
func (f face) draw(im draw.Image, text string, p image.Point, a align, c color.Color) {
	switch a {
	case centre:
		p.X -= f.width(text) / 2
	case right:
		p.X -= f.width(text)
	}
	d := font.Drawer{Dst: im, Src: image.NewUniform(c), Face: f, Dot: fixed.P(p.X, p.Y+f.digits()/2)}
	d.DrawString(text)
}

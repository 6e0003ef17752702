package chart

import (
	"image"
	"image/color"
	"testing"

	"github.com/zipar/zipar/internal/figure"
)

// count is the number of pixels of a colour in a part of a picture.
func count(im image.Image, in image.Rectangle, want color.RGBA) (n int) {
	for y := in.Min.Y; y < in.Max.Y; y++ {
		for x := in.Min.X; x < in.Max.X; x++ {
			if color.RGBAModel.Convert(im.At(x, y)) == want {
				n++
			}
		}
	}
	return n
}

// around is a square about a place in points.
func around(x, y, r float64) image.Rectangle {
	return image.Rect(int((x-r)*pixelsPerPoint), int((y-r)*pixelsPerPoint), int((x+r)*pixelsPerPoint), int((y+r)*pixelsPerPoint))
}

// The ends of a curve are where its values are, in both panels; the
// reference is dashed; colours go by name.
func TestCurvesAreDrawnWhereTheirValuesAre(t *testing.T) {
	const left, right = marginLeft, panelWidth - marginRight
	const top, bottom = headHeight + marginTop, headHeight + panelHeight - marginBottom
	im := Curves("title", Panel{
		FromZero: true, Reference: &Reference{Name: "reference", Y: 4},
		Curves: []Curve{{Name: "first", X: []float64{1, 4, 16}, Y: []float64{10, 5, 0}}, {Name: "second", X: []float64{4}, Y: []float64{8}}},
	}, Panel{
		FromZero: true,
		Curves:   []Curve{{Name: "second", X: []float64{4}, Y: []float64{10}, Deviation: []float64{2}}},
	})
	if got, want := im.Bounds().Size(), image.Pt(2*(2*panelWidth+8), 2*(headHeight+panelHeight+6)); got != want {
		t.Errorf("size %v, want %v", got, want)
	}
	first, second := seriesColours[0], seriesColours[1]
	// The scale has room of a 20th at both ends; 4 is in the middle of 1 and 16.
	middle := (left + right) / 2
	for _, c := range []struct {
		what string
		x, y float64
		want color.RGBA
		ink  bool
	}{
		{"first value", left + (right-left)/22, top, first, true},
		{"middle value", middle, (top + bottom) / 2, first, true},
		{"last value", right - (right-left)/22, bottom, first, true},
		{"second curve", middle, bottom - 0.8*(bottom-top), second, true},
		{"nothing", right - 30, top + 10, first, false},
		{"second panel", panelWidth + middle, bottom - 10.0/12*(bottom-top), second, true},
		{"whisker above", panelWidth + middle, top, second, true},
		{"not in the second panel", panelWidth + middle, (top + bottom) / 2, first, false},
	} {
		if n := count(im, around(c.x, c.y, 4), c.want); (n > 4) != c.ink {
			t.Errorf("%s: %d pixels of its colour", c.what, n)
		}
	}
	y := bottom - 0.4*(bottom-top)
	line := image.Rect(2*(left+20), int(2*y), 2*(right-60), int(2*y)+1)
	if n := count(im, line, muted); n < line.Dx()/3 || n > line.Dx()*2/3 {
		t.Errorf("%d of %d pixels of the reference", n, line.Dx())
	}
	head := image.Rect(0, 0, im.Bounds().Dx(), 2*headHeight-2*8)
	if count(im, head, ink) < 100 || count(im, head, first) < 20 || count(im, head, second) < 20 || count(im, head, muted) < 20 {
		t.Error("title or legend is missing")
	}
}

func TestOffsetsAreDrawnWhereTheyAre(t *testing.T) {
	o := Offsets{Rows: 4, Reach: 2, At: func(up, right int) (float64, bool) {
		if up == 0 && right >= 0 {
			return 0, false
		}
		if up == 3 && right == -2 {
			return 1, true
		}
		return 1e-9, true
	}}
	im := DrawOffsets("title", o, Panel{})
	a := area{marginLeft, headHeight + marginTop, 520, headHeight + panelHeight - marginBottom}
	cell := func(up, right int) color.RGBA {
		x := a.left + (float64(right)+2.5)/5*(a.right-a.left)
		y := a.bottom - (float64(up)+0.5)/4*(a.bottom-a.top)
		return color.RGBAModel.Convert(im.At(int(2*x), int(2*y))).(color.RGBA)
	}
	most, least := color.RGBA(figure.Viridis(1)), color.RGBA(figure.Viridis(0)) // they are opaque
	for _, c := range []struct {
		up, right int
		want      color.RGBA
	}{
		{3, -2, most}, {3, 2, least}, {0, -1, least}, {0, 0, seriesColours[1]}, {0, 1, absent}, {0, 2, absent},
	} {
		if got := cell(c.up, c.right); got != c.want {
			t.Errorf("%d up, %d right: %v, want %v", c.up, c.right, got, c.want)
		}
	}
	// A window of 1 ends right of column 0 in the row above, and of column 1 two rows up.
	before := im
	o.Windows = []int{1}
	im = DrawOffsets("title", o, Panel{})
	edge := func(up int, right float64) image.Rectangle {
		return around(a.left+(right+2.5)/5*(a.right-a.left), a.bottom-(float64(up)+0.5)/4*(a.bottom-a.top), 4)
	}
	for _, c := range []struct {
		up    int
		right float64
		ink   bool
	}{{1, 0.5, true}, {2, 1.5, true}, {1, -0.5, false}, {1, 1.5, false}, {2, 0.5, false}} {
		if n := count(im, edge(c.up, c.right), paper) - count(before, edge(c.up, c.right), paper); (n > 4) != c.ink {
			t.Errorf("%d pixels of the border %d up at %v", n, c.up, c.right)
		}
	}
}

// Maps without values and panels without curves are drawn all the same.
func TestNothingToDraw(t *testing.T) {
	for _, im := range []image.Image{
		DrawOffsets("", Offsets{Rows: 1, At: func(int, int) (float64, bool) { return 0, false }, Windows: []int{1}}, Panel{}),
		Curves("", Panel{Curves: []Curve{{X: []float64{3}, Y: []float64{1}}}}),
		Curves(""),
	} {
		if im.Bounds().Empty() {
			t.Error("no picture")
		}
	}
}

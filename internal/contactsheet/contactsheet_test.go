package contactsheet

import (
	"image"
	"image/color"
	"image/draw"
	"strings"
	"testing"
)

func block(w, h int, c color.Color) *image.NRGBA {
	im := image.NewNRGBA(image.Rect(0, 0, w, h))
	draw.Draw(im, im.Rect, image.NewUniform(c), image.Point{}, draw.Src)
	return im
}

// count returns how many pixels of a rectangle have a colour.
func count(im *image.NRGBA, r image.Rectangle, c color.NRGBA) (n int) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if im.NRGBAAt(x, y) == c {
				n++
			}
		}
	}
	return n
}

func TestSheet(t *testing.T) {
	red, blue := color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 0, 255, 255}
	s := New(3, image.Pt(512, 256))
	s.Add(block(512, 256, red), "1  seed 7", "a red block")
	s.Add(block(512, 256, blue), "2  seed 8", strings.Repeat("a blue block ", 20))
	s.Add(block(4, 4, red), "3  seed 9", "")
	im := s.Draw()
	if s.columns != 1 || im.Rect.Dx() != 256+2*gap || im.Rect.Dy() != 3*(128+labelSize+gap)+gap {
		t.Errorf("%d columns, %v", s.columns, im.Rect)
	}
	first := image.Rect(gap, gap, gap+256, gap+128)
	if n := count(im, first, red); n != 256*128 {
		t.Errorf("%d red pixels", n)
	}
	second := first.Add(image.Pt(0, 128+labelSize+gap))
	if n := count(im, second, blue); n != 256*128 {
		t.Errorf("%d blue pixels", n)
	}
	// A small picture stays small, in the middle.
	third := second.Add(image.Pt(0, 128+labelSize+gap))
	if n := count(im, third, red); n != 16 || im.NRGBAAt(third.Min.X+126, third.Min.Y+62) != red {
		t.Errorf("%d red pixels of the small picture", n)
	}
	for i, r := range []image.Rectangle{first, second} {
		label := image.Rect(r.Min.X, r.Max.Y, r.Max.X, r.Max.Y+labelSize)
		if n := label.Dx()*label.Dy() - count(im, label, paper); n < 100 {
			t.Errorf("label %d has %d pixels of ink", i, n)
		}
	}
	// Nothing is drawn outside a cell, however long a text is.
	if n := count(im, image.Rect(gap+256, 0, 2*gap+256, im.Rect.Dy()), paper); n != gap*im.Rect.Dy() {
		t.Error("ink in the margin")
	}
}

func TestGridIsAboutSquare(t *testing.T) {
	for _, n := range []int{1, 2, 4, 9, 10, 37, 101, 401, Max} {
		s := New(n, image.Pt(512, 512))
		size := s.im.Rect.Size()
		ratio := float64(size.X) / float64(size.Y)
		if ratio < 0.4 || ratio > 2.5 {
			t.Errorf("%d pictures: %v", n, size)
		}
		if size.X > 8000 || size.Y > 8000 {
			t.Errorf("%d pictures: %v pixels", n, size)
		}
		for range n {
			s.Add(block(1, 1, ink), "", "")
		}
	}
}

func TestCut(t *testing.T) {
	s := New(1, image.Pt(128, 128))
	for text, want := range map[string]string{"": "", "a red apple": "a red apple", "a\nb\tc": "a b c"} {
		if got := s.cut(text); got != want {
			t.Errorf("%q became %q", text, got)
		}
	}
	got := s.cut("grüne Äpfel und noch viel mehr davon")
	if !strings.HasPrefix(got, "grüne Äpfel") || !strings.HasSuffix(got, "…") {
		t.Errorf("%q", got)
	}
}

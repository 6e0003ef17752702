package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/zipar/zipar/internal/zipar"
)

// decodedPicture is a picture as a window leaves it, with the codes 0, 1, 2,
// ... and the first rows kept.
func decodedPicture(rows, cols, window, keep int) zipar.Picture {
	g := zipar.Geometry{Rows: rows, Cols: cols}
	s := zipar.NewSchedule(g, window, false, keep)
	p := zipar.Picture{Grid: g, Codes: make([]int32, rows*cols), DecodedIn: make([]int32, rows*cols), Windows: s.Windows(), Passes: 1}
	for i := range p.Codes {
		p.Codes[i] = int32(i)
	}
	p.DecodedIn[keep*cols] = 1
	for {
		columns := s.Next()
		if len(columns) == 0 {
			return p
		}
		p.Passes++
		for _, c := range columns {
			if c.Decodes {
				p.DecodedIn[g.Index(c.Next)] = int32(p.Passes)
			}
		}
		s.Done(false)
	}
}

// Frames are states that the decoding had, in order, from the first pass to
// the whole picture, and not too many.
func TestAnimationFrames(t *testing.T) {
	for _, c := range []struct{ rows, cols, window, keep, want int }{
		{6, 8, 3, 0, 23}, {6, 8, 1, 0, 13}, {16, 16, 16, 0, maxFrames}, {16, 16, 4, 5, maxFrames}, {1, 1, 1, 0, 1}, {2, 1, 1, 1, 1}, {1, 40, 1, 0, maxFrames},
	} {
		p := decodedPicture(c.rows, c.cols, c.window, c.keep)
		frames := animationFrames(p)
		if len(frames) != c.want {
			t.Errorf("%v: %d frames", c, len(frames))
		}
		total := 0
		for k, f := range frames {
			// All that is known was decoded before all that is not.
			newest, last, next := 0, int32(0), int32(math.MaxInt32)
			for i, code := range f.codes {
				if code < 0 {
					next = min(next, p.DecodedIn[i])
					continue
				}
				last = max(last, p.DecodedIn[i])
				if code != p.Codes[i] {
					t.Fatalf("%v: frame %d has code %d at %d", c, k, code, i)
				}
				if f.newest[i] {
					newest++
				}
			}
			if last >= next || newest == 0 {
				t.Errorf("%v: frame %d shows pass %d and lacks pass %d; %d tokens are new", c, k, last, next, newest)
			}
			total += newest
		}
		if want := (c.rows - c.keep) * c.cols; total != want {
			t.Errorf("%v: %d tokens are new in some frame, want each of %d once", c, total, want)
		}
		if !slices.Equal(frames[len(frames)-1].codes, p.Codes) {
			t.Errorf("%v: the last frame is not the whole picture", c)
		}
		if first := frames[0]; c.want > 1 && (first.codes[c.keep*c.cols] < 0 || first.codes[c.keep*c.cols+1] >= 0 || c.keep > 0 && first.codes[0] < 0) {
			t.Errorf("%v: the first frame shows %v", c, first.codes)
		}
	}
}

// A line runs around the new tokens and not between them.
func TestOutline(t *testing.T) {
	f := frame{partial{make([]int32, 12), 3, 4}, make([]bool, 12)}
	f.newest[5], f.newest[6] = true, true // the middle row's middle
	im := image.NewNRGBA(image.Rect(0, 0, 64, 48))
	f.outline(im, 16)
	for y := range 48 {
		for x := range 64 {
			in := image.Pt(x, y).In(image.Rect(16, 16, 48, 32))
			want := in && !image.Pt(x, y).In(image.Rect(18, 18, 46, 30))
			if got := im.NRGBAAt(x, y) == front; got != want {
				t.Fatalf("line at %d, %d: %v", x, y, got)
			}
		}
	}
}

// An animation of the tiny model plays the frames and ends with the picture.
func TestAnimation(t *testing.T) {
	s := tinyViews(t)
	p := decodedPicture(6, 8, 3, 1)
	im, err := partial{p.Codes, 6, 8}.decode(context.Background(), s.pool, s.vq)
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.animation(context.Background(), p, im)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := a.Write(&b); err != nil {
		t.Fatal(err)
	}
	g, err := gif.DecodeAll(&b)
	if err != nil {
		t.Fatal(err)
	}
	frames := animationFrames(p)
	if len(g.Image) != len(frames) || g.Delay[0] != 12 || g.Delay[len(g.Delay)-1] != 250 {
		t.Fatalf("%d frames, want %d; delays %v", len(g.Image), len(frames), g.Delay)
	}
	canvas := image.NewNRGBA(image.Rect(0, 0, 32, 24))
	for k, part := range g.Image {
		draw.Draw(canvas, part.Rect, part, part.Rect.Min, draw.Over)
		for i, code := range frames[k].codes {
			// A square's last pixel is grey, front or part of the picture.
			at := square(i, 8, 4).Max.Sub(image.Pt(1, 1))
			got := canvas.NRGBAAt(at.X, at.Y)
			if grey := got == ground || got == hatch; grey != (code < 0) {
				t.Fatalf("frame %d, token %d, code %d: colour %v", k, i, code, got)
			}
		}
	}
	worst := 0.0
	for i, v := range canvas.Pix {
		worst = max(worst, math.Abs(float64(v)-float64(im.Pix[i])))
	}
	if worst > 48 {
		t.Errorf("the last frame differs from the picture by %g levels", worst)
	}
	stop, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.animation(stop, p, im); err != context.Canceled {
		t.Errorf("error %v", err)
	}
}

// animationCmd: animation FILE FRAMES [PICTURE] wants a GIF of so many frames,
// or any, that ends with the picture in this PNG file, up to its palette.
func animationCmd(ts *testscript.TestScript, _ bool, args []string) {
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	g, err := gif.DecodeAll(bytes.NewReader(data))
	ts.Check(err)
	if args[1] != "any" && strconv.Itoa(len(g.Image)) != args[1] {
		ts.Fatalf("%s has %d frames, want %s", args[0], len(g.Image), args[1])
	}
	if len(args) < 3 {
		return
	}
	want := readPNG(ts, args[2])
	canvas := image.NewNRGBA(image.Rect(0, 0, g.Config.Width, g.Config.Height))
	for _, im := range g.Image {
		draw.Draw(canvas, im.Rect, im, im.Rect.Min, draw.Over)
	}
	if canvas.Rect != want.Bounds() {
		ts.Fatalf("%s is %v, %s is %v", args[0], canvas.Rect, args[2], want.Bounds())
	}
	ts.Check(near(canvas, want, 48))
}

// near wants pictures of one size whose levels differ by no more than most.
func near(a, b image.Image, most int) error {
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			p, q := color.NRGBAModel.Convert(a.At(x, y)).(color.NRGBA), color.NRGBAModel.Convert(b.At(x, y)).(color.NRGBA)
			for _, d := range []int{int(p.R) - int(q.R), int(p.G) - int(q.G), int(p.B) - int(q.B)} {
				if d < -most || d > most {
					return fmt.Errorf("pixel %d, %d: %v and %v", x, y, p, q)
				}
			}
		}
	}
	return nil
}

package imageio

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"math"
	"testing"
	"time"
)

// gradient is a picture of w x h pixels with as many colours as it can have.
func gradient(w, h int) *image.NRGBA {
	im := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			im.SetNRGBA(x, y, color.NRGBA{uint8(x * 255 / (w - 1)), uint8(y * 255 / (h - 1)), uint8(128 + 127*math.Sin(float64(x+y)/9)), 255})
		}
	}
	return im
}

// play returns what a GIF shows after each frame.
func play(t *testing.T, data []byte) (frames []*image.NRGBA, g *gif.GIF) {
	t.Helper()
	g, err := gif.DecodeAll(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	canvas := image.NewNRGBA(image.Rect(0, 0, g.Config.Width, g.Config.Height))
	for _, im := range g.Image {
		draw.Draw(canvas, im.Rect, im, im.Rect.Min, draw.Over)
		frame := image.NewNRGBA(canvas.Rect)
		copy(frame.Pix, canvas.Pix)
		frames = append(frames, frame)
	}
	return frames, g
}

func written(t *testing.T, a *Animation) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := a.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Pictures of few colours come back exactly, and a frame holds what changed.
func TestAnimationOfFewColoursIsExact(t *testing.T) {
	grey, red := color.NRGBA{40, 41, 42, 255}, color.NRGBA{255, 0, 0, 255}
	last := gradient(12, 10)
	first := image.NewNRGBA(last.Rect)
	draw.Draw(first, first.Rect, image.NewUniform(grey), image.Point{}, draw.Src)
	second := image.NewNRGBA(last.Rect)
	copy(second.Pix, first.Pix)
	second.SetNRGBA(3, 4, red)
	second.SetNRGBA(5, 8, last.NRGBAAt(5, 8))
	a := NewAnimation(last, grey, red)
	a.Add(first, 100*time.Millisecond)
	a.Add(second, 100*time.Millisecond)
	a.Add(second, 50*time.Millisecond)
	a.Add(last, 2*time.Second)
	if a.Frames() != 3 {
		t.Errorf("%d frames", a.Frames())
	}
	frames, g := play(t, written(t, a))
	if len(frames) != 3 || g.LoopCount != 0 || g.Config.Width != 12 || g.Config.Height != 10 {
		t.Fatalf("%d frames of %d x %d, loops %d", len(frames), g.Config.Width, g.Config.Height, g.LoopCount)
	}
	for i, want := range []*image.NRGBA{first, second, last} {
		if !bytes.Equal(frames[i].Pix, want.Pix) {
			t.Errorf("frame %d shows something else", i)
		}
	}
	if got := g.Image[1].Rect; got != image.Rect(3, 4, 6, 9) {
		t.Errorf("the second frame covers %v", got)
	}
	if g.Delay[0] != 10 || g.Delay[1] != 15 || g.Delay[2] != 200 {
		t.Errorf("delays %v", g.Delay)
	}
}

// Pictures of many colours come back within a few levels, seen from afar
// within less, and fixed colours exactly.
func TestAnimationOfManyColours(t *testing.T) {
	fixed := color.NRGBA{44, 46, 51, 255}
	want := gradient(200, 160)
	draw.Draw(want, image.Rect(0, 0, 40, 160), image.NewUniform(fixed), image.Point{}, draw.Src)
	a := NewAnimation(want, fixed)
	a.Add(want, time.Second)
	frames, _ := play(t, written(t, a))
	got := frames[0]
	var sum float64
	for i, v := range got.Pix {
		d := float64(v) - float64(want.Pix[i])
		sum += d * d
	}
	if psnr := 10 * math.Log10(255*255/(sum/float64(len(got.Pix)/4*3))); psnr < 28 {
		t.Errorf("PSNR %.1f", psnr)
	}
	for y := 0; y < 160; y += 8 {
		for x := 0; x < 200; x += 8 {
			var mean [3]float64
			for v := y; v < y+8; v++ {
				for u := x; u < x+8; u++ {
					for c := range 3 {
						mean[c] += (float64(got.Pix[got.PixOffset(u, v)+c]) - float64(want.Pix[want.PixOffset(u, v)+c])) / 64
					}
				}
			}
			for c, d := range mean {
				if math.Abs(d) > 20 { // at the edge of the colours that the palette has
					t.Errorf("square at %d, %d: colour %d is off by %.1f", x, y, c, d)
				}
			}
		}
	}
	for y := range 160 {
		for x := range 40 {
			if got.NRGBAAt(x, y) != fixed {
				t.Fatalf("the fixed colour at %d, %d became %v", x, y, got.NRGBAAt(x, y))
			}
		}
	}
}

// A file's bytes do not depend on the order of Go's maps.
func TestAnimationIsTheSameEachTime(t *testing.T) {
	first := []byte(nil)
	for range 3 {
		a := NewAnimation(gradient(64, 64))
		a.Add(gradient(64, 64), time.Second)
		if b := written(t, a); first == nil {
			first = b
		} else if !bytes.Equal(b, first) {
			t.Error("other bytes")
		}
	}
}

// The pattern has each of its 64 levels once, and is fair around zero.
func TestBayer(t *testing.T) {
	seen := map[float64]bool{}
	sum := 0.0
	for _, row := range bayer {
		for _, v := range row {
			seen[v] = true
			sum += v
		}
	}
	if len(seen) != 64 || sum != 0 {
		t.Errorf("%d levels, sum %g", len(seen), sum)
	}
	// Every 2 x 2 pixels have a level of each quarter.
	for y := 0; y < 8; y += 2 {
		for x := 0; x < 8; x += 2 {
			quarters := map[int]bool{}
			for _, v := range []float64{bayer[y][x], bayer[y][x+1], bayer[y+1][x], bayer[y+1][x+1]} {
				quarters[int((v+0.5)*4)] = true
			}
			if len(quarters) != 4 {
				t.Errorf("at %d, %d: quarters %v", x, y, quarters)
			}
		}
	}
}

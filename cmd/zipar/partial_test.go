package main

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"os"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/imageio"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/testmodel"
	"github.com/zipar/zipar/internal/vqgan"
)

// tinyViews are the views of a tiny model, with nothing asked for.
func tinyViews(t *testing.T) *views {
	t.Helper()
	var b bytes.Buffer
	if err := testmodel.Write(&b, testmodel.Options{VQOnly: true}); err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Parse("tiny.gguf", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	vq, err := vqgan.NewDecoder(f)
	if err != nil {
		t.Fatal(err)
	}
	pool := tensor.NewPool(1)
	t.Cleanup(pool.Close)
	return &views{viewFlags: viewFlags{preview: previewNone}, ui: &ui{quiet: true}, pool: pool, vq: vq, batch: 1}
}

func readPNG(ts *testscript.TestScript, name string) image.Image {
	f, err := os.Open(ts.MkAbs(name))
	ts.Check(err)
	defer f.Close()
	im, err := png.Decode(f)
	ts.Check(err)
	return im
}

func TestFilled(t *testing.T) {
	p := partial{[]int32{7, 8, -1, 5, -1, -1, -1, -1, -1}, 3, 3}
	if got := p.reached(); got != 2 {
		t.Errorf("%d rows reached", got)
	}
	if got, want := p.filled(2), []int32{7, 8, 8, 5, 8, 8}; !slices.Equal(got, want) {
		t.Errorf("filled %v, want %v", got, want)
	}
	if got := (partial{[]int32{-1, -1}, 1, 2}).reached(); got != 0 {
		t.Errorf("nothing is decoded, but %d rows are reached", got)
	}
	if got, want := (partial{[]int32{-1, 3}, 1, 2}).filled(1), []int32{0, 3}; !slices.Equal(got, want) {
		t.Errorf("filled %v, want %v", got, want)
	}
}

// Squares with a code show what the decoder makes of the rows so far, the
// others are hatched.
func TestPartialDecode(t *testing.T) {
	s := tinyViews(t)
	p := partial{make([]int32, 48), 6, 8}
	for i := range p.codes {
		p.codes[i] = -1
		if i < 20 || i >= 24 && i < 26 {
			p.codes[i] = int32(i * 5 % testmodel.Vocab)
		}
	}
	rows := 4
	decoded, err := s.vq.Decode(context.Background(), s.pool, p.filled(rows), rows, 8, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := imageio.RGB(decoded.Data, decoded.H, decoded.W)
	colour, err := s.vq.Preview(context.Background(), s.pool)
	if err != nil {
		t.Fatal(err)
	}
	exact, err := p.decode(context.Background(), s.pool, s.vq)
	if err != nil {
		t.Fatal(err)
	}
	guess, err := p.guess(colour, s.vq.PixelsPerToken)
	if err != nil {
		t.Fatal(err)
	}
	for _, im := range []*image.NRGBA{exact, guess} {
		if im.Rect != image.Rect(0, 0, 32, 24) {
			t.Fatalf("size %v", im.Rect)
		}
	}
	for y := range 24 {
		for x := range 32 {
			code := p.codes[y/4*8+x/4]
			hatched := ground
			if (x+y)%8 < 2 {
				hatched = hatch
			}
			if code < 0 {
				if exact.NRGBAAt(x, y) != hatched || guess.NRGBAAt(x, y) != hatched {
					t.Fatalf("pixel %d, %d is not decoded but %v, %v", x, y, exact.NRGBAAt(x, y), guess.NRGBAAt(x, y))
				}
				continue
			}
			if exact.NRGBAAt(x, y) != want.NRGBAAt(x, y) {
				t.Fatalf("pixel %d, %d is %v, want %v", x, y, exact.NRGBAAt(x, y), want.NRGBAAt(x, y))
			}
		}
	}
	// The middle of a square among its like has the colour of its code.
	for i := range p.codes[:24] {
		p.codes[i] = 9
	}
	if guess, err = p.guess(colour, 4); err != nil {
		t.Fatal(err)
	}
	colours, err := colour.Colours([]int32{9})
	if err != nil {
		t.Fatal(err)
	}
	flat := imageio.RGB(colours, 1, 1).NRGBAAt(0, 0)
	if got := guess.NRGBAAt(13, 5); got != flat {
		t.Errorf("colour %v, want %v", got, flat)
	}
}

// The whole picture is the picture, and nothing at all is hatched.
func TestPartialDecodeOfAllAndNothing(t *testing.T) {
	s := tinyViews(t)
	p := partial{make([]int32, 12), 3, 4}
	for i := range p.codes {
		p.codes[i] = int32(i)
	}
	im, err := p.decode(context.Background(), s.pool, s.vq)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := s.vq.Decode(context.Background(), s.pool, p.codes, 3, 4, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(im.Pix, imageio.RGB(decoded.Data, decoded.H, decoded.W).Pix) {
		t.Error("the whole picture differs")
	}
	for i := range p.codes {
		p.codes[i] = -1
	}
	a, err := p.decode(context.Background(), s.pool, s.vq)
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.guess(nil, 4)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[color.Color]bool{}
	for y := range 12 {
		for x := range 16 {
			seen[a.At(x, y)], seen[b.At(x, y)] = true, true
		}
	}
	if len(seen) != 2 || !seen[ground] || !seen[hatch] {
		t.Errorf("colours of nothing: %v", seen)
	}
}

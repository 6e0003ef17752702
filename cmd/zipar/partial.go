package main

import (
	"context"
	"image"
	"image/color"

	"golang.org/x/image/draw"

	"github.com/zipar/zipar/internal/imageio"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/vqgan"
)

// partial is a picture so far. codes is [rows, cols], row-major, -1 where
// nothing is decoded.
type partial struct {
	codes      []int32
	rows, cols int
}

// The colours of what is not decoded.
var (
	ground = color.NRGBA{40, 42, 48, 255}
	hatch  = color.NRGBA{58, 61, 69, 255}
)

// reached is the number of rows down to the last that has a code.
func (p partial) reached() int {
	for i := len(p.codes) - 1; i >= 0; i-- {
		if p.codes[i] >= 0 {
			return i/p.cols + 1
		}
	}
	return 0
}

// filled returns the codes of the first rows, [rows, cols]. Where there is
// none it repeats the one above, in the first row the one before: codes that
// stand in only so that the network can be run. Of all choices these change
// what is decoded beside them least.
func (p partial) filled(rows int) []int32 {
	out := make([]int32, rows*p.cols)
	for i := range out {
		switch {
		case p.codes[i] >= 0:
			out[i] = p.codes[i]
		case i >= p.cols:
			out[i] = out[i-p.cols]
		case i > 0:
			out[i] = out[i-1]
		}
	}
	return out
}

// decode returns the picture so far by the VQ decoder, squares without a code
// hatched. Rows that nothing is known of are not decoded, so half a picture
// costs half the time.
func (p partial) decode(ctx context.Context, pool *tensor.Pool, vq *vqgan.Decoder) (*image.NRGBA, error) {
	n := p.reached()
	if n == 0 {
		return p.canvas(nil, vq.PixelsPerToken), nil
	}
	im, err := vq.Decode(ctx, pool, p.filled(n), n, p.cols, nil)
	if err != nil {
		return nil, err
	}
	return p.canvas(imageio.RGB(im.Data, im.H, im.W), vq.PixelsPerToken), nil
}

// guess returns the picture so far by the colours of its codes alone. A token
// is side x side pixels.
func (p partial) guess(colour *vqgan.Preview, side int) (*image.NRGBA, error) {
	n := p.reached()
	if n == 0 {
		return p.canvas(nil, side), nil
	}
	colours, err := colour.Colours(p.filled(n))
	if err != nil {
		return nil, err
	}
	im := image.NewNRGBA(image.Rect(0, 0, p.cols*side, n*side))
	draw.CatmullRom.Scale(im, im.Rect, imageio.RGB(colours, n, p.cols), image.Rect(0, 0, p.cols, n), draw.Src, nil)
	return p.canvas(im, side), nil
}

// canvas returns a picture of all rows, im being the first of them, and
// hatches the squares without a code.
func (p partial) canvas(im *image.NRGBA, side int) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, p.cols*side, p.rows*side))
	if im != nil {
		draw.Draw(out, im.Rect, im, image.Point{}, draw.Src)
	}
	for i, code := range p.codes {
		if code < 0 {
			hatched(out, square(i, p.cols, side))
		}
	}
	return out
}

// square is the place of token i in the picture.
func square(i, cols, side int) image.Rectangle {
	at := image.Pt(i%cols*side, i/cols*side)
	return image.Rectangle{at, at.Add(image.Pt(side, side))}
}

// hatched draws diagonal lines, which run on from square to square.
func hatched(im *image.NRGBA, r image.Rectangle) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			c := ground
			if (x+y)%8 < 2 {
				c = hatch
			}
			im.SetNRGBA(x, y, c)
		}
	}
}

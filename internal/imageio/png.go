package imageio

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
)

// maxPixels bounds a picture that is read, and one that is made: what is written
// can be read.
const maxPixels = 1 << 26

// CheckSize returns an error for a picture that is too large to read. name is
// for messages.
func CheckSize(name string, w, h int) error {
	if w < 1 || h < 1 || w > maxPixels/h {
		return fmt.Errorf("%s: a picture of %d x %d pixels: want at most %d in all", name, w, h, maxPixels)
	}
	return nil
}

// RGB converts values, [h, w, 3], to a picture: (v+1)/2, clamped to 0..1,
// times 255, rounded (LlamaGen's save_image with value_range (-1, 1)).
func RGB(values []float32, h, w int) *image.NRGBA {
	if len(values) != h*w*3 {
		panic(fmt.Sprintf("imageio: %d values for %d x %d pixels", len(values), w, h))
	}
	im := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range h * w {
		for c := range 3 {
			im.Pix[4*i+c] = level(values[3*i+c])
		}
		im.Pix[4*i+3] = 255
	}
	return im
}

// level is the 8-bit level of a value from -1 to 1. NaN becomes 0.
func level(v float32) uint8 {
	f := (float64(v)+1)/2*255 + 0.5
	if !(f > 0) {
		return 0
	}
	return uint8(math.Min(f, 255))
}

// ReadPNG reads a picture as values from -1 to 1, [h, w, 3]. Transparency is
// ignored. name is for messages.
func ReadPNG(r io.ReadSeeker, name string) (values []float32, h, w int, err error) {
	config, err := png.DecodeConfig(r)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("%s: no PNG picture: %w", name, err)
	}
	// Sizes are looked at before a buffer of that size is made.
	if err := CheckSize(name, config.Width, config.Height); err != nil {
		return nil, 0, 0, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, 0, 0, fmt.Errorf("%s: %w", name, err)
	}
	im, err := png.Decode(r)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("%s: broken PNG picture: %w", name, err)
	}
	w, h = config.Width, config.Height
	values = make([]float32, 0, h*w*3)
	for y := range h {
		for x := range w {
			r, g, b := straight(im.At(im.Bounds().Min.X+x, im.Bounds().Min.Y+y))
			values = append(values, r*2-1, g*2-1, b*2-1)
		}
	}
	return values, h, w, nil
}

// straight returns a pixel's colours from 0 to 1, not multiplied by its alpha.
func straight(c color.Color) (r, g, b float32) {
	switch c := c.(type) {
	case color.NRGBA:
		return float32(c.R) / 255, float32(c.G) / 255, float32(c.B) / 255
	case color.NRGBA64:
		return float32(c.R) / 65535, float32(c.G) / 65535, float32(c.B) / 65535
	}
	// What image/png gives in other types is opaque.
	cr, cg, cb, _ := c.RGBA()
	return float32(cr) / 65535, float32(cg) / 65535, float32(cb) / 65535
}

// Package quality measures how much pictures differ: mean squared error, PSNR
// and SSIM.
package quality

import (
	"fmt"
	"image"
	"math"
)

// MSE returns the mean squared difference of the red, green and blue levels,
// 0 to 255², of two opaque pictures of the same size. It panics if the sizes
// differ.
func MSE(a, b *image.NRGBA) float64 {
	w, h := size(a, b)
	var sum uint64 // at most 3·2^26·255²
	for y := range h {
		p, q := row(a, y, w), row(b, y, w)
		for i := range p {
			if i%4 < 3 {
				d := int64(p[i]) - int64(q[i])
				sum += uint64(d * d)
			}
		}
	}
	return float64(sum) / float64(3*w*h)
}

// PSNR is the peak signal-to-noise ratio in dB that belongs to a mean squared
// error of levels up to 255. It is infinite for equal pictures.
func PSNR(mse float64) float64 { return 10 * math.Log10(255*255/mse) }

// size returns the common size of two pictures.
func size(a, b *image.NRGBA) (w, h int) {
	if a.Rect.Size() != b.Rect.Size() || a.Rect.Empty() {
		panic(fmt.Sprintf("quality: pictures of %v and %v pixels", a.Rect.Size(), b.Rect.Size()))
	}
	return a.Rect.Dx(), a.Rect.Dy()
}

// row returns the pixels of a row, four bytes each.
func row(im *image.NRGBA, y, w int) []uint8 { return im.Pix[y*im.Stride:][:4*w] }

package quality

import (
	"image"
	"math"
)

// The constants of Wang, Bovik, Sheikh and Simoncelli, "Image quality
// assessment: from error visibility to structural similarity" (IEEE
// Transactions on Image Processing 13, 2004).
const (
	ssimWindow = 11
	ssimSigma  = 1.5
	ssimC1     = (0.01 * 255) * (0.01 * 255)
	ssimC2     = (0.03 * 255) * (0.03 * 255)
)

// SSIM returns the mean structural similarity of the luma of two opaque
// pictures of the same size, -1 to 1, as Wang et al. (2004) define it: a
// Gaussian window of 11x11 pixels, sigma 1.5, in all places where it lies
// within the picture; luma is 0.299·R + 0.587·G + 0.114·B. ok is false where
// a side is shorter than the window. It panics if the sizes differ.
func SSIM(a, b *image.NRGBA) (mean float64, ok bool) {
	w, h := size(a, b)
	if w < ssimWindow || h < ssimWindow {
		return 0, false
	}
	x, y := luma(a, w, h), luma(b, w, h)
	product := func(p, q []float64) []float64 {
		r := make([]float64, len(p))
		for i := range p {
			r[i] = p[i] * q[i]
		}
		return blur(r, w, h)
	}
	xx, yy, xy := product(x, x), product(y, y), product(x, y)
	x, y = blur(x, w, h), blur(y, w, h)
	var sum float64
	for i, mx := range x {
		my := y[i]
		vx, vy, cov := xx[i]-mx*mx, yy[i]-my*my, xy[i]-mx*my
		sum += (2*mx*my + ssimC1) * (2*cov + ssimC2) / ((mx*mx + my*my + ssimC1) * (vx + vy + ssimC2))
	}
	return sum / float64(len(x)), true
}

// luma returns the brightness of the pixels, [h, w], 0 to 255.
func luma(im *image.NRGBA, w, h int) []float64 {
	out := make([]float64, 0, w*h)
	for y := range h {
		for p := row(im, y, w); len(p) > 0; p = p[4:] {
			out = append(out, 0.299*float64(p[0])+0.587*float64(p[1])+0.114*float64(p[2]))
		}
	}
	return out
}

var gaussian = func() (g [ssimWindow]float64) {
	var sum float64
	for i := range g {
		d := float64(i - ssimWindow/2)
		g[i] = math.Exp(-d * d / (2 * ssimSigma * ssimSigma))
		sum += g[i]
	}
	for i := range g {
		g[i] /= sum
	}
	return g
}()

// blur returns the means of x, [h, w], under the window in all its places,
// [h-10, w-10]. The window is the product of a row and a column.
func blur(x []float64, w, h int) []float64 {
	nw, nh := w-ssimWindow+1, h-ssimWindow+1
	rows := make([]float64, h*nw)
	for at := range rows {
		for i, g := range gaussian {
			rows[at] += g * x[at/nw*w+at%nw+i]
		}
	}
	out := make([]float64, nh*nw)
	for at := range out {
		for i, g := range gaussian {
			out[at] += g * rows[at+i*nw]
		}
	}
	return out
}

package quality

import (
	"image"
	"image/color"
	"math"
	"testing"
)

// picture makes the synthetic pictures of testdata/golden.py.
func picture(w, h, noise, shift int) *image.NRGBA {
	im := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for px := range w {
			x := px + shift
			for c := range 3 {
				v := (x*5 + y*9 + c*60 + (x/8+y/6)%2*90 + x*y/4) % 311
				if noise > 0 {
					k := (x*7919 + y*104729 + c*1299709 + 12345) % 65537
					k = k * k % 65537
					v += k%(2*noise+1) - noise
				}
				im.Pix[im.PixOffset(px, y)+c] = uint8(max(0, min(v, 255)))
			}
			im.Pix[im.PixOffset(px, y)+3] = 255
		}
	}
	return im
}

// The values of testdata/golden.py, which scikit-image computes.
func TestAgainstScikitImage(t *testing.T) {
	for _, c := range []struct {
		w, h, noise, shift int
		psnr, ssim         float64
	}{
		{24, 32, 0, 1, 12.2271176436, 0.548145177909},
		{64, 48, 3, 0, 43.1011831332, 0.999502456322},
		{64, 48, 40, 0, 21.9822077701, 0.939398677623},
		{50, 50, 200, 0, 9.43899116131, 0.440603727004},
		{11, 11, 10, 0, 33.1891042861, 0.996791828835},
		{40, 12, 12, 3, 8.45314466608, 0.148615416764},
		{33, 90, 0, 5, 6.68803737362, -0.0300152116332},
	} {
		a, b := picture(c.w, c.h, 0, 0), picture(c.w, c.h, c.noise, c.shift)
		if got := PSNR(MSE(a, b)); math.Abs(got-c.psnr) > 1e-9 {
			t.Errorf("%+v: PSNR %v", c, got)
		}
		if got, ok := SSIM(a, b); !ok || math.Abs(got-c.ssim) > 1e-9 {
			t.Errorf("%+v: SSIM %v, %v", c, got, ok)
		}
	}
}

func TestEqualPictures(t *testing.T) {
	a := picture(20, 15, 9, 0)
	if mse := MSE(a, a); mse != 0 || !math.IsInf(PSNR(mse), 1) {
		t.Errorf("mean squared error %v, PSNR %v", mse, PSNR(mse))
	}
	if got, ok := SSIM(a, a); !ok || math.Abs(got-1) > 1e-12 {
		t.Errorf("SSIM %v, %v", got, ok)
	}
}

// Parts of larger pictures have a stride of their own.
func TestSubImages(t *testing.T) {
	a, b := picture(40, 40, 0, 0), picture(40, 40, 30, 0)
	cut := func(im *image.NRGBA) *image.NRGBA { return im.SubImage(image.Rect(5, 7, 25, 30)).(*image.NRGBA) }
	whole := func(im *image.NRGBA) *image.NRGBA {
		out := image.NewNRGBA(image.Rect(0, 0, 20, 23))
		for y := range 23 {
			for x := range 20 {
				out.Set(x, y, im.At(x+5, y+7))
			}
		}
		return out
	}
	if got, want := MSE(cut(a), cut(b)), MSE(whole(a), whole(b)); got != want {
		t.Errorf("mean squared error %v, want %v", got, want)
	}
	got, _ := SSIM(cut(a), cut(b))
	if want, _ := SSIM(whole(a), whole(b)); got != want {
		t.Errorf("SSIM %v, want %v", got, want)
	}
}

func TestExtremes(t *testing.T) {
	fill := func(c color.Color, w, h int) *image.NRGBA {
		im := image.NewNRGBA(image.Rect(0, 0, w, h))
		for i := range w * h {
			im.Set(i%w, i/w, c)
		}
		return im
	}
	black, white := fill(color.Black, 12, 12), fill(color.White, 12, 12)
	if got := PSNR(MSE(black, white)); got != 0 {
		t.Errorf("PSNR of black and white is %v, want 0", got)
	}
	// Without structure the means alone count: C1 / (255² + C1).
	if got, _ := SSIM(black, white); math.Abs(got-ssimC1/(255*255+ssimC1)) > 1e-12 {
		t.Errorf("SSIM of black and white is %v", got)
	}
	if _, ok := SSIM(fill(color.Black, 10, 300), fill(color.White, 10, 300)); ok {
		t.Error("a window that does not fit")
	}
	defer func() {
		if recover() == nil {
			t.Error("pictures of two sizes were compared")
		}
	}()
	MSE(black, fill(color.Black, 12, 13))
}

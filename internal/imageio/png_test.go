package imageio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestLevels(t *testing.T) {
	for v, want := range map[float32]uint8{
		-1: 0, 1: 255, 0: 128, -2: 0, 7: 255,
		-1 + 2*0.49/255: 0, -1 + 2*0.51/255: 1, -1 + 2*254.49/255: 254, -1 + 2*254.51/255: 255,
		float32(math.Inf(1)): 255, float32(math.Inf(-1)): 0,
	} {
		if got := level(v); got != want {
			t.Errorf("level(%v) = %d, want %d", v, got, want)
		}
	}
	if got := level(float32(math.NaN())); got != 0 {
		t.Errorf("level(NaN) = %d", got)
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	const h, w = 3, 5
	values := make([]float32, h*w*3)
	for i := range values {
		values[i] = float32(i*17%256)/255*2 - 1
	}
	var b bytes.Buffer
	if err := WritePNG(&b, RGB(values, h, w)); err != nil {
		t.Fatal(err)
	}
	got, gh, gw, err := ReadPNG(bytes.NewReader(b.Bytes()), "x.png")
	if err != nil || gh != h || gw != w {
		t.Fatalf("%d x %d, %v", gw, gh, err)
	}
	for i, v := range got {
		if math.Abs(float64(v-values[i])) > 1e-6 {
			t.Errorf("value %d is %v, want %v", i, v, values[i])
		}
	}
}

// The quick way keeps every pixel.
func TestQuickPNG(t *testing.T) {
	im := image.NewNRGBA(image.Rect(0, 0, 40, 30))
	for i := range im.Pix {
		im.Pix[i] = byte(i * i >> 3)
	}
	var quick, plain bytes.Buffer
	if err := errors.Join(WriteQuickPNG(&quick, im), WritePNG(&plain, im)); err != nil {
		t.Fatal(err)
	}
	a, h, w, err := ReadPNG(bytes.NewReader(quick.Bytes()), "quick.png")
	if err != nil || h != 30 || w != 40 {
		t.Fatalf("%d x %d, %v", w, h, err)
	}
	if b, _, _, _ := ReadPNG(bytes.NewReader(plain.Bytes()), "plain.png"); !slices.Equal(a, b) {
		t.Error("other pixels")
	}
}

// All kinds of PNG give the same colours; transparency is ignored.
func TestReadPNGOfEveryKind(t *testing.T) {
	want := color.NRGBA{R: 200, G: 100, B: 51, A: 255}
	clear := color.NRGBA{R: 200, G: 100, B: 51, A: 40}
	rect := image.Rect(0, 0, 2, 2)
	fill := func(im interface {
		image.Image
		Set(x, y int, c color.Color)
	}, c color.Color) image.Image {
		for y := range 2 {
			for x := range 2 {
				im.Set(x, y, c)
			}
		}
		return im
	}
	wide := color.NRGBA64{R: 200 * 257, G: 100 * 257, B: 51 * 257, A: 1000}
	for name, im := range map[string]image.Image{
		"RGB":            fill(image.NewNRGBA(rect), want),
		"RGBA":           fill(image.NewNRGBA(rect), clear),
		"16 bits":        fill(image.NewNRGBA64(rect), color.NRGBA64{R: 200 * 257, G: 100 * 257, B: 51 * 257, A: 65535}),
		"16 bits, alpha": fill(image.NewNRGBA64(rect), wide),
		"palette":        fill(image.NewPaletted(rect, color.Palette{want, color.White}), want),
		"palette, alpha": fill(image.NewPaletted(rect, color.Palette{color.Black, clear}), clear),
	} {
		var b bytes.Buffer
		if err := png.Encode(&b, im); err != nil {
			t.Fatal(err)
		}
		got, _, _, err := ReadPNG(bytes.NewReader(b.Bytes()), name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, c := range []float32{200, 100, 51} {
			if v := (got[i] + 1) / 2 * 255; math.Abs(float64(v-c)) > 0.01 {
				t.Errorf("%s: colour %d is %v, want %v", name, i, v, c)
			}
		}
	}
	grey := image.NewGray(rect)
	grey.SetGray(0, 0, color.Gray{Y: 51})
	var b bytes.Buffer
	if err := png.Encode(&b, grey); err != nil {
		t.Fatal(err)
	}
	got, _, _, err := ReadPNG(bytes.NewReader(b.Bytes()), "grey")
	if err != nil || got[0] != got[2] || math.Abs(float64(got[0])+0.6) > 1e-6 {
		t.Errorf("grey: %v, %v", got[:3], err)
	}
}

// A picture that claims a huge size is refused before memory is taken for it.
func TestReadPNGRefusesHugePictures(t *testing.T) {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, 1, 1))); err != nil {
		t.Fatal(err)
	}
	data := b.Bytes()
	binary.BigEndian.PutUint32(data[16:], 1<<20)
	binary.BigEndian.PutUint32(data[20:], 1<<20)
	binary.BigEndian.PutUint32(data[29:], crc32.ChecksumIEEE(data[12:29]))
	_, _, _, err := ReadPNG(bytes.NewReader(data), "huge.png")
	if err == nil || !strings.Contains(err.Error(), "huge.png: a picture of 1048576 x 1048576 pixels: want at most 67108864") {
		t.Errorf("error %v", err)
	}
}

func FuzzReadPNG(f *testing.F) {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, 3, 2))); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("\x89PNG\r\n\x1a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		// Larger ones are slow, not different.
		if c, err := png.DecodeConfig(bytes.NewReader(data)); err == nil && c.Width*c.Height > 1<<16 {
			return
		}
		values, h, w, err := ReadPNG(bytes.NewReader(data), "x")
		if err == nil && len(values) != h*w*3 {
			t.Errorf("%d values for %d x %d", len(values), w, h)
		}
	})
}

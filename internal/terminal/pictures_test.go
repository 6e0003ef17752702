package terminal

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// small is 2 x 2 pixels: red, green; blue, grey.
func small() *image.NRGBA {
	im := image.NewNRGBA(image.Rect(0, 0, 2, 2))
	im.SetNRGBA(0, 0, color.NRGBA{255, 0, 0, 255})
	im.SetNRGBA(1, 0, color.NRGBA{0, 200, 0, 255})
	im.SetNRGBA(0, 1, color.NRGBA{0, 0, 255, 255})
	im.SetNRGBA(1, 1, color.NRGBA{128, 128, 128, 255})
	return im
}

func TestBlocks(t *testing.T) {
	var b bytes.Buffer
	blocks(&b, small(), 2, 1, sgr24)
	want := "\x1b[38;2;255;0;0m\x1b[48;2;0;0;255m▀\x1b[38;2;0;200;0m\x1b[48;2;128;128;128m▀\x1b[m\n"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
	b.Reset()
	blocks(&b, small(), 2, 1, sgr256)
	want = "\x1b[38;5;196m\x1b[48;5;21m▀\x1b[38;5;40m\x1b[48;5;244m▀\x1b[m\n"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

// No other of the 240 colours is nearer.
func TestXterm256IsTheNearest(t *testing.T) {
	var palette [256][3]int
	for i := range 240 {
		n := i + 16
		palette[n] = [3]int{8 + 10*(n-232), 8 + 10*(n-232), 8 + 10*(n-232)}
		if n < 232 {
			palette[n] = [3]int{cube[i/36], cube[i/6%6], cube[i%6]}
		}
	}
	for r := 0; r < 256; r += 15 {
		for g := 0; g < 256; g += 17 {
			for b := 0; b < 256; b += 5 {
				d := func(n int) int { return distance(r-palette[n][0], g-palette[n][1], b-palette[n][2]) }
				got := xterm256(color.NRGBA{uint8(r), uint8(g), uint8(b), 255})
				for n := 16; n < 256; n++ {
					if d(n) < d(got) {
						t.Fatalf("%d, %d, %d is %d, but %d is nearer", r, g, b, got, n)
					}
				}
			}
		}
	}
}

// A colour that stays is not said again.
func TestBlocksOfOneColour(t *testing.T) {
	im := image.NewNRGBA(image.Rect(0, 0, 3, 4))
	for i := range im.Pix {
		im.Pix[i] = 255
	}
	var b bytes.Buffer
	blocks(&b, im, 3, 2, sgr24)
	line := "\x1b[38;2;255;255;255m\x1b[48;2;255;255;255m▀▀▀\x1b[m\n"
	if b.String() != line+line {
		t.Errorf("%q", b.String())
	}
}

func TestShades(t *testing.T) {
	im := image.NewNRGBA(image.Rect(0, 0, len(ramp), 2))
	for x := range len(ramp) {
		im.SetNRGBA(x, 0, color.NRGBA{255, 255, 255, 255})
		v := uint8(x * 255 / (len(ramp) - 1))
		im.SetNRGBA(x, 1, color.NRGBA{v, v, v, 255})
	}
	var b bytes.Buffer
	shades(&b, im, len(ramp), 2)
	if want := strings.Repeat("@", len(ramp)) + "\n" + ramp + "\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

// samePNG wants the base64 of a PNG file of a picture.
func samePNG(t *testing.T, text string, want *image.NRGBA) {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	got, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if got.Bounds() != want.Rect {
		t.Fatalf("%v, want %v", got.Bounds(), want.Rect)
	}
	for y := range want.Rect.Dy() {
		for x := range want.Rect.Dx() {
			if color.NRGBAModel.Convert(got.At(x, y)) != want.At(x, y) {
				t.Fatalf("pixel %d, %d is %v", x, y, got.At(x, y))
			}
		}
	}
}

func TestKittyImage(t *testing.T) {
	var b bytes.Buffer
	if err := kittyImage(&b, small(), 3, 2, 77); err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`^\x1b_G([^;]*);([^\x1b]*)\x1b\\$`).FindStringSubmatch(b.String())
	if m == nil {
		t.Fatalf("%q", b.String())
	}
	if want := "f=100,q=2,i=77,p=1,C=1,c=3,r=2,a=T"; m[1] != want {
		t.Errorf("control data %q, want %q", m[1], want)
	}
	samePNG(t, m[2], small())
}

// A picture that is too large for one piece comes in several of 4096 bytes.
func TestKittyImageInPieces(t *testing.T) {
	im := image.NewNRGBA(image.Rect(0, 0, 70, 70))
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range im.Pix {
		im.Pix[i] = byte(rng.Uint32())
		if i%4 == 3 {
			im.Pix[i] = 255
		}
	}
	var b bytes.Buffer
	if err := kittyImage(&b, im, 3, 2, 77); err != nil {
		t.Fatal(err)
	}
	pieces := regexp.MustCompile(`\x1b_G([^;\x1b]*);?([^\x1b]*)\x1b\\`).FindAllStringSubmatch(b.String(), -1)
	if len(pieces) < 3 {
		t.Fatalf("%d pieces", len(pieces))
	}
	var all string
	for i, p := range pieces {
		all += p[2]
		last := i == len(pieces)-1
		if i > 0 && !last && p[1] != "q=2,m=1" || last && p[1] != "q=2,m=0" || i == 0 && !strings.HasSuffix(p[1], "a=T,m=1") {
			t.Errorf("piece %d has control data %q", i, p[1])
		}
		if !last && len(p[2]) != 4096 {
			t.Errorf("piece %d has %d bytes", i, len(p[2]))
		}
	}
	samePNG(t, all, im)
}

func TestITermImage(t *testing.T) {
	var b bytes.Buffer
	if err := itermImage(&b, small(), 3, 2); err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`^\x1b\]1337;File=size=\d+;width=3;height=2;preserveAspectRatio=0;inline=1:(.*)\x07$`).FindStringSubmatch(b.String())
	if m == nil {
		t.Fatalf("%q", b.String())
	}
	samePNG(t, m[1], small())
}

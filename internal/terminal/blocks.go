package terminal

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"strconv"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/image/draw"
)

// scale returns a picture in w x h pixels.
func scale(im image.Image, w, h int) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	draw.CatmullRom.Scale(out, out.Rect, im, im.Bounds(), draw.Src, nil)
	return out
}

// ramp is characters from dark to bright, for light text on a dark ground.
const ramp = " .:-=+*#%@"

// shades writes a picture as cols x rows characters.
func shades(b *bytes.Buffer, im image.Image, cols, rows int) {
	small := scale(im, cols, rows)
	for y := range rows {
		for x := range cols {
			level := int(color.GrayModel.Convert(small.NRGBAAt(x, y)).(color.Gray).Y)
			b.WriteByte(ramp[level*len(ramp)/256])
		}
		b.WriteByte('\n')
	}
}

// blocks writes a picture as cols x rows upper half blocks, each two pixels:
// the text's colour is the upper one, the ground's the lower.
func blocks(b *bytes.Buffer, im image.Image, cols, rows int, sgr func(ground bool, c color.NRGBA) string) {
	small := scale(im, cols, 2*rows)
	for y := range rows {
		var text, ground string
		for x := range cols {
			if s := sgr(false, small.NRGBAAt(x, 2*y)); s != text {
				text = s
				b.WriteString(s)
			}
			if s := sgr(true, small.NRGBAAt(x, 2*y+1)); s != ground {
				ground = s
				b.WriteString(s)
			}
			b.WriteString("▀")
		}
		b.WriteString(ansi.ResetStyle)
		b.WriteByte('\n')
	}
}

// sgr24 is the sequence for a colour of 24 bits.
func sgr24(ground bool, c color.NRGBA) string {
	return fmt.Sprintf("\x1b[%d;2;%d;%d;%dm", selects(ground), c.R, c.G, c.B)
}

// sgr256 is the sequence for the nearest of xterm's 256 colours.
func sgr256(ground bool, c color.NRGBA) string {
	return "\x1b[" + strconv.Itoa(selects(ground)) + ";5;" + strconv.Itoa(xterm256(c)) + "m"
}

// xterm256 is the number of the nearest colour of xterm's cube of 6 x 6 x 6,
// 16 to 231, or of its greys, 232 to 255. The first 16 are the user's.
// ansi.Convert256 goes by hue first, which turns dark greys into navy.
func xterm256(c color.NRGBA) int {
	r, g, b := int(c.R), int(c.G), int(c.B)
	cr, cg, cb := cubeLevel(r), cubeLevel(g), cubeLevel(b)
	grey := min(max(((r+g+b)/3-3)/10, 0), 23)
	v := 8 + 10*grey
	if distance(r-v, g-v, b-v) < distance(r-cube[cr], g-cube[cg], b-cube[cb]) {
		return 232 + grey
	}
	return 16 + 36*cr + 6*cg + cb
}

// cube is the levels of xterm's cube.
var cube = [6]int{0, 95, 135, 175, 215, 255}

func cubeLevel(v int) int {
	best := 0
	for i, level := range cube {
		if (v-level)*(v-level) < (v-cube[best])*(v-cube[best]) {
			best = i
		}
	}
	return best
}

func distance(r, g, b int) int { return r*r + g*g + b*b }

func selects(ground bool) int {
	if ground {
		return 48
	}
	return 38
}

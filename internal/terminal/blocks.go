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
	return "\x1b[" + strconv.Itoa(selects(ground)) + ";5;" + strconv.Itoa(int(ansi.Convert256(c))) + "m"
}

func selects(ground bool) int {
	if ground {
		return 48
	}
	return 38
}

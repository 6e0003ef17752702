package chart

import (
	"image/color"
	"math"
)

var (
	ink    = color.RGBA{0x24, 0x29, 0x2f, 0xff} // text and axes
	muted  = color.RGBA{0x6b, 0x72, 0x7c, 0xff} // labels of ticks, references
	grid   = color.RGBA{0xe6, 0xe8, 0xeb, 0xff}
	absent = color.RGBA{0xf2, 0xf3, 0xf4, 0xff} // cells without a value
	paper  = color.RGBA{0xff, 0xff, 0xff, 0xff}
)

// seriesColours can be told apart with any kind of colour vision, and in grey.
var seriesColours = []color.RGBA{
	{0x1f, 0x5f, 0xa8, 0xff}, // blue
	{0xdd, 0x6b, 0x10, 0xff}, // orange
	{0x2a, 0x8f, 0x72, 0xff}, // green
	{0x8e, 0x4a, 0x9c, 0xff}, // violet
}

// heatStops are the colours of a scale that gets lighter from 0 to 1 all the
// way, so that it reads in grey, too.
var heatStops = []color.RGBA{
	{0x10, 0x0c, 0x2e, 0xff},
	{0x3b, 0x13, 0x6b, 0xff},
	{0x7d, 0x1e, 0x6d, 0xff},
	{0xbd, 0x37, 0x54, 0xff},
	{0xe8, 0x6a, 0x2c, 0xff},
	{0xf8, 0xae, 0x2b, 0xff},
	{0xfb, 0xf3, 0xb0, 0xff},
}

// heat is the colour of v, 0 to 1.
func heat(v float64) color.RGBA {
	v = max(0, min(v, 1)) * float64(len(heatStops)-1)
	i := min(int(v), len(heatStops)-2)
	a, b, t := heatStops[i], heatStops[i+1], v-float64(i)
	mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + (float64(b)-float64(a))*t)) }
	return color.RGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), 0xff}
}

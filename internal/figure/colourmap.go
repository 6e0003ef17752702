// Package figure draws pictures of numbers: grids as heat maps with a legend.
//
//	colourmap.go  number -> colour       text.go  words and numbers
//	heatmap.go    the picture            ticks.go which numbers an axis shows
package figure

import (
	"image/color"

	"github.com/lucasb-eyer/go-colorful"
)

// viridis is the colour map of that name (van der Walt and Smith, public
// domain) at ten places: as bright as the number is large, with even steps
// for the eye, also in print and for people who see few colours.
var viridis = func() (table [256]color.NRGBA) {
	var at []colorful.Color
	for _, hex := range []string{
		"#440154", "#482878", "#3e4989", "#31688e", "#26828e",
		"#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725",
	} {
		c, err := colorful.Hex(hex)
		if err != nil {
			panic(err)
		}
		at = append(at, c)
	}
	for i := range table {
		place := float64(i) / 255 * float64(len(at)-1)
		k := min(int(place), len(at)-2)
		r, g, b := at[k].BlendLab(at[k+1], place-float64(k)).Clamped().RGB255()
		table[i] = color.NRGBA{r, g, b, 255}
	}
	return table
}()

// Viridis returns the colour of a number from 0 to 1; others are clamped.
func Viridis(v float64) color.NRGBA {
	return viridis[int(min(max(v, 0), 1)*255+0.5)]
}

// on returns black or white, whichever is readable on a colour.
func on(c color.NRGBA) color.NRGBA {
	l, _, _ := colorful.Color{R: float64(c.R) / 255, G: float64(c.G) / 255, B: float64(c.B) / 255}.Lab()
	if l > 0.6 {
		return color.NRGBA{0, 0, 0, 255}
	}
	return color.NRGBA{255, 255, 255, 255}
}

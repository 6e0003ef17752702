package imageio

import (
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"io"
	"math"
	"time"
)

// An Animation is a GIF of frames of one size, which have one palette and
// store what changed since the frame before.
type Animation struct {
	gif     gif.GIF
	palette color.Palette    // entry 0 is transparent, for pixels that stay as they are
	shades  []shade          // the palette but entry 0
	index   map[uint32]uint8 // colour -> palette entry
	spread  float64          // of the dithering, in levels
	canvas  []uint8          // the palette entries that show
}

type shade struct{ r, g, b int }

// NewAnimation returns an animation without frames, with the colours of a
// picture. The fixed colours, 32 at most, are kept exactly; others become
// patterns of the nearest two where the palette has to be coarse. The patterns
// stay in their place from frame to frame.
func NewAnimation(of *image.NRGBA, fixed ...color.NRGBA) *Animation {
	if len(fixed) > 32 {
		panic(fmt.Sprintf("imageio: %d fixed colours", len(fixed)))
	}
	a := &Animation{palette: color.Palette{color.NRGBA{}}, index: map[uint32]uint8{}}
	for _, c := range append(fixed, newPalette(of, 255-len(fixed))...) {
		if _, ok := a.index[key(c)]; ok {
			continue
		}
		a.index[key(c)] = uint8(len(a.palette))
		a.palette = append(a.palette, c)
		a.shades = append(a.shades, shade{int(c.R), int(c.G), int(c.B)})
	}
	if len(a.palette) == 256 {
		a.spread = spacing(a.shades)
	}
	size := of.Rect.Size()
	a.gif.Config = image.Config{ColorModel: a.palette, Width: size.X, Height: size.Y}
	return a
}

func key(c color.NRGBA) uint32 { return uint32(c.R)<<16 | uint32(c.G)<<8 | uint32(c.B) }

// spacing is the mean distance of a shade from the nearest other one.
func spacing(shades []shade) float64 {
	sum := 0.0
	for i, a := range shades {
		best := math.MaxInt
		for j, b := range shades {
			if i != j {
				best = min(best, a.distance(b))
			}
		}
		sum += math.Sqrt(float64(best) / 3)
	}
	return sum / float64(len(shades))
}

func (s shade) distance(o shade) int {
	r, g, b := s.r-o.r, s.g-o.g, s.b-o.b
	return r*r + g*g + b*b
}

// Add adds a frame, of the size of the palette's picture, that is shown for a
// time of at least 20 ms. Programs that show GIFs take less than that for 100.
func (a *Animation) Add(im *image.NRGBA, shown time.Duration) {
	w, h := a.gif.Config.Width, a.gif.Config.Height
	if im.Rect.Size() != (image.Point{w, h}) {
		panic(fmt.Sprintf("imageio: a frame of %v in an animation of %d x %d", im.Rect.Size(), w, h))
	}
	delay := max(2, int(shown/(10*time.Millisecond)))
	frame := image.NewPaletted(image.Rect(0, 0, w, h), a.palette)
	changed := image.Rectangle{}
	if a.canvas == nil {
		a.canvas = make([]uint8, w*h)
		changed = frame.Rect
	}
	for y := range h {
		for x := range w {
			i := y*w + x
			p := im.Pix[im.PixOffset(im.Rect.Min.X+x, im.Rect.Min.Y+y):]
			entry := a.entry(color.NRGBA{p[0], p[1], p[2], 255}, x, y)
			if a.canvas[i] != entry {
				a.canvas[i], frame.Pix[i] = entry, entry
				changed = changed.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	if changed.Empty() {
		a.gif.Delay[len(a.gif.Delay)-1] += delay
		return
	}
	// What is cut off is not encoded; the rest is the memory of a frame.
	a.gif.Image = append(a.gif.Image, frame.SubImage(changed).(*image.Paletted))
	a.gif.Delay = append(a.gif.Delay, delay)
	a.gif.Disposal = append(a.gif.Disposal, gif.DisposalNone)
}

// bayer is the order in which a pattern of 8 x 8 pixels fills up, 0 to 63.
var bayer = func() (m [8][8]float64) {
	for y := range m {
		for x := range m[y] {
			order := 0
			for bit := range 3 {
				a, b := x>>bit&1, y>>bit&1
				order |= (a ^ b) << (2*(2-bit) + 1)
				order |= b << (2 * (2 - bit))
			}
			m[y][x] = (float64(order)+0.5)/64 - 0.5
		}
	}
	return m
}()

// entry is the palette entry of a colour at a place. Colours of the palette
// are not dithered.
func (a *Animation) entry(c color.NRGBA, x, y int) uint8 {
	if i, ok := a.index[key(c)]; ok && (a.spread == 0 || a.palette[i] == color.Color(c)) {
		return i
	}
	if a.spread != 0 {
		d := bayer[y%8][x%8] * a.spread
		c = color.NRGBA{shift(c.R, d), shift(c.G, d), shift(c.B, d), 255}
		if i, ok := a.index[key(c)]; ok {
			return i
		}
	}
	i := a.nearest(c)
	a.index[key(c)] = i
	return i
}

func shift(v uint8, by float64) uint8 { return uint8(min(max(math.Round(float64(v)+by), 0), 255)) }

func (a *Animation) nearest(c color.NRGBA) uint8 {
	s := shade{int(c.R), int(c.G), int(c.B)}
	best, found := math.MaxInt, 0
	for i, o := range a.shades {
		if d := s.distance(o); d < best {
			best, found = d, i
		}
	}
	return uint8(found + 1)
}

// Frames is the number of frames that differ from the one before.
func (a *Animation) Frames() int { return len(a.gif.Image) }

// Write writes the animation, which runs for ever.
func (a *Animation) Write(w io.Writer) error {
	if len(a.gif.Image) == 0 {
		panic("imageio: an animation without frames")
	}
	return gif.EncodeAll(w, &a.gif)
}

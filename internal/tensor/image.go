package tensor

import "fmt"

// An Image is a feature map of H rows, W columns and C channels, channels
// fastest (NHWC with N = 1), inside a border of Pad pixels of zeros.
//
//	Data: [H+2·Pad, W+2·Pad, C]
type Image struct {
	H, W, C, Pad int
	Data         []float32
}

// NewImage returns an image of zeros.
func NewImage(h, w, c, pad int) *Image {
	return &Image{H: h, W: w, C: c, Pad: pad, Data: make([]float32, ImageLen(h, w, c, pad))}
}

// ImageLen is the number of values that an image's Data has.
func ImageLen(h, w, c, pad int) int { return (h + 2*pad) * (w + 2*pad) * c }

// Row returns row y without its border, W·C values.
func (im *Image) Row(y int) []float32 {
	stride := (im.W + 2*im.Pad) * im.C
	return im.Data[(y+im.Pad)*stride+im.Pad*im.C:][:im.W*im.C]
}

// Pixels returns the values of an image without a border, [H·W, C].
func (im *Image) Pixels() []float32 {
	if im.Pad != 0 {
		panic("tensor: Pixels of an image with a border")
	}
	return im.Data
}

// Reshape makes im an image of this shape in the memory that it has, which
// must suffice. The border is zeroed, the rest is undefined.
func (im *Image) Reshape(h, w, c, pad int) {
	n := ImageLen(h, w, c, pad)
	if n > cap(im.Data) {
		panic(fmt.Sprintf("tensor: image %dx%dx%d+%d needs %d values, buffer has %d", h, w, c, pad, n, cap(im.Data)))
	}
	*im = Image{H: h, W: w, C: c, Pad: pad, Data: im.Data[:n]}
	if pad == 0 {
		return
	}
	stride := (w + 2*pad) * c
	clear(im.Data[:pad*stride])
	clear(im.Data[(h+pad)*stride:])
	for y := pad; y < h+pad; y++ {
		row := im.Data[y*stride:][:stride]
		clear(row[:pad*c])
		clear(row[(w+pad)*c:])
	}
}

// mustMatch panics unless the images have the same height, width and channels.
func mustMatch(what string, a, b *Image) {
	if a.H != b.H || a.W != b.W || a.C != b.C {
		panic(fmt.Sprintf("tensor: %s of %dx%dx%d and %dx%dx%d", what, a.H, a.W, a.C, b.H, b.W, b.C))
	}
}

// AddImage sets dst += src; borders stay as they are.
func (p *Pool) AddImage(dst, src *Image) {
	mustMatch("AddImage", dst, src)
	p.addImage = addTask{dst, src}
	p.Run(&p.addImage, dst.H, 8)
	p.addImage = addTask{}
}

type addTask struct{ dst, src *Image }

func (t *addTask) Do(_, lo, hi int) {
	for y := lo; y < hi; y++ {
		Add(t.dst.Row(y), t.src.Row(y))
	}
}

// AddToRows adds v to each row of y, [n, len(v)].
func (p *Pool) AddToRows(y, v []float32) {
	if len(v) == 0 || len(y)%len(v) != 0 {
		panic(fmt.Sprintf("tensor: AddToRows of %d values to rows in %d", len(v), len(y)))
	}
	p.addToRows = addToRowsTask{y, v}
	p.Run(&p.addToRows, len(y)/len(v), max(1, addValues/len(v)))
	p.addToRows = addToRowsTask{}
}

// addValues is how many values a thread adds at a time: microseconds of work.
const addValues = 32 << 10

type addToRowsTask struct{ y, v []float32 }

func (t *addToRowsTask) Do(_, lo, hi int) {
	n := len(t.v)
	for i := lo; i < hi; i++ {
		Add(t.y[i*n:][:n], t.v)
	}
}

// Upsample doubles the height and width by repeating pixels.
// dst: [2H, 2W, C], any border; src: [H, W, C].
func (p *Pool) Upsample(dst, src *Image) {
	if dst.H != 2*src.H || dst.W != 2*src.W || dst.C != src.C {
		panic(fmt.Sprintf("tensor: Upsample of %dx%dx%d to %dx%dx%d", src.H, src.W, src.C, dst.H, dst.W, dst.C))
	}
	p.upsample = upsampleTask{dst, src}
	p.Run(&p.upsample, dst.H, 8)
	p.upsample = upsampleTask{}
}

type upsampleTask struct{ dst, src *Image }

func (t *upsampleTask) Do(_, lo, hi int) {
	c := t.src.C
	for y := lo; y < hi; y++ {
		from, to := t.src.Row(y/2), t.dst.Row(y)
		for x := 0; x < t.dst.W; x++ {
			copy(to[x*c:][:c], from[x/2*c:][:c])
		}
	}
}

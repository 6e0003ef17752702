package tensor

import "fmt"

// An Image is a feature map of H rows, W columns and C channels, channels
// fastest (NHWC with N = 1).
//
//	Data: [H, W, C]
type Image struct {
	H, W, C int
	Data    []float32
}

// NewImage returns an image of zeros.
func NewImage(h, w, c int) *Image {
	return &Image{H: h, W: w, C: c, Data: make([]float32, h*w*c)}
}

// Row returns row y, W·C values.
func (im *Image) Row(y int) []float32 { return im.Data[y*im.W*im.C:][:im.W*im.C] }

// mustMatch panics unless the images have the same height, width and channels.
func mustMatch(what string, a, b *Image) {
	if a.H != b.H || a.W != b.W || a.C != b.C {
		panic(fmt.Sprintf("tensor: %s of %dx%dx%d and %dx%dx%d", what, a.H, a.W, a.C, b.H, b.W, b.C))
	}
}

// AddImage sets dst += src.
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

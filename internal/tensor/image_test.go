package tensor

import (
	"fmt"
	"testing"
)

func TestReshapeClearsTheBorder(t *testing.T) {
	im := &Image{Data: make([]float32, 200)}
	for i := range im.Data {
		im.Data[i] = 7
	}
	im.Reshape(2, 3, 4, 1)
	if len(im.Data) != ImageLen(2, 3, 4, 1) || len(im.Data) != 4*5*4 {
		t.Fatalf("%d values", len(im.Data))
	}
	for i, v := range im.Data {
		y, x := i/(5*4), i/4%5
		want := float32(7)
		if y == 0 || y == 3 || x == 0 || x == 4 {
			want = 0
		}
		if v != want {
			t.Errorf("row %d, column %d: %v, want %v", y, x, v, want)
		}
	}
	mustPanic(t, "Pixels of an image with a border", func() { im.Pixels() })
	mustPanic(t, "a shape that needs more memory", func() { im.Reshape(10, 10, 10, 0) })
}

func TestUpsampleAndAdd(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	src := &Image{H: 1, W: 2, C: 2, Data: []float32{1, 2, 3, 4}}
	dst := NewImage(2, 4, 2, 1)
	p.Upsample(dst, src)
	for y := range 2 {
		sameBits(t, "Upsample", dst.Row(y), []float32{1, 2, 1, 2, 3, 4, 3, 4})
	}
	p.AddImage(dst, dst)
	sameBits(t, "AddImage", dst.Row(1), []float32{2, 4, 2, 4, 6, 8, 6, 8})
	mustPanic(t, "Upsample to another size", func() { p.Upsample(src, src) })
	mustPanic(t, "AddImage of another size", func() { p.AddImage(dst, src) })
}

func TestAddToRows(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	for _, shape := range [][2]int{{1, 1}, {7, 3}, {100, 1000}, {3, 2 * addValues}} {
		rows, n := shape[0], shape[1]
		y, v := newGuarded(rows*n, 1, normals(1)), randoms(n, 2)
		want := copyOf(y.data)
		for i := range want {
			want[i] += v[i%n]
		}
		p.AddToRows(y.data, v)
		what := fmt.Sprintf("%d rows of %d", rows, n)
		sameBits(t, what, y.data, want)
		y.check(t, what)
	}
	p.AddToRows(nil, []float32{1})
	mustPanic(t, "no whole rows", func() { p.AddToRows(make([]float32, 3), make([]float32, 2)) })
	mustPanic(t, "rows of nothing", func() { p.AddToRows(nil, nil) })
}

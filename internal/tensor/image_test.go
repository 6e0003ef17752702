package tensor

import (
	"fmt"
	"testing"
)

func TestAddImage(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	dst, src := randomImage(20, 3, 5, 1), randomImage(20, 3, 5, 2)
	want := copyOf(dst.Data)
	for i := range want {
		want[i] += src.Data[i]
	}
	p.AddImage(dst, src)
	sameBits(t, "AddImage", dst.Data, want)
	mustPanic(t, "AddImage of another size", func() { p.AddImage(dst, NewImage(20, 5, 3)) })
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

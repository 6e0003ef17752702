package tensor

import (
	"fmt"
	"math"
	"testing"
)

func TestConv1x1(t *testing.T) {
	pools := []*Pool{NewPool(1), NewPool(3)}
	defer pools[1].Close()
	onEachCPU(t, func(t *testing.T) {
		for _, shape := range [][4]int{{1, 1, 8, 256}, {3, 5, 200, 33}, {20, 13, 64, 32}, {2, 64, 3, 5}, {1, 257, 20, 96}} {
			h, w, in, out := shape[0], shape[1], shape[2], shape[3]
			what := fmt.Sprint(shape)
			weight, bias := randoms(out*in, 1), randoms(out, 2)
			c := NewConv1x1(weight, bias, in, out)
			src := randomImage(h, w, in, 3)
			var first []float32
			for _, p := range pools {
				data := newGuarded(h*w*out, 1, zero)
				p.Conv1x1(&Image{H: h, W: w, C: out, Data: data.data}, src, c)
				data.check(t, what)
				if first == nil {
					first = data.data
				}
				sameBits(t, what, data.data, first)
			}
			for j, got := range first {
				want, size := float64(bias[j%out]), math.Abs(float64(bias[j%out]))
				for i, x := range src.Data[j/out*in:][:in] {
					product := float64(x) * float64(weight[j%out*in+i])
					want += product
					size += math.Abs(product)
				}
				if !(math.Abs(float64(got)-want) <= 0x1p-24*3*math.Sqrt(float64(in))*size) {
					t.Fatalf("%s: value %d is %v, want %v", what, j, got, want)
				}
			}
		}
	})
	c := NewConv1x1(make([]float32, 6), make([]float32, 2), 3, 2)
	mustPanic(t, "too few weights", func() { NewConv1x1(make([]float32, 5), make([]float32, 2), 3, 2) })
	mustPanic(t, "another size", func() { pools[0].Conv1x1(NewImage(1, 2, 2), NewImage(2, 1, 3), c) })
	mustPanic(t, "other channels", func() { pools[0].Conv1x1(NewImage(1, 2, 3), NewImage(1, 2, 3), c) })
}

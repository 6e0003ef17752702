package tensor

import (
	"fmt"
	"math"
	"testing"
)

// The transforms have the bits of the portable ones, and write nowhere else.
func TestWinogradTransforms(t *testing.T) {
	onEachCPU(t, func(t *testing.T) {
		for _, c := range []int{1, 7, 16, 32, 48, 144} {
			for _, gap := range []int{0, 3, 16} {
				what := fmt.Sprintf("%d channels, gap %d", c, gap)
				step, rowLen := c+gap, 6*c+gap
				src := newGuarded(5*rowLen+6*c, c%16, normals(1))
				v := newGuarded(35*step+c, 3, zero)
				want := copyOf(v.data)
				winogradInputGeneric(want, step, src.data, rowLen, c)
				active.winogradInput(v.data, step, src.data, rowLen, c)
				sameBits(t, what, v.data, want)
				v.check(t, what)
				src.check(t, what)
			}
		}
		for _, stride := range []int{convGroup, 33, 96} {
			for _, rowLen := range []int{4 * stride, 4*stride + 5} {
				for _, add := range []bool{false, true} {
					what := fmt.Sprintf("outputs %d apart, rows %d, add %v", stride, rowLen, add)
					m, bias := newGuarded(35*48+convGroup, 1, normals(1)), newGuarded(convGroup, 2, normals(2))
					dst := newGuarded(3*(rowLen+stride)+convGroup, 3, normals(3))
					want := copyOf(dst.data)
					winogradOutputGeneric(want, rowLen, stride, m.data, 48, bias.data, add)
					active.winogradOutput(dst.data, rowLen, stride, m.data, 48, bias.data, add)
					sameBits(t, what, dst.data, want)
					dst.check(t, what)
				}
			}
		}
	})
}

// Winograd's convolution of a decoder's shape errs little more than the direct
// one, whose chains are longer.
func TestWinogradIsAccurate(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	const in, out, side = 128, 32, 16
	weight, bias := randoms(out*in*9, 1), randoms(out, 2)
	src := randomImage(side, side, in, 3)
	onEachCPU(t, func(t *testing.T) {
		rms := func(c *Conv3x3) float64 {
			dst := NewImage(side, side, out)
			p.Conv3x3(Convolution{Conv: c, Dst: dst, Src: src})
			var errors, signal float64
			for i := 0; i < len(dst.Data); i += 13 {
				want, _ := naiveConv(weight, bias, in, src, 1, i/(side*out), i/out%side, i%out)
				errors += (float64(dst.Data[i]) - want) * (float64(dst.Data[i]) - want)
				signal += want * want
			}
			return math.Sqrt(errors / signal)
		}
		winograd := NewConv3x3(weight, bias, in, out, 1)
		if winograd.points == nil {
			t.Fatal("these sizes are not computed in Winograd's way")
		}
		w, d := rms(winograd), rms(NewDirectConv3x3(weight, bias, in, out, 1))
		t.Logf("error %.2g of the signal, directly %.2g", w, d)
		if w > 4e-6 || w > 8*d {
			t.Errorf("error %.2g of the signal, directly %.2g", w, d)
		}
	})
}

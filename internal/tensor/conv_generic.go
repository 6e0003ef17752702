package tensor

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// convGeneric is a matrix product for every 64 pixels, for which gonum starts
// no goroutines of its own. In its product of untransposed matrices each
// output is one chain over the inner dimension.
func convGeneric(t convTile, pixels int) {
	for p := 0; p < pixels; p += 64 {
		m := min(64, pixels-p)
		dst := t.dst[p*t.dstStride:]
		for i := range m {
			copy(dst[i*t.dstStride:][:convGroup], t.init[(p+i)*t.initStride:])
		}
		// The windows overlap; gonum wants rows that do not.
		for lo := 0; lo < t.k; lo += t.srcStride {
			gonum.Implementation{}.Sgemm(blas.NoTrans, blas.NoTrans, m, convGroup, min(t.srcStride, t.k-lo), 1,
				t.src[p*t.srcStride+lo:], t.srcStride, t.panel[lo*convGroup:], convGroup, 1, dst, t.dstStride)
		}
	}
}

func putGeneric(dst []float32, stride, channels int, x []float32, add bool) {
	for ; len(x) > 0; x = x[convGroup:] {
		out := dst[:channels]
		if add {
			addGeneric(x[:channels], out)
		}
		copy(out, x)
		dst = dst[min(stride, len(dst)):]
	}
}

package ggml

import (
	"math"
	"math/rand/v2"
	"testing"
)

// kRows are the rows on which this package's K types are compared with llama.cpp's, by kind.
var kRows = []struct {
	name string
	next func(r *rand.Rand, i int) float64
}{
	{"gaussian", func(r *rand.Rand, _ int) float64 { return r.NormFloat64() * 0.02 }},
	{"heavy-tailed", func(r *rand.Rand, _ int) float64 { // Student's t with 3 degrees of freedom
		a, b, c := r.NormFloat64(), r.NormFloat64(), r.NormFloat64()
		return 0.02 * r.NormFloat64() / math.Sqrt((a*a+b*b+c*c)/3)
	}},
	{"outlier columns", func(r *rand.Rand, i int) float64 {
		if i%37 == 0 {
			return r.NormFloat64() * 0.3
		}
		return r.NormFloat64() * 0.02
	}},
	{"one-sided", func(r *rand.Rand, _ int) float64 { return 1 + 0.2*r.NormFloat64() }},
	{"negative", func(r *rand.Rand, _ int) float64 { return -0.2 * r.ExpFloat64() }},
}

// kRow returns 256 blocks of the kind.
func kRow(kind int) []float32 {
	r := rand.New(rand.NewPCG(20240607, uint64(kind)))
	row := make([]float32, 256*256)
	for i := range row {
		row[i] = float32(kRows[kind].next(r, i))
	}
	return row
}

// relativeRMS is the root mean square of the error over that of the row.
func relativeRMS(row, back []float32) float64 {
	var e, n float64
	for i, x := range row {
		d := float64(back[i]) - float64(x)
		e += d * d
		n += float64(x) * float64(x)
	}
	return math.Sqrt(e / n)
}

// llama.cpp's relative errors on kRows: ggml_quantize_chunk of ggml 0.25.1 without an importance matrix, read back by its
// dequantize_row functions.
var llamaError = map[Type][5]float64{
	Q4_K: {0.071004, 0.092554, 0.102730, 0.024017, 0.052064},
	Q5_K: {0.036012, 0.047178, 0.051845, 0.011928, 0.026900},
	Q6_K: {0.017718, 0.026000, 0.033422, 0.010436, 0.021770},
	Q4_0: {0.085792, 0.129162, 0.169486, 0.049432, 0.106384},
	Q5_0: {0.042551, 0.066774, 0.093325, 0.024673, 0.053499},
	Q8_0: {0.005325, 0.008637, 0.011807, 0.003113, 0.006747},
}

// TestErrorAgainstLlamaCpp: the K types lose no more than llama.cpp's, and the 32-element types, whose bytes are the same,
// exactly as much.
func TestErrorAgainstLlamaCpp(t *testing.T) {
	for typ, bounds := range llamaError {
		for kind, bound := range bounds {
			row := kRow(kind)
			data, back := make([]byte, typ.RowSize(len(row))), make([]float32, len(row))
			Quantize(typ, data, row)
			Dequantize(typ, back, data)
			got := relativeRMS(row, back)
			t.Logf("%s, %s: %.6f, llama.cpp %.6f", typ, kRows[kind].name, got, bound)
			if typ.BlockLen() == 256 && !(got <= bound) || typ.BlockLen() == 32 && math.Abs(got-bound) > 1e-6 {
				t.Errorf("%s, %s: relative error %.6f, llama.cpp has %.6f", typ, kRows[kind].name, got, bound)
			}
		}
	}
}

// TestKEdges: rows where a search for scales could divide by zero or overflow. limit is of the largest error, relative to the
// largest value.
func TestKEdges(t *testing.T) {
	row := func(f func(i int) float64) []float32 {
		x := make([]float32, 256)
		for i := range x {
			x[i] = float32(f(i))
		}
		return x
	}
	for _, c := range []struct {
		name  string
		x     []float32
		limit float64
	}{
		{"zeros", row(func(int) float64 { return 0 }), 0},
		{"negative zeros", row(func(int) float64 { return math.Copysign(0, -1) }), 0},
		{"constant", row(func(int) float64 { return 3 }), 0.001},
		{"negative constant", row(func(int) float64 { return -3 }), 0.001},
		{"one value", row(func(i int) float64 { return float64(i/255) * 5 }), 0.001},
		{"one negative value", row(func(i int) float64 { return -float64(i/255) * 5 }), 0.001},
		{"two signs", row(func(i int) float64 { return float64(1 - i%2*2) }), 0.02},
		{"small sub-blocks beside a large one", row(func(i int) float64 { return math.Pow(10, float64(-i/32)) * math.Sin(float64(i)) }), 0.075},
		{"near the smallest half", row(func(i int) float64 { return 3e-6 * math.Sin(float64(i)) }), 0.1},
		{"subnormal floats", row(func(i int) float64 { return 1e-42 * math.Sin(float64(i)) }), 1},
		{"smallest floats", row(func(i int) float64 { return 1.4e-45 * float64(i%3-1) }), 1},
		{"near the largest half", row(func(i int) float64 { return 60000 * math.Sin(float64(i)) }), 0.075},
	} {
		for _, typ := range []Type{Q4_K, Q5_K, Q6_K} {
			data, back := make([]byte, typ.BlockSize()), make([]float32, 256)
			for i := range data {
				data[i] = 0xff // what was there must not shine through
			}
			Quantize(typ, data, c.x)
			Dequantize(typ, back, data)
			var most, worst float64
			for i, x := range c.x {
				most = max(most, math.Abs(float64(x)))
				worst = max(worst, math.Abs(float64(back[i])-float64(x)))
			}
			if !(worst <= c.limit*most) {
				t.Errorf("%s, %s: off by %g of %g", typ, c.name, worst, most)
			}
		}
	}
	// Steps that overflow a half are damage, and stay visible as such.
	for _, typ := range []Type{Q4_K, Q5_K, Q6_K} {
		data, back := make([]byte, typ.BlockSize()), make([]float32, 256)
		Quantize(typ, data, row(func(i int) float64 { return 1e30 * math.Sin(float64(i)) }))
		Dequantize(typ, back, data)
		for i, x := range back {
			if x-x == 0 {
				t.Fatalf("%s: element %d of a row of up to 1e30 reads back as %v", typ, i, x)
			}
		}
	}
}

// TestScaleMinRoundTrip packs every scale and offset beside every other.
func TestScaleMinRoundTrip(t *testing.T) {
	for s := range 64 {
		for o := range 64 {
			var p [12]byte
			for j := range 8 {
				packScaleMin(&p, j, (s+5*j)%64, (o+11*j)%64)
			}
			for j := range 8 {
				gotS, gotO := scaleMin(&p, j)
				if int(gotS) != (s+5*j)%64 || int(gotO) != (o+11*j)%64 {
					t.Fatalf("sub-block %d: got %v, %v, want %d, %d", j, gotS, gotO, (s+5*j)%64, (o+11*j)%64)
				}
			}
		}
	}
}

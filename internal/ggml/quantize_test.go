package ggml

import (
	"bytes"
	"math"
	"testing"
)

func TestKnownQ8_0(t *testing.T) {
	row := func(xs ...float32) []float32 { return append(xs, make([]float32, 32-len(xs))...) }
	tests := []struct {
		name string
		src  []float32
		want []byte // the first bytes; the others are 0
	}{
		{"zeros", row(), []byte{0, 0}},
		{"scale one", row(127, -127, 1, -1), []byte{0x00, 0x3c, 127, 0x81, 1, 0xff}},
		{"ties go away from zero", row(127, 0.5, -0.5, 1.5, 2.5, -2.5), []byte{0x00, 0x3c, 127, 1, 0xff, 2, 3, 0xfd}},
		{"just below a tie", row(127, 0.49999997, -0.49999997, 126.49999), []byte{0x00, 0x3c, 127, 0, 0, 126}},
		{"the integers use the scale before rounding", row(1, 0.5), []byte{0x08, 0x20, 127, 64}}, // 0.5*127 = 63.5
		{"scale too large for a half", row(math.MaxFloat32, 1), []byte{0x00, 0x7c, 127, 0}},
		{"scale too small for a float", row(1e-45), []byte{0, 0, 0}},
		{"inverse overflows", row(1e-40, -1e-40), []byte{0, 0, 0, 0}},
		{"infinity", row(float32(math.Inf(1)), 1), []byte{0x00, 0x7c, 0, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := make([]byte, 34)
			Quantize(Q8_0, got, tt.src)
			want := append(bytes.Clone(tt.want), make([]byte, 34-len(tt.want))...)
			if !bytes.Equal(got, want) {
				t.Errorf("got  % x\nwant % x", got, want)
			}
		})
	}
}

// TestDamageStaysVisible checks that no value of a block with a NaN or an infinity reads back as a number, in any type of
// blocks.
func TestDamageStaysVisible(t *testing.T) {
	for _, typ := range Types() {
		n := typ.BlockLen()
		if n == 1 {
			continue
		}
		block, back := make([]byte, typ.BlockSize()), make([]float32, n)
		for _, odd := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			for at := range n {
				src := randomFloats(n)
				src[at] = float32(odd)
				Quantize(typ, block, src)
				Dequantize(typ, back, block)
				for i, x := range back {
					if x == x {
						t.Fatalf("%s, %v at %d: element %d reads back as %v", typ, odd, at, i, x)
					}
				}
			}
		}
	}
}

// TestQ8_0Properties: the error is at most half a step, the step being max/127, plus what rounding the step to a half
// changes; and quantising what was read back gives the same bytes.
func TestQ8_0Properties(t *testing.T) {
	src := randomFloats(32 * 200)
	row := make([]byte, Q8_0.RowSize(len(src)))
	back := make([]float32, len(src))
	Quantize(Q8_0, row, src)
	Dequantize(Q8_0, back, row)
	for b := 0; b < len(src); b += 32 {
		var most float64
		for _, x := range src[b : b+32] {
			most = max(most, math.Abs(float64(x)))
		}
		limit := most / 127 * (0.5 + 127.0/2048) * (1 + 1e-6)
		for i := b; i < b+32; i++ {
			if e := math.Abs(float64(src[i]) - float64(back[i])); e > limit {
				t.Fatalf("element %d: %v reads back as %v, off by %v, limit %v", i, src[i], back[i], e, limit)
			}
		}
	}
	again := make([]byte, len(row))
	Quantize(Q8_0, again, back)
	if !bytes.Equal(row, again) {
		t.Error("quantising twice changes the bytes")
	}
}

// TestF32RoundTrip keeps every bit, those of NaNs too.
func TestF32RoundTrip(t *testing.T) {
	src := make([]byte, 4*1001)
	for i := range src {
		src[i] = byte(i * 7)
	}
	copy(src, []byte{1, 0, 0x80, 0x7f}) // a signalling NaN
	floats, back := make([]float32, 1001), make([]byte, len(src))
	Dequantize(F32, floats, src)
	Quantize(F32, back, floats)
	if !bytes.Equal(src, back) {
		t.Error("the bytes changed")
	}
}

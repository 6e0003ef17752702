package ggml

import (
	"math/rand/v2"
	"testing"
)

// Bytes per second are of the float32 side.
func BenchmarkDequantize(b *testing.B) {
	for _, typ := range Types() {
		b.Run(typ.String(), func(b *testing.B) {
			dst := make([]float32, 4096)
			src := randomRow(typ, len(dst))
			b.SetBytes(int64(4 * len(dst)))
			for b.Loop() {
				Dequantize(typ, dst, src)
			}
		})
	}
}

func BenchmarkQuantize(b *testing.B) {
	for _, typ := range Types() {
		b.Run(typ.String(), func(b *testing.B) {
			src := randomFloats(4096)
			dst := make([]byte, typ.RowSize(len(src)))
			b.SetBytes(int64(4 * len(src)))
			for b.Loop() {
				Quantize(typ, dst, src)
			}
		})
	}
}

// randomFloats returns n values as weights have them.
func randomFloats(n int) []float32 {
	r := rand.New(rand.NewPCG(1, 2))
	xs := make([]float32, n)
	for i := range xs {
		xs[i] = float32(r.NormFloat64() * 0.02)
	}
	return xs
}

// randomRow returns a row of n plausible elements.
func randomRow(typ Type, n int) []byte {
	row := make([]byte, typ.RowSize(n))
	Quantize(typ, row, randomFloats(n))
	return row
}

package ggml

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/x448/float16"
)

// TestEveryHalf compares all 65536 half floats with x448/float16, and converts them back.
func TestEveryHalf(t *testing.T) {
	src := make([]byte, 2<<16)
	for h := range 1 << 16 {
		binary.LittleEndian.PutUint16(src[2*h:], uint16(h))
	}
	got := make([]float32, 1<<16)
	Dequantize(F16, got, src)
	for h, x := range got {
		if want := float16.Frombits(uint16(h)).Float32(); !same(x, want) {
			t.Fatalf("half %#04x: got %v, want %v", h, x, want)
		}
	}

	back := make([]byte, len(src))
	Quantize(F16, back, got)
	for h := range 1 << 16 {
		b := binary.LittleEndian.Uint16(back[2*h:])
		if quiet := uint16(h) | 0x200; b != uint16(h) && !(isNaN16(src[2*h:]) && b == quiet) {
			t.Fatalf("half %#04x became %#04x", h, b)
		}
	}
}

// TestEveryBF16 converts all 65536 bfloat16 to float32 and back.
func TestEveryBF16(t *testing.T) {
	src := make([]byte, 2<<16)
	for h := range 1 << 16 {
		binary.LittleEndian.PutUint16(src[2*h:], uint16(h))
	}
	floats := make([]float32, 1<<16)
	Dequantize(BF16, floats, src)
	back := make([]byte, len(src))
	Quantize(BF16, back, floats)
	for h := range 1 << 16 {
		want := uint16(h)
		if floats[h] != floats[h] {
			want |= 0x40 // a signalling NaN becomes quiet
		}
		if got := binary.LittleEndian.Uint16(back[2*h:]); got != want {
			t.Fatalf("bfloat16 %#04x became %#04x, want %#04x", h, got, want)
		}
	}
}

func TestRoundingToHalves(t *testing.T) {
	tests := []struct {
		bits      uint32 // of the float32
		f16, bf16 uint16
	}{
		{0x00000000, 0x0000, 0x0000},
		{0x80000000, 0x8000, 0x8000},
		{0x3f800000, 0x3c00, 0x3f80}, // 1
		{0x3f801000, 0x3c00, 0x3f80}, // 1 + half a step of f16: to even, down
		{0x3f803000, 0x3c02, 0x3f80}, // 1 + one and a half steps: to even, up
		{0x3f801001, 0x3c01, 0x3f80}, // a bit more than the tie
		{0x3f808000, 0x3c04, 0x3f80}, // 1 + half a step of bf16: down
		{0x3f818000, 0x3c0c, 0x3f82}, // one and a half: up
		{0x3f808001, 0x3c04, 0x3f81},
		{0x477fefff, 0x7bff, 0x4780}, // 65519.996: still the largest half
		{0x477ff000, 0x7c00, 0x4780}, // 65520: infinite
		{0x33000000, 0x0000, 0x3300}, // 2^-25, half of the least half: to even, 0
		{0x33000001, 0x0001, 0x3300},
		{0x7f7fffff, 0x7c00, 0x7f80}, // the largest f32
		{0xff800000, 0xfc00, 0xff80}, // -inf
		{0x7f800001, 0x7e00, 0x7fc0}, // a signalling NaN whose payload is cut off
		{0xffc00000, 0xfe00, 0xffc0},
	}
	for _, tt := range tests {
		x := []float32{math.Float32frombits(tt.bits)}
		var f16, bf16 [2]byte
		Quantize(F16, f16[:], x)
		Quantize(BF16, bf16[:], x)
		if got := binary.LittleEndian.Uint16(f16[:]); got != tt.f16 {
			t.Errorf("%#08x (%v): f16 %#04x, want %#04x", tt.bits, x[0], got, tt.f16)
		}
		if got := binary.LittleEndian.Uint16(bf16[:]); got != tt.bf16 {
			t.Errorf("%#08x (%v): bf16 %#04x, want %#04x", tt.bits, x[0], got, tt.bf16)
		}
	}
}

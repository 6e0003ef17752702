package tensor

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// exactFMA computes a·b + c with big floats.
func exactFMA(a, b, c float32) float32 {
	exact := func(x float32) *big.Float { return new(big.Float).SetPrec(700).SetFloat64(float64(x)) }
	s := exact(a)
	s.Mul(s, exact(b))
	s.Add(s, exact(c))
	f, _ := s.Float32()
	return f
}

func TestFMA(t *testing.T) {
	check := func(a, b, c float32) {
		t.Helper()
		if got, want := fma(a, b, c), exactFMA(a, b, c); got != want {
			t.Errorf("fma(%b, %b, %b) = %b, want %b", a, b, c, got, want)
		}
	}
	// a·b is half a unit in the last place of c, and a little more or less:
	// in float64 the sum looks like a tie.
	next := math.Nextafter32(1, 2)
	check(0x1p-24, 1, 1)
	check(0x1p-24, next, 1)
	check(0x1p-24, math.Nextafter32(1, 0), 1)
	check(0x1p-24, 1, next)
	check(0x1.000002p-24, 0x1.fffffep-1, next)
	check(0x1.000002p-30, 0x1.000002p-30, 0x1.000003p0)
	check(-0x1.000002p-24, 0x1.fffffep-1, next)
	check(0x1p-24, 1+0x1p-23, -next)
	check(0x1p-75, 0x1p-75, 0x1.8p-148) // subnormal
	check(0x1p-75, 0x1p-76, 0x1p-149)
	check(math.MaxFloat32, 1, 0x1p103)
	r := rand.New(rand.NewPCG(1, 2))
	word := func(spread int) float32 {
		for {
			x := math.Float32frombits(r.Uint32())
			if e := int(math.Float32bits(x)>>23&0xff) - 127; e >= -spread && e <= spread {
				return x
			}
		}
	}
	for range 20000 {
		a, b := word(20), word(20)
		check(a, b, word(63))
		// c so that the sum is near a tie.
		p := a * b
		check(a, b, math.Float32frombits(math.Float32bits(p)+24<<23))
	}
	for range 20000 {
		// Short mantissas make exact ties.
		a, b := float32(r.IntN(1<<12)), float32(r.IntN(1<<12))
		c := float32(r.IntN(1<<24)) * 0x1p23
		check(a, b, c)
		check(a, -b, c)
		check(a*0x1p-140, b*0x1p-3, c*0x1p-149)
	}
	if x := fma(float32(math.Inf(1)), 0, 1); x == x {
		t.Errorf("fma(Inf, 0, 1) = %v, want NaN", x)
	}
	if x := fma(math.MaxFloat32, 2, 0); !math.IsInf(float64(x), 1) {
		t.Errorf("fma(max, 2, 0) = %v, want +Inf", x)
	}
}

func TestHalfToFloat(t *testing.T) {
	for h, want := range map[uint16]float32{
		0: 0, 1: 0x1p-24, 0x03ff: 0x3ffp-24, 0x0400: 0x1p-14, 0x3c00: 1, 0xc000: -2, 0x7bff: 65504,
		0x7c00: float32(math.Inf(1)), 0xfc00: float32(math.Inf(-1)), 0x8001: -0x1p-24,
	} {
		if got := halfToFloat(h); got != want {
			t.Errorf("halfToFloat(%#04x) = %v, want %v", h, got, want)
		}
	}
	if f := halfToFloat(0x7e00); f == f {
		t.Errorf("halfToFloat(NaN) = %v", f)
	}
}

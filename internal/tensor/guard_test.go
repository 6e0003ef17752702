package tensor

import (
	"math"
	"math/rand/v2"
	"testing"
)

// guardLen is how many values stand on each side of a guarded buffer.
const guardLen = 40

// guardValue is a NaN that no computation gives: read by a kernel it spoils
// the result, and written over it is missed.
var guardValue = math.Float32frombits(0x7fa5a5a5)

// A guarded buffer lies between guard values.
type guarded struct {
	all  []float32
	data []float32
}

// newGuarded returns n values from f, misaligned by the given number.
func newGuarded(n, misalign int, f func(i int) float32) guarded {
	all := make([]float32, guardLen+misalign+n+guardLen)
	for i := range all {
		all[i] = guardValue
	}
	data := all[guardLen+misalign:][:n:n]
	for i := range data {
		data[i] = f(i)
	}
	return guarded{all, data}
}

// check fails the test if a guard value has changed.
func (g guarded) check(t testing.TB, what string) {
	t.Helper()
	n := len(g.all) - guardLen - len(g.data)
	for i, v := range g.all {
		if (i < n || i >= n+len(g.data)) && math.Float32bits(v) != math.Float32bits(guardValue) {
			t.Fatalf("%s: value %d, outside the %d values, was overwritten with %v", what, i-n, len(g.data), v)
		}
	}
}

func zero(int) float32 { return 0 }

// normals returns a source of normally distributed values.
func normals(seed uint64) func(int) float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	return func(int) float32 { return float32(r.NormFloat64()) }
}

// randoms returns n normally distributed values.
func randoms(n int, seed uint64) []float32 {
	f := normals(seed)
	x := make([]float32, n)
	for i := range x {
		x[i] = f(i)
	}
	return x
}

// sameBits fails the test at the first value whose bits differ.
func sameBits(t testing.TB, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range got {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: value %d is %v (%08x), want %v (%08x)", what, i,
				got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

// copyOf returns a copy.
func copyOf(x []float32) []float32 { return append([]float32(nil), x...) }

package tensor

import (
	"fmt"
	"math"
	"testing"
)

// lengths covers every tail of 16- and 32-value loops.
func lengths() []int {
	var n []int
	for i := range 70 {
		n = append(n, i)
	}
	return append(n, 127, 128, 129, 1280, 3456)
}

// TestVectorKernels compares every elementwise kernel with the portable one,
// bit for bit, over all tails, with guards around the buffers.
func TestVectorKernels(t *testing.T) {
	g := &genericKernels
	special := []float32{0, float32(math.Copysign(0, -1)), 88.7, 88.8, -87.3, -87.4, -200, 200, 1e-40, -1e-40, 1e38, -1e38,
		float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}
	onEachCPU(t, func(t *testing.T) {
		for _, n := range lengths() {
			for variant := range 3 {
				wild := normals(uint64(n))
				value := func(i int) float32 {
					v := wild(i)
					switch {
					case variant == 1:
						return v * 40
					case variant == 2 && i%5 == 0:
						return special[i/5%len(special)]
					}
					return v
				}
				what := func(name string) string { return fmt.Sprintf("%s of %d values, variant %d", name, n, variant) }
				x := newGuarded(n, n%5, value)
				u := newGuarded(n, n%3, normals(7))
				v := newGuarded(n, n%7, normals(8))
				check := func(name string, run func(k *kernels, x []float32)) {
					t.Helper()
					want := copyOf(x.data)
					run(g, want)
					got := newGuarded(n, n%6, func(i int) float32 { return x.data[i] })
					run(active, got.data)
					sameNumbers(t, what(name), got.data, want)
					got.check(t, what(name))
				}
				check("scale", func(k *kernels, x []float32) { k.scale(x, 0.37) })
				check("add", func(k *kernels, x []float32) { k.add(x, u.data) })
				check("scaleBy", func(k *kernels, x []float32) { k.scaleBy(x, u.data, v.data, 1.7) })
				check("scaleBy in place", func(k *kernels, x []float32) { k.scaleBy(x, x, v.data, 1.7) })
				check("swiglu", func(k *kernels, x []float32) { k.swiglu(x, u.data) })
				check("gelu", func(k *kernels, x []float32) { k.gelu(x) })
				check("affine", func(k *kernels, x []float32) { k.affine(x, x, u.data, v.data) })
				check("swish", func(k *kernels, x []float32) { k.swish(x, x, u.data, v.data) })
				check("softmax", func(k *kernels, x []float32) { k.softmax(x, 0) })

				a, b := g.squares(x.data), active.squares(x.data)
				for i := range a {
					if a[i] != b[i] && !(a[i] != a[i] && b[i] != b[i]) {
						t.Fatalf("%s: lane %d is %v, want %v", what("squares"), i, b[i], a[i])
					}
				}
				x.check(t, what("x"))
				u.check(t, what("u"))
				v.check(t, what("v"))
			}
		}
	})
}

// TestRotate compares the kernels with the definition, for heads of all sizes,
// one and several of them.
func TestRotate(t *testing.T) {
	const scale = 0.125
	onEachCPU(t, func(t *testing.T) {
		for d := 2; d <= 130; d += 2 {
			for heads := range 4 {
				what := fmt.Sprintf("%d heads of %d", heads, d)
				x, turn := newGuarded(heads*d, d%5, normals(uint64(d))), newGuarded(d, d%3, normals(5))
				want := make([]float32, heads*d)
				for i := 0; i < len(want); i += 2 {
					a, b, cos, sin := x.data[i], x.data[i+1], turn.data[i%d], turn.data[i%d+1]
					want[i] = float32(float32(a*cos)-float32(b*sin)) * scale
					want[i+1] = float32(float32(b*cos)+float32(a*sin)) * scale
				}
				Rotate(x.data, turn.data, scale)
				sameBits(t, what, x.data, want)
				x.check(t, what)
				turn.check(t, what)
			}
		}
	})
	for _, sizes := range [][2]int{{4, 0}, {3, 3}, {6, 4}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Rotate of %d values in heads of %d does not panic", sizes[0], sizes[1])
				}
			}()
			Rotate(make([]float32, sizes[0]), make([]float32, sizes[1]), 1)
		}()
	}
}

// Fetching changes nothing, not even with an address where nothing is.
func TestFetch(t *testing.T) {
	if got := Address([]uint16(nil)); got != 0 {
		t.Errorf("the address of nothing is %#x", got)
	}
	onEachCPU(t, func(t *testing.T) {
		x := newGuarded(100, 3, normals(1))
		want := copyOf(x.data)
		Softmax(want)
		for _, address := range []uintptr{0, Address(x.data), 1, 1 << 40, ^uintptr(100)} {
			for _, bytes := range []int{-1, 0, 1, 64, 65, 5000} {
				Fetch(address, bytes)
				FetchPages(address, address+uintptr(bytes))
			}
			for _, size := range []uintptr{1, 64, 5000} {
				var ahead Stream
				ahead.Start(&regions{{address, address + size}})
				got := copyOf(x.data)
				SoftmaxFetching(got, &ahead)
				sameBits(t, "softmax", got, want)
			}
		}
		x.check(t, "x")
	})
}

// sameNumbers is sameBits, except that a NaN is like another.
func sameNumbers(t testing.TB, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if got[i] != got[i] && want[i] != want[i] {
			continue
		}
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: value %d is %v (%08x), want %v (%08x)", what, i,
				got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

func TestChannelKernels(t *testing.T) {
	onEachCPU(t, func(t *testing.T) {
		for _, c := range []int{1, 3, 8, 15, 16, 17, 32, 48, 63, 96, 128} {
			for _, pixels := range []int{1, 2, 5} {
				what := fmt.Sprintf("%d pixels of %d channels", pixels, c)
				row := newGuarded(pixels*c, c%4, normals(uint64(c)))
				got, want := make([]float64, 2*c+8), make([]float64, 2*c+8)
				for i := range got {
					got[i], want[i] = float64(i), float64(i)
				}
				genericKernels.channels(want[:2*c], row.data)
				active.channels(got[:2*c], row.data)
				for i := range want {
					if got[i] != want[i] {
						t.Fatalf("%s: sum %d is %v, want %v", what, i, got[i], want[i])
					}
				}
				factor, offset := newGuarded(c, 1, normals(3)), newGuarded(c, 2, normals(4))
				for name, f := range map[string][2]func(dst, src, factor, offset []float32){
					"affine": {genericKernels.affine, active.affine},
					"swish":  {genericKernels.swish, active.swish},
				} {
					ref, out := make([]float32, pixels*c), newGuarded(pixels*c, 3, zero)
					f[0](ref, row.data, factor.data, offset.data)
					f[1](out.data, row.data, factor.data, offset.data)
					sameBits(t, name+" of "+what, out.data, ref)
					out.check(t, name+" of "+what)
				}
				row.check(t, what)
			}
		}
	})
}

// TestExp sweeps all exponents and a dense set of mantissas. The bound is in
// units in the last place of the result.
func TestExp(t *testing.T) {
	const bound = 0.9
	worst := 0.0
	var at float32
	try := func(x float32) {
		exact := math.Exp(float64(x))
		got := Exp(x)
		if exact < 0x1p-126 {
			if got != 0 && math.Abs(float64(got)-0x1p-126) > 0x1p-145 {
				t.Fatalf("Exp(%v) = %v, want 0", x, got)
			}
			return
		}
		if exact > math.MaxFloat32 {
			if !math.IsInf(float64(got), 1) {
				t.Fatalf("Exp(%v) = %v, want +Inf", x, got)
			}
			return
		}
		unit := float64(math.Nextafter32(float32(exact), float32(math.Inf(1)))) - float64(float32(exact))
		if math.IsInf(unit, 0) {
			unit = 0x1p104
		}
		if e := math.Abs(float64(got)-exact) / unit; e > worst {
			worst, at = e, x
		}
	}
	for x := float64(-90); x < 90; x += 1.0 / 4096 {
		try(float32(x))
	}
	for e := range uint32(134) {
		for m := uint32(0); m < 1<<23; m += 1<<13 + 3 {
			try(math.Float32frombits(e<<23 | m))
			try(-math.Float32frombits(e<<23 | m))
		}
	}
	if worst > bound {
		t.Errorf("Exp(%v) is off by %.3f units in the last place, want at most %v", at, worst, bound)
	}
	if got := Exp(0); got != 1 {
		t.Errorf("Exp(0) = %v", got)
	}
	if got := Exp(float32(math.NaN())); got == got {
		t.Errorf("Exp(NaN) = %v", got)
	}
	if got := Exp(float32(math.Inf(-1))); got != 0 {
		t.Errorf("Exp(-Inf) = %v", got)
	}
	if got := Exp(float32(math.Inf(1))); !math.IsInf(float64(got), 1) {
		t.Errorf("Exp(+Inf) = %v", got)
	}
}

// TestExpKernels compares with Exp where results end: at the smallest and the
// largest numbers, and far beyond.
func TestExpKernels(t *testing.T) {
	every := func(lo, hi float32) (x []float32) {
		for v := lo; v < hi; v = math.Nextafter32(v, hi) {
			x = append(x, v)
		}
		return x
	}
	inf := float32(math.Inf(1))
	// A softmax of 0 and what adds nothing to its 1 is exp.
	small := append(every(-87.4, -87.3), -math.MaxFloat32, -inf, 0)
	// In silu, x/(1 + exp(-x)).
	large := append(every(-89.1, -88.7), -math.MaxFloat32, math.MaxFloat32, inf, -inf, guardValue)
	for e := range 40 {
		v := float32(math.Ldexp(1.4, e+6))
		small = append(small, -v)
		large = append(large, v, -v)
	}
	onEachCPU(t, func(t *testing.T) {
		got, want := copyOf(small), make([]float32, len(small))
		for i, v := range small {
			want[i] = Exp(v)
		}
		Softmax(got)
		sameNumbers(t, "exp", got, want)

		got, want = copyOf(large), make([]float32, len(large))
		ones := make([]float32, len(large))
		for i, v := range large {
			want[i], ones[i] = SiLU(v), 1
		}
		SwiGLU(got, ones)
		sameNumbers(t, "silu", got, want)
	})
}

func TestSoftmax(t *testing.T) {
	onEachCPU(t, func(t *testing.T) {
		for _, n := range lengths()[1:] {
			x := newGuarded(n, n%3, normals(uint64(n)))
			Scale(x.data, 5)
			want := make([]float64, n)
			top, sum := math.Inf(-1), 0.0
			for _, v := range x.data {
				top = max(top, float64(v))
			}
			for i, v := range x.data {
				want[i] = math.Exp(float64(v) - top)
				sum += want[i]
			}
			Softmax(x.data)
			for i, v := range x.data {
				if d := math.Abs(float64(v) - want[i]/sum); d > 4e-6*want[i]/sum+1e-36 {
					t.Fatalf("softmax of %d values: value %d is %v, want %v", n, i, v, want[i]/sum)
				}
			}
			x.check(t, "Softmax")
		}
		Softmax(nil)
	})
}

func TestRMSNorm(t *testing.T) {
	onEachCPU(t, func(t *testing.T) {
		for _, n := range lengths()[1:] {
			x, w := randoms(n, uint64(n)), randoms(n, 5)
			dst := newGuarded(n, 1, zero)
			RMSNorm(dst.data, x, w, 1e-5)
			sum := 0.0
			for _, v := range x {
				sum += float64(v) * float64(v)
			}
			scale := 1 / math.Sqrt(sum/float64(n)+1e-5)
			for i, v := range dst.data {
				want := float64(x[i]) * scale * float64(w[i])
				if d := math.Abs(float64(v) - want); d > 4e-7*math.Abs(want) {
					t.Fatalf("RMSNorm of %d values: value %d is %v, want %v", n, i, v, want)
				}
			}
			dst.check(t, "RMSNorm")
			RMSNorm(x, x, w, 1e-5)
			sameBits(t, "RMSNorm in place", x, dst.data)
		}
	})
}

func TestActivations(t *testing.T) {
	onEachCPU(t, func(t *testing.T) {
		var x []float32
		for v := float32(-30); v <= 30; v += 0.0625 {
			x = append(x, v)
		}
		up := randoms(len(x), 1)
		swiglu, gelu := copyOf(x), copyOf(x)
		SwiGLU(swiglu, up)
		product := copyOf(x)
		Multiply(product, up)
		GELUTanh(gelu)
		for i, v := range x {
			if product[i] != v*up[i] {
				t.Errorf("Multiply(%v, %v) = %v", v, up[i], product[i])
			}
			u := float64(v)
			silu := u / (1 + math.Exp(-u))
			if d := math.Abs(float64(swiglu[i]) - silu*float64(up[i])); d > 4e-7*math.Abs(silu*float64(up[i])) {
				t.Errorf("SwiGLU(%v, %v) = %v, want %v", v, up[i], swiglu[i], silu*float64(up[i]))
			}
			want := 0.5 * u * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(u+0.044715*u*u*u)))
			if d := math.Abs(float64(gelu[i]) - want); d > 1e-6*math.Abs(want)+1e-7 {
				t.Errorf("GELUTanh(%v) = %v, want %v", v, gelu[i], want)
			}
		}
	})
}

func TestL2Normalize(t *testing.T) {
	x := []float32{3, 0, -4}
	L2Normalize(x)
	sameBits(t, "L2Normalize", x, []float32{0.6, 0, -0.8})
	z := []float32{0, 0}
	L2Normalize(z)
	sameBits(t, "L2Normalize of zeros", z, []float32{0, 0})
}

// TestOpsAllocateNothing: they run for every token and layer.
func TestOpsAllocateNothing(t *testing.T) {
	x, y, s := randoms(100, 1), randoms(100, 2), make([]float32, 10)
	var ahead Stream
	source := endless{region{Address(y), Address(y) + 400}}
	ahead.Start(&source)
	keys, work, run := randoms(KeyLen(10, 10), 3), make([]float32, AttentionWork), oneRun(0, 10, 1)
	onEachCPU(t, func(t *testing.T) {
		if got := testing.AllocsPerRun(10, func() {
			RMSNorm(x, x, y, 1e-5)
			Softmax(x)
			SoftmaxFetching(x, &ahead)
			Fetch(Address(y), 100)
			FetchPages(Address(y), Address(y)+10000)
			Rotate(x, y[:10], 0.5)
			SwiGLU(x, y)
			GELUTanh(x)
			Add(x, y)
			Scale(x, 0.5)
			Multiply(x, y)
			AttentionScores(s, 10, x, 10, keys, 10, run, work, &ahead)
			AttentionMix(x, 10, s, 10, y, 10, run, &ahead)
		}); got != 0 {
			t.Errorf("%v allocations", got)
		}
	})
}

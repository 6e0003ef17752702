package tensor

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
)

// Every way to read memory sees every byte, whatever the threads.
func TestReadSeesEverything(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	p := NewPool(3)
	defer p.Close()
	onEachCPU(t, func(t *testing.T) {
		if ReadWays() < 1 {
			t.Fatal("no way to read memory")
		}
		for _, n := range []int{0, readStep, 5 * readStep, readPart, 3*readPart + 2*readStep} {
			b := make([]byte, n)
			var want uint32
			for i := 0; i < n; i += 4 {
				v := r.Uint32()
				binary.LittleEndian.PutUint32(b[i:], v)
				want ^= v
			}
			for way := range ReadWays() {
				if got := p.Read(b, way); got != want {
					t.Errorf("%d bytes, way %d: %08x, want %08x", n, way, got, want)
				}
				for range min(n, 50) {
					at, bit := r.IntN(n), r.IntN(8)
					b[at] ^= 1 << bit
					want ^= 1 << (at%4*8 + bit)
					if got := p.Read(b, way); got != want {
						t.Errorf("%d bytes, way %d: bit %d of byte %d was not seen", n, way, bit, at)
					}
				}
			}
		}
		for name, f := range map[string]func(){
			"a length that is no multiple of a step": func() { p.Read(make([]byte, readStep+4), 0) },
			"no rounds":                              func() { p.Peak(PeakDot, 0) },
		} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: no panic", name)
					}
				}()
				f()
			}()
		}
	})
}

// The loops do as many products as they claim: each adds the same to its sum.
func TestPeaksCountWhatTheyDo(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	onEachCPU(t, func(t *testing.T) {
		for k, value := range map[Peak]func(word uint32) float64{
			PeakFMA: func(word uint32) float64 { return float64(math.Float32frombits(word)) / 0x1p-12 },
			// A word has one sum or, on AVX2, two.
			PeakDot: func(word uint32) float64 { return float64(word&0xffff + word>>16) },
		} {
			l := k.loop()
			if l.name == "" || l.name != k.Name() || l.sums < 1 || l.sums > peakSums {
				t.Errorf("peak %d: %q, %d sums", k, k.Name(), l.sums)
			}
			for _, rounds := range []int{1, 2, 3, 1000} {
				var sums [peakSums]uint32
				l.run(&sums, rounds)
				for i, word := range sums {
					want := float64(rounds) * float64(l.ops) / 2
					if i >= l.sums {
						want = 0
					}
					if got := value(word); got != want {
						t.Fatalf("%s, %d rounds: sum %d is of %v products, want %v", l.name, rounds, i, got, want)
					}
				}
				if got, want := p.Peak(k, rounds), float64(8*2*rounds*l.sums*l.ops); got != want {
					t.Errorf("%s, %d rounds: %v operations, want %v", l.name, rounds, got, want)
				}
			}
		}
	})
}

func TestMatrixBytes(t *testing.T) {
	p := NewPool(1)
	defer p.Close()
	for typ, want := range map[ggml.Type]struct {
		file, packed int64
		peak         Peak
	}{
		ggml.F32:  {20 * 256 * 4, 20 * 256 * 4, PeakFMA},
		ggml.F16:  {20 * 256 * 2, 20 * 256 * 2, PeakFMA},
		ggml.Q8_0: {20 * 8 * 34, 32 * 8 * 34, PeakDot}, // groups of 16 rows
		ggml.Q4_K: {20 * 144, 32 * 148, PeakDot},
		ggml.Q4_1: {20 * 8 * 20, 20 * 8 * 20, PeakFMA},
	} {
		m, err := NewMatrix(typ, 20, 256, make([]byte, 20*typ.RowSize(256)))
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Bytes(); got != want.file || PeakOf(&m) != want.peak {
			t.Errorf("%s: %d bytes, want %d; peak %d, want %d", typ, got, want.file, PeakOf(&m), want.peak)
		}
		if p.Pack(&m); m.Bytes() != want.packed {
			t.Errorf("%s: %d bytes packed, want %d", typ, m.Bytes(), want.packed)
		}
	}
}

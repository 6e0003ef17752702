package ggml

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"testing"
)

// golden is one record of testdata/blocks.bin, which testdata/blocks.py describes.
type golden struct {
	op     byte // 'd' or 'q'
	typ    Type
	floats []float32
	data   []byte
}

func readGolden(t *testing.T) []golden {
	t.Helper()
	b, err := os.ReadFile("testdata/blocks.bin")
	if err != nil {
		t.Fatal(err)
	}
	var all []golden
	for len(b) > 0 {
		g := golden{op: b[0], typ: Type(binary.LittleEndian.Uint32(b[1:]))}
		n, m := int(binary.LittleEndian.Uint32(b[5:])), int(binary.LittleEndian.Uint32(b[9:]))
		b = b[13:]
		for i := range n {
			g.floats = append(g.floats, math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
		}
		g.data, b = b[4*n:4*n+m], b[4*n+m:]
		all = append(all, g)
	}
	return all
}

// TestGoldenDequantize wants the very bits that the Python package computes. Only NaNs are equal whatever their payload:
// processors differ there.
func TestGoldenDequantize(t *testing.T) {
	seen := map[Type]bool{}
	for _, g := range readGolden(t) {
		if g.op != 'd' {
			continue
		}
		seen[g.typ] = true
		t.Run(g.typ.String(), func(t *testing.T) {
			got := make([]float32, len(g.floats))
			Dequantize(g.typ, got, g.data)
			for i, want := range g.floats {
				if !same(got[i], want) {
					t.Fatalf("element %d (block %d): got %v (%#x), want %v (%#x)", i, i/g.typ.BlockLen(),
						got[i], math.Float32bits(got[i]), want, math.Float32bits(want))
				}
			}
		})
	}
	for _, typ := range Types() {
		if !seen[typ] {
			t.Errorf("no golden blocks of %s", typ)
		}
	}
}

// TestGoldenQuantize wants the very bytes that the Python package computes. NaNs in half floats are equal whatever their
// payload.
func TestGoldenQuantize(t *testing.T) {
	seen := map[Type]bool{}
	for _, g := range readGolden(t) {
		if g.op != 'q' {
			continue
		}
		seen[g.typ] = true
		t.Run(g.typ.String(), func(t *testing.T) {
			got := make([]byte, len(g.data))
			Quantize(g.typ, got, g.floats)
			size := g.typ.BlockSize()
			for at := 0; at < len(got); at += size {
				got, want := got[at:at+size], g.data[at:at+size]
				if g.typ != F32 && g.typ != BF16 && isNaN16(got) && isNaN16(want) {
					got, want = got[2:], want[2:]
				}
				if !bytes.Equal(got, want) {
					n := g.typ.BlockLen()
					t.Fatalf("block %d of %v: got % x, want % x", at/size, g.floats[at/size*n:at/size*n+n], got, want)
				}
			}
		})
	}
	for _, typ := range Types() {
		// The package cannot quantise to the K types, see quantize_k_test.go.
		if typ.BlockLen() <= 32 && !seen[typ] {
			t.Errorf("no golden rows of %s", typ)
		}
	}
}

// same reports whether a and b are the same bits or both NaN.
func same(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

func isNaN16(b []byte) bool { return binary.LittleEndian.Uint16(b)&0x7fff > 0x7c00 }

func ExampleDequantize() {
	// A Q8_0 block: the scale 0.5 as a half float, then 32 signed bytes.
	block := append([]byte{0x00, 0x38}, make([]byte, 32)...)
	block[2], block[3] = 3, 0xff

	row := make([]float32, 32)
	Dequantize(Q8_0, row, block)
	fmt.Println(row[:3])
	// Output: [1.5 -0.5 0]
}

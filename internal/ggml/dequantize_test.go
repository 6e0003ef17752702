package ggml

import "testing"

// put returns n zero bytes with some set: at, value, at, value, ...
func put(n int, pairs ...int) []byte {
	b := make([]byte, n)
	for i := 0; i < len(pairs); i += 2 {
		b[pairs[i]] = byte(pairs[i+1])
	}
	return b
}

// TestKnownBlocks has one block of each type, small enough to be worked out by hand from the layouts in type.go. As half
// floats, 0x3800 is 0.5, 0x4000 is 2, 0x4200 is 3 and 0xc000 is -2.
func TestKnownBlocks(t *testing.T) {
	tests := []struct {
		name  string
		typ   Type
		block []byte
		rest  float32         // the elements that are not in want
		want  map[int]float32 // by element
	}{
		{"f32", F32, []byte{0, 0, 0xc0, 0x3f}, 0, map[int]float32{0: 1.5}},
		{"f16", F16, []byte{0x00, 0xc0}, 0, map[int]float32{0: -2}},
		{"bf16", BF16, []byte{0xc0, 0x3f}, 0, map[int]float32{0: 1.5}},
		{"q8_0", Q8_0, put(34, 1, 0x40, 2, 127, 3, 0x80, 33, 0xff), 0, map[int]float32{0: 254, 1: -256, 31: -2}},
		{"q4_0", Q4_0, put(18, 1, 0x38, 2, 0x9f, 17, 0x08), -4, map[int]float32{0: 3.5, 16: 0.5, 15: 0}},
		{"q4_1", Q4_1, put(20, 1, 0x38, 3, 0xc0, 4, 0x9f, 19, 0x08), -2, map[int]float32{0: 5.5, 16: 2.5, 15: 2}},
		// Fifth bits of elements 0, 15, 16 and 31.
		{"q5_0", Q5_0, put(22, 1, 0x38, 2, 0x01, 3, 0x80, 4, 0x01, 5, 0x80, 6, 0x9f, 7, 0x21), -8,
			map[int]float32{0: 7.5, 16: 4.5, 1: -7.5, 17: -7, 15: 0, 31: 0}},
		{"q5_1", Q5_1, put(24, 1, 0x38, 3, 0xc0, 4, 0x01, 5, 0x80, 6, 0x01, 7, 0x80, 8, 0x9f, 9, 0x21), -2,
			map[int]float32{0: 13.5, 16: 10.5, 1: -1.5, 17: -1, 15: 6, 31: 6}},
		// d 2, m 0.5. Sub-block 0: scale 3, offset 5. Sub-block 1: scale 63, no offset. Sub-block 4: scale 1+16, offset 2+32,
		// its upper bits beside scale 0 and offset 0.
		{"q4_k", Q4_K, put(144, 1, 0x40, 3, 0x38, 4, 3|1<<6, 5, 63, 8, 5|2<<6, 12, 1|2<<4, 16, 0x21, 80, 0x0f), 0,
			with(fill(0, 32, -2.5, 128, 160, -17),
				map[int]float32{0: 2*3*1 - 2.5, 32: 2 * 63 * 2, 128: 2*17*15 - 17})},
		// As above. Fifth bits: element 0 of sub-blocks 0, 1, 4 and element 31 of sub-block 7, which has scale 4 alone.
		{"q5_k", Q5_K, put(176, 1, 0x40, 3, 0x38, 4, 3|1<<6, 5, 63, 8, 5|2<<6, 12, 1|2<<4, 15, 4, 16, 1|2|16, 47, 128, 48, 0x21,
			112, 0x0f), 0,
			with(fill(0, 32, -2.5, 128, 160, -17),
				map[int]float32{0: 2*3*17 - 2.5, 32: 2 * 63 * 18, 128: 2*17*31 - 17, 255: 2 * 4 * 16})},
		// d 0.5. Scales: 2 for elements 0-15, -1 for 16-31, 4 for 32-47, 1 for 64-79, 1 for 96-111, 2 for 240-255.
		{"q6_k", Q6_K, put(210, 0, 0x21, 32, 0x43, 128, 0|1<<2|2<<4|3<<6, 127, 0xf0, 191, 0xc0,
			192, 2, 193, 0xff, 194, 4, 196, 1, 198, 1, 207, 2, 209, 0x38), 0,
			with(fill(0, 16, -32, 16, 32, 16, 32, 48, -64, 64, 80, -16, 96, 112, -16, 240, 256, -32),
				map[int]float32{0: 1 - 32, 32: 2 * (3 + 16 - 32), 64: 0.5 * (2 + 32 - 32), 96: 0.5 * (4 + 48 - 32), 255: 15 + 48 - 32})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := make([]float32, tt.typ.BlockLen())
			Dequantize(tt.typ, got, tt.block)
			for i, x := range got {
				want, ok := tt.want[i]
				if !ok {
					want = tt.rest
				}
				if x != want {
					t.Errorf("element %d: got %v, want %v", i, x, want)
				}
			}
		})
	}
}

// fill returns a map of runs: from, to, value, from, to, value, ...
func fill(runs ...float32) map[int]float32 {
	m := map[int]float32{}
	for ; len(runs) > 0; runs = runs[3:] {
		for i := int(runs[0]); i < int(runs[1]); i++ {
			m[i] = runs[2]
		}
	}
	return m
}

// with returns m with the entries of more.
func with(m, more map[int]float32) map[int]float32 {
	for i, x := range more {
		m[i] = x
	}
	return m
}

// TestRowsOfEveryLength checks that a row equals its blocks one by one, and that nothing beside dst is touched.
func TestRowsOfEveryLength(t *testing.T) {
	const guard = 12345
	for _, typ := range Types() {
		for blocks := range 11 {
			n := blocks * typ.BlockLen()
			src := randomRow(typ, n)
			padded := make([]float32, n+8)
			for i := range padded {
				padded[i] = guard
			}
			Dequantize(typ, padded[4:4+n:4+n], src)
			for i := range 4 {
				if padded[i] != guard || padded[4+n+i] != guard {
					t.Fatalf("%s, %d blocks: wrote beside dst", typ, blocks)
				}
			}
			one := make([]float32, typ.BlockLen())
			for b := range blocks {
				Dequantize(typ, one, src[b*typ.BlockSize():(b+1)*typ.BlockSize()])
				for i, want := range one {
					if got := padded[4+b*typ.BlockLen()+i]; !same(got, want) {
						t.Fatalf("%s, block %d of %d, element %d: got %v, want %v", typ, b, blocks, i, got, want)
					}
				}
			}
		}
	}
}

func TestLengthMismatchPanics(t *testing.T) {
	for _, typ := range Types() {
		n := typ.BlockLen()
		for _, size := range []int{0, typ.BlockSize() - 1, typ.BlockSize() + 1} {
			mustPanic(t, "bytes, want", func() { Dequantize(typ, make([]float32, n), make([]byte, size)) })
			mustPanic(t, "bytes, want", func() { Quantize(typ, make([]byte, size), make([]float32, n)) })
		}
		if n > 1 {
			mustPanic(t, "multiple of", func() { Dequantize(typ, make([]float32, n-1), make([]byte, typ.BlockSize())) })
		}
	}
}

func TestNoAllocations(t *testing.T) {
	for _, typ := range Types() {
		row, floats := randomRow(typ, 512), make([]float32, 512)
		if n := testing.AllocsPerRun(10, func() { Dequantize(typ, floats, row) }); n != 0 {
			t.Errorf("%s: Dequantize allocates %v times", typ, n)
		}
		if n := testing.AllocsPerRun(10, func() { Quantize(typ, row, floats) }); n != 0 {
			t.Errorf("%s: Quantize allocates %v times", typ, n)
		}
	}
}

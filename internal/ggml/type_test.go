package ggml

import (
	"math"
	"strings"
	"testing"
)

func TestTypes(t *testing.T) {
	tests := []struct {
		typ                 Type
		number              uint32
		name                string
		blockLen, blockSize int
	}{
		{F32, 0, "F32", 1, 4},
		{F16, 1, "F16", 1, 2},
		{Q4_0, 2, "Q4_0", 32, 2 + 16},
		{Q4_1, 3, "Q4_1", 32, 2 + 2 + 16},
		{Q5_0, 6, "Q5_0", 32, 2 + 4 + 16},
		{Q5_1, 7, "Q5_1", 32, 2 + 2 + 4 + 16},
		{Q8_0, 8, "Q8_0", 32, 2 + 32},
		{Q4_K, 12, "Q4_K", 256, 2 + 2 + 12 + 128},
		{Q5_K, 13, "Q5_K", 256, 2 + 2 + 12 + 32 + 128},
		{Q6_K, 14, "Q6_K", 256, 128 + 64 + 16 + 2},
		{BF16, 30, "BF16", 1, 2},
	}
	if got := len(Types()); got != len(tests) {
		t.Errorf("Types lists %d, want %d", got, len(tests))
	}
	for i, tt := range tests {
		if Types()[i] != tt.typ || uint32(tt.typ) != tt.number {
			t.Errorf("%s: got number %d at place %d, want %d", tt.name, tt.typ, i, tt.number)
		}
		if !tt.typ.Known() || tt.typ.String() != tt.name {
			t.Errorf("%d: known %v, name %s, want %s", tt.number, tt.typ.Known(), tt.typ, tt.name)
		}
		if tt.typ.BlockLen() != tt.blockLen || tt.typ.BlockSize() != tt.blockSize {
			t.Errorf("%s: block of %d elements in %d bytes, want %d in %d",
				tt.name, tt.typ.BlockLen(), tt.typ.BlockSize(), tt.blockLen, tt.blockSize)
		}
		if got := tt.typ.RowSize(3 * tt.blockLen); got != 3*tt.blockSize {
			t.Errorf("%s: row of 3 blocks has %d bytes, want %d", tt.name, got, 3*tt.blockSize)
		}
		if got := tt.typ.RowSize(0); got != 0 {
			t.Errorf("%s: empty row has %d bytes", tt.name, got)
		}
		for _, s := range []string{tt.name, strings.ToLower(tt.name)} {
			if got, err := ParseType(s); err != nil || got != tt.typ {
				t.Errorf("ParseType(%q) = %v, %v", s, got, err)
			}
		}
	}
}

func TestUnknownType(t *testing.T) {
	for _, typ := range []Type{4, 5, 9, 10, 11, 15, 29, 31, math.MaxUint32} {
		if typ.Known() {
			t.Errorf("%d is known", uint32(typ))
		}
		if !strings.HasPrefix(typ.String(), "type ") {
			t.Errorf("%d is called %q", uint32(typ), typ)
		}
		mustPanic(t, "unknown type", func() { typ.RowSize(0) })
		mustPanic(t, "unknown type", func() { Dequantize(typ, nil, nil) })
		mustPanic(t, "unknown", func() { Quantize(typ, nil, nil) })
	}
	for _, s := range []string{"", "Q8", "q8_0 ", "type 17"} {
		_, err := ParseType(s)
		if err == nil || !strings.Contains(err.Error(), "F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K, BF16") {
			t.Errorf("ParseType(%q): %v, want an error that lists the names", s, err)
		}
	}
}

func TestRowSizePanics(t *testing.T) {
	mustPanic(t, "multiple of 32", func() { Q8_0.RowSize(33) })
	mustPanic(t, "multiple of 256", func() { Q6_K.RowSize(32) })
	mustPanic(t, "multiple of 1", func() { F32.RowSize(-1) })
	mustPanic(t, "overflows", func() { F32.RowSize(math.MaxInt) })
}

func TestTensorSize(t *testing.T) {
	good := []struct {
		typ  Type
		dims []uint64
		want uint64
	}{
		{F32, []uint64{1}, 4},
		{F16, []uint64{3, 3, 64, 128}, 3 * 3 * 64 * 128 * 2},
		{Q8_0, []uint64{64, 5}, 2 * 34 * 5},
		{Q6_K, []uint64{512, 2, 3}, 2 * 210 * 6},
		{F16, []uint64{1 << 31, 1 << 30}, 1 << 62},
		{Q4_0, []uint64{1 << 62}, 1 << 62 / 32 * 18}, // the elements as f32 would overflow, the bytes do not
		{Q8_0, []uint64{1 << 62}, 1 << 62 / 32 * 34},
	}
	for _, tt := range good {
		if got, err := tt.typ.TensorSize(tt.dims); err != nil || got != tt.want {
			t.Errorf("%s %v: got %d, %v, want %d", tt.typ, tt.dims, got, err, tt.want)
		}
	}

	bad := []struct {
		typ  Type
		dims []uint64
		want string
	}{
		{17, []uint64{1}, "unknown element type 17, supported are F32, F16"},
		{F32, nil, "no dimensions"},
		{F32, []uint64{4, 0}, "dimension 1 is 0"},
		{F32, []uint64{0}, "dimension 0 is 0"},
		{Q8_0, []uint64{33, 32}, "row length 33 is not a multiple of 32, the block length of Q8_0"},
		{Q4_K, []uint64{32, 8}, "row length 32 is not a multiple of 256"},
		{F32, []uint64{1 << 32, 1 << 32}, "more than 9223372036854775807 elements"},
		{F32, []uint64{1 << 63}, "more than 9223372036854775807 elements"},
		{F32, []uint64{math.MaxUint64, math.MaxUint64, 2, 2}, "more than 9223372036854775807 elements"},
		{F32, []uint64{1 << 62}, "more than 9223372036854775807 bytes"},
		{F16, []uint64{1 << 62}, "more than 9223372036854775807 bytes"},
	}
	for _, tt := range bad {
		_, err := tt.typ.TensorSize(tt.dims)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %v: error %v, want %q", tt.typ, tt.dims, err, tt.want)
		}
	}
}

// mustPanic runs f, which must panic with a message that contains want.
func mustPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		got, _ := recover().(string)
		if !strings.Contains(got, want) {
			t.Errorf("panic %q, want %q", got, want)
		}
	}()
	f()
}

package gguf

import (
	"bytes"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
)

// TestPythonFile reads a file that the gguf Python package wrote: testdata/python.py.
func TestPythonFile(t *testing.T) {
	f := open(t, "testdata/python.gguf")
	checkPythonFile(t, f)
	if f.Version != 3 || f.Path != "testdata/python.gguf" {
		t.Errorf("version %d, path %q", f.Version, f.Path)
	}
}

// TestVersion2 reads the same file as version 2, which differs from 3 in the number alone.
func TestVersion2(t *testing.T) {
	data, err := os.ReadFile("testdata/python.gguf")
	if err != nil {
		t.Fatal(err)
	}
	data[4] = 2
	f, err := Parse("v2", data)
	if err != nil {
		t.Fatal(err)
	}
	if f.Version != 2 {
		t.Errorf("version %d, want 2", f.Version)
	}
	checkPythonFile(t, f)
}

func checkPythonFile(t *testing.T, f *File) {
	t.Helper()
	wantKeys := []string{"general.architecture",
		"v.u8", "v.i8", "v.u16", "v.i16", "v.u32", "v.i32", "v.f32", "v.true", "v.false", "v.string", "v.u64", "v.i64", "v.f64",
		"a.i32", "a.f32", "a.bool", "a.strings", "a.bytes", "a.nested", "a.deep",
		"all.u8", "all.i8", "all.u16", "all.i16", "all.u32", "all.u64", "all.i64", "all.f64"}
	if got := f.Keys(); !slices.Equal(got, wantKeys) {
		t.Errorf("keys %q\nwant %q", got, wantKeys)
	}
	values := []struct {
		key  string
		typ  ValueType
		text string
	}{
		{"general.architecture", TypeString, `"llamagen"`},
		{"v.u8", TypeUint8, "255"},
		{"v.i8", TypeInt8, "-128"},
		{"v.u16", TypeUint16, "65535"},
		{"v.i16", TypeInt16, "-32768"},
		{"v.u32", TypeUint32, "4294967295"},
		{"v.i32", TypeInt32, "-2147483648"},
		{"v.f32", TypeFloat32, "1e-05"},
		{"v.true", TypeBool, "true"},
		{"v.false", TypeBool, "false"},
		{"v.string", TypeString, `"grüß 你 🐍\n"`},
		{"v.u64", TypeUint64, "18446744073709551615"},
		{"v.i64", TypeInt64, "-9223372036854775808"},
		{"v.f64", TypeFloat64, "0.1"},
		{"a.i32", TypeArray, "[1, -2, 3]"},
		{"a.f32", TypeArray, "[0.5, -1.5]"},
		{"a.bool", TypeArray, "[true, false, true]"},
		{"a.strings", TypeArray, `["", "a", "▁tree", "</s>"]`},
		{"a.bytes", TypeArray, "[0, 1, 254, 255]"},
		{"a.nested", TypeArray, "[[1, 2], [3], [4, 5, 6]]"},
		{"a.deep", TypeArray, `[[["x", ""], ["y"]], [["z"]]]`},
	}
	for _, tt := range values {
		v, ok := f.Value(tt.key)
		if !ok || v.Type() != tt.typ || v.String() != tt.text {
			t.Errorf("%s: there %v, type %s, %s; want %s, %s", tt.key, ok, v.Type(), v, tt.typ, tt.text)
		}
	}
	for _, typ := range []string{"u8", "i8", "u16", "i16", "u32", "u64", "i64", "f64"} {
		v, _ := f.Value("all." + typ)
		if v.Type() != TypeArray || v.Elem().String() != typ || v.Len() != 3 || v.String() != "[1, 2, 100]" {
			t.Errorf("all.%s: %s", typ, v)
		}
	}
	if x, err := f.Uint("v.u64"); err != nil || x != math.MaxUint64 {
		t.Errorf("v.u64: %v, %v", x, err)
	}
	if x, err := f.Int("v.i64"); err != nil || x != math.MinInt64 {
		t.Errorf("v.i64: %v, %v", x, err)
	}
	if x, err := f.Float("v.f32"); err != nil || x != float64(float32(1e-5)) {
		t.Errorf("v.f32: %v, %v", x, err)
	}
	if x, err := f.Str("v.string"); err != nil || x != "grüß 你 🐍\n" {
		t.Errorf("v.string: %q, %v", x, err)
	}
	if x, err := f.Bytes("a.bytes"); err != nil || !bytes.Equal(x, []byte{0, 1, 254, 255}) {
		t.Errorf("a.bytes: %v, %v", x, err)
	}
	if x, err := f.Strings("a.strings"); err != nil || !slices.Equal(x, []string{"", "a", "▁tree", "</s>"}) {
		t.Errorf("a.strings: %q, %v", x, err)
	}

	tensors := []struct {
		name string
		typ  ggml.Type
		dims []uint64
		size int
	}{
		{"f32", ggml.F32, []uint64{5, 3}, 60},
		{"f16", ggml.F16, []uint64{3, 1, 3, 2}, 36},
		{"bf16", ggml.BF16, []uint64{7}, 14},
		{"q8_0", ggml.Q8_0, []uint64{64, 3}, 204},
		{"q4_0", ggml.Q4_0, []uint64{64, 3}, 108},
		{"q4_1", ggml.Q4_1, []uint64{64, 3}, 120},
		{"q5_0", ggml.Q5_0, []uint64{64, 3}, 132},
		{"q5_1", ggml.Q5_1, []uint64{64, 3}, 144},
		{"q4_k", ggml.Q4_K, []uint64{256, 2}, 288},
		{"q5_k", ggml.Q5_K, []uint64{256, 2}, 352},
		{"q6_k", ggml.Q6_K, []uint64{256, 2}, 420},
	}
	if len(f.Tensors) != len(tensors) {
		t.Fatalf("%d tensors, want %d", len(f.Tensors), len(tensors))
	}
	for i, tt := range tensors {
		x, ok := f.Tensor(tt.name)
		if !ok || f.Tensors[i] != x {
			t.Errorf("tensor %q is not number %d", tt.name, i)
			continue
		}
		if x.Name != tt.name || x.Type != tt.typ || !slices.Equal(x.Dims, tt.dims) || x.Offset%f.Alignment != 0 {
			t.Errorf("tensor %d: %q, %s, %v, offset %d; want %v", i, x.Name, x.Type, x.Dims, x.Offset, tt)
		}
		if !bytes.Equal(x.Data, pattern(tt.size, int(tt.typ))) {
			t.Errorf("tensor %q: data is not the pattern of %d bytes", tt.name, tt.size)
		}
	}
}

// TestAlignment reads a file whose data is aligned to 64 bytes.
func TestAlignment(t *testing.T) {
	f := open(t, "testdata/python-align64.gguf")
	if f.Alignment != 64 || len(f.Tensors) != 2 {
		t.Fatalf("alignment %d, %d tensors", f.Alignment, len(f.Tensors))
	}
	for i, x := range f.Tensors {
		if x.Offset%64 != 0 || !bytes.Equal(x.Data, pattern(4*(i+1), 0)) {
			t.Errorf("%q: offset %d, data %v", x.Name, x.Offset, x.Data)
		}
	}
}

// pattern is what testdata/python.py fills tensors with.
func pattern(n, start int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*13 + start)
	}
	return b
}

// open opens a file for the duration of a test.
func open(t *testing.T, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

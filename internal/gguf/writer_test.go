package gguf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
)

// fillWith returns a fill function that writes data in one go.
func fillWith(data []byte) func(io.Writer) error {
	return func(dst io.Writer) error {
		_, err := dst.Write(data)
		return err
	}
}

// written returns what w writes, and checks the count and Size.
func written(t *testing.T, w *Writer) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := w.WriteTo(&b)
	if err != nil {
		t.Fatal(err)
	}
	if n != int64(b.Len()) || n != w.Size() {
		t.Errorf("WriteTo says %d, Size %d, wrote %d", n, w.Size(), b.Len())
	}
	return b.Bytes()
}

// everything returns a writer with every value type and every tensor type.
func everything() *Writer {
	w := NewWriter()
	w.Set("u8", Of(uint8(255)))
	w.Set("i8", Of(int8(-128)))
	w.Set("u16", Of(uint16(65535)))
	w.Set("i16", Of(int16(-32768)))
	w.SetUint32("u32", math.MaxUint32)
	w.SetInt32("i32", math.MinInt32)
	w.SetUint64("u64", math.MaxUint64)
	w.SetInt64("i64", math.MinInt64)
	w.SetFloat32("f32", 1e-5)
	w.SetFloat64("f64", math.Pi)
	w.SetBool("yes", true)
	w.SetBool("no", false)
	w.SetString("string", "grüß\x00dich")
	w.SetStrings("strings", []string{"", "a", "▁tree"})
	w.SetArray("u8s", []uint8{1, 2})
	w.SetArray("i8s", []int8{-1, 2})
	w.SetArray("u16s", []uint16{1, 2})
	w.SetArray("i16s", []int16{-1, 2})
	w.SetArray("u32s", []uint32{1, 2})
	w.SetArray("i32s", []int32{-1, 2})
	w.SetArray("u64s", []uint64{1, 2})
	w.SetArray("i64s", []int64{-1, 2})
	w.SetArray("f32s", []float32{0.5, 2})
	w.SetArray("f64s", []float64{0.1, 2})
	w.SetArray("bools", []bool{true, false})
	w.SetArray("more strings", []string{"x"})
	w.Set("deep", Nested(Nested(Nested(ArrayOf([]string{"x", ""}))), Nested()))
	for _, typ := range ggml.Types() {
		dims := []uint64{uint64(3 * typ.BlockLen()), 5, 1, 2}
		size, _ := typ.TensorSize(dims)
		w.AddTensor(typ.String()+".weight", dims, typ, fillWith(pattern(int(size), int(typ))))
	}
	return w
}

func TestWriterRoundTrip(t *testing.T) {
	data := written(t, everything())
	f, err := Parse("m", data)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"u8": "255", "i8": "-128", "u16": "65535", "i16": "-32768", "u32": "4294967295", "i32": "-2147483648",
		"u64": "18446744073709551615", "i64": "-9223372036854775808", "f32": "1e-05", "f64": "3.141592653589793",
		"yes": "true", "no": "false", "string": `"grüß\x00dich"`, "strings": `["", "a", "▁tree"]`,
		"u8s": "[1, 2]", "i8s": "[-1, 2]", "u16s": "[1, 2]", "i16s": "[-1, 2]", "u32s": "[1, 2]", "i32s": "[-1, 2]",
		"u64s": "[1, 2]", "i64s": "[-1, 2]", "f32s": "[0.5, 2]", "f64s": "[0.1, 2]", "bools": "[true, false]",
		"more strings": `["x"]`, "deep": `[[[["x", ""]]], []]`,
	}
	if len(f.Keys()) != len(want) {
		t.Errorf("%d keys, want %d", len(f.Keys()), len(want))
	}
	types := map[ValueType]bool{}
	for _, key := range f.Keys() {
		v, _ := f.Value(key)
		types[v.Type()] = true
		if v.String() != want[key] {
			t.Errorf("%s: %s, want %s", key, v, want[key])
		}
		if name := strings.TrimSuffix(key, "s"); v.Type() == TypeArray && key != "deep" && key != "more strings" {
			if got := v.Elem().String(); got != name {
				t.Errorf("%s: array of %s", key, got)
			}
		}
	}
	if len(types) != len(valueTypes) {
		t.Errorf("%d value types, want all %d", len(types), len(valueTypes))
	}
	if len(f.Tensors) != len(ggml.Types()) {
		t.Errorf("%d tensors, want %d", len(f.Tensors), len(ggml.Types()))
	}
	for i, x := range f.Tensors {
		typ := ggml.Types()[i]
		n := uint64(3 * typ.BlockLen())
		if x.Name != typ.String()+".weight" || x.Type != typ || !slices.Equal(x.Dims, []uint64{n, 5, 1, 2}) {
			t.Errorf("tensor %d: %q %s %v", i, x.Name, x.Type, x.Dims)
		}
		if x.Offset%32 != 0 || !bytes.Equal(x.Data, pattern(typ.RowSize(int(n))*10, int(typ))) {
			t.Errorf("%q: offset %d, data %x", x.Name, x.Offset, x.Data)
		}
	}
}

// TestRewrite copies a file key by key and tensor by tensor: the copy is the same, byte for byte, if the original is one of
// ours or one of Python's.
func TestRewrite(t *testing.T) {
	python := open(t, "testdata/python.gguf")
	aligned := open(t, "testdata/python-align64.gguf")
	own, err := Parse("own", written(t, everything()))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*File{python, aligned, own} {
		original := f.mapping
		if f == own {
			original = written(t, everything())
		}
		if got := written(t, copyOf(f)); !bytes.Equal(got, original) {
			t.Errorf("the copy of %s has %d bytes, the original %d, and they differ", f.Path, len(got), len(original))
		}
	}
}

// copyOf returns a writer with the content of f.
func copyOf(f *File) *Writer {
	w := NewWriter()
	for _, key := range f.Keys() {
		v, _ := f.Value(key)
		w.Set(key, v)
	}
	for _, x := range f.Tensors {
		w.AddTensor(x.Name, x.Dims, x.Type, fillWith(x.Data))
	}
	return w
}

func TestWriterEmpty(t *testing.T) {
	data := written(t, NewWriter())
	f, err := Parse("m", data)
	if err != nil || len(f.Keys()) != 0 || len(f.Tensors) != 0 {
		t.Errorf("%v, %v", f, err)
	}
}

func TestWriterDeterministic(t *testing.T) {
	w := everything()
	first := written(t, w)
	if !bytes.Equal(first, written(t, w)) {
		t.Error("writing twice gives different bytes")
	}
	if !bytes.Equal(first, written(t, everything())) {
		t.Error("another writer gives different bytes")
	}
}

// TestWriterStreams fills a tensor in pieces, larger and smaller than any buffer.
func TestWriterStreams(t *testing.T) {
	const n = 1 << 20
	data := pattern(n, 0)
	w := NewWriter()
	w.AddTensor("w", []uint64{n / 4}, ggml.F32, func(dst io.Writer) error {
		rest := data
		for size := 1; len(rest) > 0; size = size*3 + 1 {
			size = min(size, len(rest))
			if _, err := dst.Write(rest[:size]); err != nil {
				return err
			}
			rest = rest[size:]
		}
		return nil
	})
	f, err := Parse("m", written(t, w))
	if err != nil {
		t.Fatal(err)
	}
	if x, _ := f.Tensor("w"); !bytes.Equal(x.Data, data) {
		t.Error("the data changed")
	}
}

func TestWriterErrors(t *testing.T) {
	fill := fillWith(make([]byte, 4))
	one := []uint64{1}
	deep := ArrayOf([]uint8{1})
	for range maxDepth {
		deep = Nested(deep)
	}
	tests := []struct {
		name string
		do   func(w *Writer)
		want string
	}{
		{"key twice", func(w *Writer) { w.SetBool("a", true); w.SetUint32("a", 1) }, `gguf: key "a": occurs twice`},
		{"tensor twice", func(w *Writer) { w.AddTensor("a", one, ggml.F32, fill); w.AddTensor("a", one, ggml.F32, fill) }, `gguf: tensor "a": occurs twice`},
		{"first error wins", func(w *Writer) { w.SetBool("", true); w.AddTensor("", one, ggml.F32, fill) }, `gguf: key "": name of 0 bytes, want 1 to 65535`},
		{"long key", func(w *Writer) { w.SetBool(strings.Repeat("k", 1<<16), true) }, `...: name of 65536 bytes, want 1 to 65535`},
		{"key not UTF-8", func(w *Writer) { w.SetBool("\xff", true) }, `gguf: key "\xff": name is not UTF-8`},
		{"no value", func(w *Writer) { w.Set("a", Value{}) }, `gguf: key "a": has no value`},
		{"too deep", func(w *Writer) { w.Set("a", deep) }, `gguf: key "a": arrays nested 5 deep, limit is 4`},
		{"alignment 3", func(w *Writer) { w.SetUint32(alignmentKey, 3) }, `gguf: key "general.alignment": 3 is not a power of two`},
		{"alignment u64", func(w *Writer) { w.SetUint64(alignmentKey, 32) }, `gguf: key "general.alignment": has type u64, want u32`},
		{"alignment late", func(w *Writer) { w.AddTensor("a", one, ggml.F32, fill); w.SetUint32(alignmentKey, 64) },
			`gguf: key "general.alignment": is set after the first tensor`},
		{"no dims", func(w *Writer) { w.AddTensor("a", nil, ggml.F32, fill) }, `gguf: tensor "a": has no dimensions`},
		{"five dims", func(w *Writer) { w.AddTensor("a", []uint64{1, 1, 1, 1, 1}, ggml.F32, fill) }, `gguf: tensor "a": 5 dimensions, want 1 to 4`},
		{"zero dim", func(w *Writer) { w.AddTensor("a", []uint64{1, 0}, ggml.F32, fill) }, `gguf: tensor "a": dimension 1 is 0`},
		{"unknown type", func(w *Writer) { w.AddTensor("a", one, 99, fill) }, `gguf: tensor "a": unknown element type 99`},
		{"row length", func(w *Writer) { w.AddTensor("a", []uint64{31}, ggml.Q8_0, fill) }, `gguf: tensor "a": row length 31 is not a multiple of 32`},
		{"too large together", func(w *Writer) {
			for i := range 5 {
				w.AddTensor(fmt.Sprint(i), []uint64{1 << 58}, ggml.F32, fill)
			}
		}, `gguf: tensor "4": the file would be larger than 4611686018427387904 bytes`},
		{"too large at once", func(w *Writer) { w.AddTensor("a", []uint64{1<<61 - 1}, ggml.F32, fill) }, `gguf: tensor "a": the file would be larger`},
		{"too many keys", func(w *Writer) {
			for i := range maxKeys + 1 {
				w.Set(fmt.Sprint(i), Of(uint8(1)))
			}
		}, `gguf: key "65536": more than 65536`},
		{"too many tensors", func(w *Writer) {
			for i := range maxTensors + 1 {
				w.AddTensor(fmt.Sprint(i), one, ggml.F32, fill)
			}
		}, `gguf: tensor "65536": more than 65536`},
		{"names too long together", func(w *Writer) {
			for i := range maxNames/60000 + 1 {
				w.Set(fmt.Sprint(i, strings.Repeat("x", 60000)), Of(uint8(1)))
			}
		}, `names take more than 16777216 bytes together`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := NewWriter()
			tt.do(w)
			var b bytes.Buffer
			n, err := w.WriteTo(&b)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v\nwant  %s", err, tt.want)
			}
			if n != 0 || b.Len() != 0 {
				t.Errorf("%d bytes were written", b.Len())
			}
		})
	}
}

func TestFillErrors(t *testing.T) {
	broken := errors.New("disk on fire")
	tests := []struct {
		name string
		fill func(io.Writer) error
		want string
	}{
		{"nothing", func(io.Writer) error { return nil }, `gguf: tensor "w": got 0 bytes of data, want 8`},
		{"too little", fillWith(make([]byte, 7)), `gguf: tensor "w": got 7 bytes of data, want 8`},
		{"too much", fillWith(make([]byte, 9)), `gguf: tensor "w": data is too long: 9 bytes more where 8 are left`},
		{"too much, later", func(dst io.Writer) error {
			dst.Write(make([]byte, 8))
			dst.Write([]byte{1})
			_, err := dst.Write(nil)
			if err == nil {
				return errors.New("the error was forgotten")
			}
			return nil
		}, `gguf: tensor "w": data is too long: 1 bytes more where 0 are left`},
		{"fails", func(io.Writer) error { return broken }, `gguf: tensor "w": disk on fire`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := NewWriter()
			w.AddTensor("w", []uint64{2}, ggml.F32, tt.fill)
			_, err := w.WriteTo(io.Discard)
			if err == nil || err.Error() != tt.want {
				t.Errorf("error %v\nwant  %s", err, tt.want)
			}
			if tt.name == "fails" && !errors.Is(err, broken) {
				t.Errorf("%v does not wrap the cause", err)
			}
		})
	}
}

// shortWriter fails after n bytes.
type shortWriter struct{ n int }

var errFull = errors.New("no space left")

func (s *shortWriter) Write(p []byte) (int, error) {
	if len(p) > s.n {
		n := s.n
		s.n = 0
		return n, errFull
	}
	s.n -= len(p)
	return len(p), nil
}

// TestWriterDestinationFails lets the destination fail at many places: in the header, in data, in padding, at the end.
func TestWriterDestinationFails(t *testing.T) {
	w := NewWriter()
	w.SetString("long", strings.Repeat("x", 300<<10))
	w.AddTensor("a", []uint64{1}, ggml.F32, fillWith(make([]byte, 4)))
	w.AddTensor("b", []uint64{100 << 10}, ggml.F32, fillWith(make([]byte, 400<<10)))
	w.AddTensor("c", []uint64{1}, ggml.F32, fillWith(make([]byte, 4)))
	size := int(w.Size())
	for limit := 0; limit < size; limit += max(1, min(10007, size-1-limit)) {
		n, err := w.WriteTo(&shortWriter{limit})
		if !errors.Is(err, errFull) || n != int64(limit) {
			t.Fatalf("limit %d: wrote %d, %v", limit, n, err)
		}
	}
	if _, err := w.WriteTo(&shortWriter{size}); err != nil {
		t.Error(err)
	}
}

func TestWriterPanics(t *testing.T) {
	for name, f := range map[string]func(w *Writer){
		"gguf: SetArray of int":                   func(w *Writer) { w.SetArray("a", 1) },
		"gguf: SetArray of [][]uint8":             func(w *Writer) { w.SetArray("a", [][]uint8{}) },
		"gguf: AddTensor without a fill function": func(w *Writer) { w.AddTensor("a", []uint64{1}, ggml.F32, nil) },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); got != name {
					t.Errorf("panic %s, want %s", got, name)
				}
			}()
			f(NewWriter())
		}()
	}
}

func ExampleWriter() {
	w := NewWriter()
	w.SetString("general.architecture", "llamagen")
	w.SetUint32("llamagen.image.rows", 24)
	// A matrix of two rows and three columns, as PyTorch would say [2, 3].
	w.AddTensor("output.weight", []uint64{3, 2}, ggml.F32, func(dst io.Writer) error {
		row := make([]byte, ggml.F32.RowSize(3))
		for i := range 2 {
			ggml.Quantize(ggml.F32, row, []float32{float32(i), 0.5, -1})
			if _, err := dst.Write(row); err != nil {
				return err
			}
		}
		return nil
	})
	var file bytes.Buffer
	if _, err := w.WriteTo(&file); err != nil {
		fmt.Println(err)
		return
	}

	f, err := Parse("example", file.Bytes())
	if err != nil {
		fmt.Println(err)
		return
	}
	rows, err := f.Uint("llamagen.image.rows")
	fmt.Println(rows, err)
	for _, t := range f.Tensors {
		fmt.Println(t.Name, t.Dims, t.Type, len(t.Data))
	}
	// Output:
	// 24 <nil>
	// output.weight [3 2] F32 24
}

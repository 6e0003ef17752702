package gguf

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
)

// TestTruncated cuts a file at every place: each piece is refused, until only padding is cut off.
func TestTruncated(t *testing.T) {
	data, err := os.ReadFile("testdata/python.gguf")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse("whole", data)
	if err != nil {
		t.Fatal(err)
	}
	last := f.Tensors[len(f.Tensors)-1]
	end := int(last.Offset) + len(last.Data)
	for n := range data {
		_, err := Parse("cut", data[:n:n])
		if n >= end {
			if err != nil {
				t.Errorf("cut at %d, in the last padding: %v", n, err)
			}
			continue
		}
		var format *FormatError
		if !errors.As(err, &format) || !strings.HasPrefix(err.Error(), "gguf: cut: ") {
			t.Fatalf("cut at %d: %v", n, err)
		}
		if n > len(magic) && !strings.Contains(err.Error(), "file has ") {
			t.Fatalf("cut at %d: %v, want the bytes left", n, err)
		}
	}
}

// TestFlippedBytes changes each byte of a file in turn: what comes out is an error or a file that can be read.
func TestFlippedBytes(t *testing.T) {
	data, err := os.ReadFile("testdata/python.gguf")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse("whole", data)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for i := range f.Tensors[0].Offset {
		for _, flip := range []byte{0x01, 0x80, 0xff} {
			data[i] ^= flip
			if f, err := Parse("flipped", data); err != nil {
				refused++
			} else {
				useAll(t, f)
			}
			data[i] ^= flip
		}
	}
	if refused == 0 {
		t.Error("no change was noticed")
	}
}

// allocated returns how many bytes f allocates: the least of three runs, as the runtime allocates now and then too.
func allocated(f func()) uint64 {
	least := uint64(math.MaxUint64)
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// TestLiesAllocateNothing parses small files that announce much: hardly more than the error message is allocated.
func TestLiesAllocateNothing(t *testing.T) {
	const limit = 8 << 10
	for _, tt := range badFiles {
		n := allocated(func() {
			if _, err := Parse("m", tt.file.b); err == nil {
				t.Errorf("%s was accepted", tt.name)
			}
		})
		if n > limit {
			t.Errorf("%s: %d bytes allocated, limit %d", tt.name, n, limit)
		}
	}
}

// TestMemoryLimit parses files that hold as many and as long names as is allowed, or one more: neither may take more than
// 64 MiB.
func TestMemoryLimit(t *testing.T) {
	keys := func(n int, length int) *raw {
		r := header(0, uint64(n))
		for i := range n {
			r.key(fmt.Sprintf("%0*d", length, i), TypeUint8).u8(1)
		}
		return r
	}
	tensors := func(n int, length int) *raw {
		r := header(uint64(n), 0)
		for i := range n {
			r.tensor(fmt.Sprintf("%0*d", length, i), ggml.F32, uint64(32*i), 1, 1, 1, 1)
		}
		return r.data(32 * n)
	}
	nested := header(0, 1).key("a", TypeArray).array(TypeArray, 1<<17)
	for range 1 << 17 {
		nested.array(TypeString, 1).str("")
	}
	tests := []struct {
		name string
		file *raw
		want string // of the error, or ""
	}{
		{"most keys", keys(maxKeys, 200), ""},
		{"longest names", keys(maxNames/maxNameLen, maxNameLen), ""},
		{"most tensors", tensors(maxTensors, 200), ""},
		{"names too long together", keys(maxNames/maxNameLen+1, maxNameLen), "key 257 of 257: names take more than 16777216 bytes together"},
		{"tensor names too long together", tensors(maxNames/maxNameLen+1, maxNameLen), "tensor 257 of 257: names take more than 16777216 bytes"},
		{"many small arrays", nested, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var f *File
			var err error
			n := allocated(func() { f, err = Parse("m", tt.file.b) })
			if n > 64<<20 {
				t.Errorf("%d bytes allocated for a file of %d", n, len(tt.file.b))
			}
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			runtime.KeepAlive(f)
		})
	}
}

// TestParseAllocations wants a number of allocations that does not depend on the metadata's size.
func TestParseAllocations(t *testing.T) {
	count := func(strings int) float64 {
		w := NewWriter()
		w.SetStrings("tokens", make([]string, strings))
		data := written(t, w)
		return testing.AllocsPerRun(5, func() {
			if _, err := Parse("m", data); err != nil {
				t.Error(err)
			}
		})
	}
	if few, many := count(1), count(32768); few != many {
		t.Errorf("%v allocations for one token, %v for 32768", few, many)
	}
}

// TestDataIsTheFile wants tensors to be views of the file whose capacity ends with them.
func TestDataIsTheFile(t *testing.T) {
	data := header(2, 0).tensor("a", ggml.F32, 0, 2).tensor("b", ggml.F32, 32, 8).data(64).b
	f, err := Parse("m", data)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range f.Tensors {
		if &x.Data[0] != &data[x.Offset] || cap(x.Data) != len(x.Data) {
			t.Errorf("%s: a copy, or capacity %d for %d bytes", x.Name, cap(x.Data), len(x.Data))
		}
	}
}

// TestOrderOfData accepts tensors whose data lies in another order, with gaps.
func TestOrderOfData(t *testing.T) {
	r := header(3, 0).tensor("c", ggml.F32, 128, 1).tensor("a", ggml.F32, 0, 8).tensor("b", ggml.F32, 32, 1).data(132)
	f, err := Parse("m", r.b)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"c", "a", "b"} {
		if f.Tensors[i].Name != name {
			t.Errorf("tensor %d is %q, want %q", i, f.Tensors[i].Name, name)
		}
	}
}

// TestArraysMayNest accepts arrays as deep as the limit.
func TestArraysMayNest(t *testing.T) {
	r := header(0, 1).key("a", TypeArray).array(TypeArray, 1).array(TypeArray, 1).array(TypeArray, 1).array(TypeFloat32, 1).u32(math.Float32bits(2.5))
	f, err := Parse("m", r.b)
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := f.Value("a"); v.String() != "[[[[2.5]]]]" {
		t.Errorf("got %s", v)
	}
}

// useAll reads everything there is in a file, by every getter.
func useAll(t *testing.T, f *File) {
	t.Helper()
	for _, key := range f.Keys() {
		v, ok := f.Value(key)
		if !ok {
			t.Fatalf("key %q has no value", key)
		}
		if s := v.String(); len(s) > 1000 || strings.Contains(s, "\n") {
			t.Fatalf("key %q: %s", key, s)
		}
		for _, err := range []error{
			second(f.Uint(key)), second(f.Int(key)), second(f.Float(key)), second(f.Bool(key)), second(f.Str(key)),
			second(f.Strings(key)), second(f.Uints(key)), second(f.Floats(key)), second(f.Bytes(key)),
		} {
			var format *FormatError
			if err != nil && (!errors.As(err, &format) || strings.Contains(err.Error(), "\n")) {
				t.Fatalf("key %q: %v", key, err)
			}
		}
	}
	for _, x := range f.Tensors {
		size, err := x.Type.TensorSize(x.Dims)
		if err != nil || uint64(len(x.Data)) != size {
			t.Fatalf("tensor %q: %d bytes, want %d, %v", x.Name, len(x.Data), size, err)
		}
		if y, ok := f.Tensor(x.Name); !ok || y != x {
			t.Fatalf("tensor %q is not found", x.Name)
		}
		row := make([]float32, x.Type.BlockLen())
		ggml.Dequantize(x.Type, row, x.Data[:x.Type.BlockSize()])
	}
}

package npy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// The files of testdata hold (0..23)/8 - 1 in shape [2,3,4], as floats, or 0..23 - 8 as integers (make.py).
func wantFloats() []float32 {
	v := make([]float32, 24)
	for i := range v {
		v[i] = float32(i)/8 - 1
	}
	return v
}

func wantInts() []int32 {
	v := make([]int32, 24)
	for i := range v {
		v[i] = int32(i) - 8
	}
	return v
}

func TestOpenFloats(t *testing.T) {
	for _, name := range []string{"f32", "f16", "f64", "fortran_f32", "v2", "v3"} {
		a, err := Open("testdata/" + name + ".npy")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(a.Shape, []int{2, 3, 4}) || !slices.Equal(a.Float32(), wantFloats()) {
			t.Errorf("%s: %v %v", name, a.Shape, a.Float32())
		}
		if a.IsInt() || a.Int32() != nil || a.Len() != 24 {
			t.Errorf("%s: IsInt %v, Int32 %v, Len %d", name, a.IsInt(), a.Int32(), a.Len())
		}
	}
}

func TestOpenInts(t *testing.T) {
	for _, name := range []string{"i32", "i64", "fortran_i64"} {
		a, err := Open("testdata/" + name + ".npy")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(a.Shape, []int{2, 3, 4}) || !slices.Equal(a.Int32(), wantInts()) {
			t.Errorf("%s: %v %v", name, a.Shape, a.Int32())
		}
		if !a.IsInt() || a.Float32() != nil || a.Len() != 24 {
			t.Errorf("%s: IsInt %v, Float32 %v, Len %d", name, a.IsInt(), a.Float32(), a.Len())
		}
	}
}

func TestOpenScalarAndEmpty(t *testing.T) {
	a, err := Open("testdata/scalar.npy")
	if err != nil || len(a.Shape) != 0 || !slices.Equal(a.Float32(), []float32{1.5}) {
		t.Errorf("scalar: %+v, %v", a, err)
	}
	a, err = Open("testdata/empty.npy")
	if err != nil || !slices.Equal(a.Shape, []int{3, 0}) || a.Len() != 0 || a.IsInt() {
		t.Errorf("empty: %+v, %v", a, err)
	}
}

func TestOpenZip(t *testing.T) {
	m, err := OpenZip("testdata/two.npz")
	if err != nil {
		t.Fatal(err)
	}
	if len(m) != 2 || !slices.Equal(m["a"].Float32(), wantFloats()) || !slices.Equal(m["b"].Int32(), wantInts()) {
		t.Errorf("two.npz: %+v", m)
	}
	m, err = OpenZip("testdata/deflated.npz")
	if err != nil || m["a"].Len() != 10000 {
		t.Errorf("deflated.npz: %v %v", m, err)
	}
}

func TestOpenErrors(t *testing.T) {
	zipErr := func(path string) error { _, err := OpenZip(path); return err }
	npyErr := func(path string) error { _, err := Open(path); return err }
	dir := t.TempDir()
	for _, c := range []struct {
		err  error
		want string
	}{
		{npyErr("testdata/none.npy"), "no such file"},
		{npyErr(dir), "is a folder"},
		{npyErr("testdata/big_endian.npy"), `testdata/big_endian.npy: npy: element type ">f4" is big-endian`},
		{npyErr("testdata/bool.npy"), `element type "|b1" is not supported`},
		{npyErr("testdata/objects.npy"), "pickled Python objects, which are never loaded"},
		{npyErr("testdata/structured.npy"), "descr: a string expected"},
		{npyErr("testdata/i64_wide.npy"), "element 1 is 5000000000, which does not fit in 32 bits"},
		{npyErr("testdata/two.npz"), "perhaps an .npz archive"},
		{zipErr("testdata/f32.npy"), "npz"},
		{zipErr("testdata/none.npz"), "npz"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("got %v, want %q", c.err, c.want)
		}
	}
}

// file is a .npy file with the header text and n bytes of elements.
func file(major byte, text string, n int) []byte {
	b := append([]byte(magic), major, 0)
	if major == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(text)))
	}
	return append(append(b, text...), make([]byte, n)...)
}

func head(descr, order, shape string) string {
	return fmt.Sprintf("{'descr': %s, 'fortran_order': %s, 'shape': %s}", descr, order, shape)
}

func TestReadHostile(t *testing.T) {
	f4 := func(shape string) string { return head("'<f4'", "False", shape) }
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"nothing", nil, "the file has 0 bytes"},
		{"short", []byte(magic), "the file has 6 bytes"},
		{"another file", []byte("<!DOCTYPE html>"), `it starts with "<!DOCT"`},
		{"zip", []byte("PK\x03\x04aaaaaaaaa"), "this is a zip"},
		{"version 9", file(9, f4("(1,)"), 4), "format version 9.0"},
		{"version 2, short", []byte(magic + "\x02\x00aa"), "the file has 10 bytes, a version 2"},
		{"long header", []byte(magic + "\x02\x00\xff\xff\xff\xff{"), "header of 4294967295 bytes, the file has 1 left"},
		{"header over the limit", file(2, f4("(1,)")+strings.Repeat(" ", maxHeader), 4), "the limit is 65536"},
		{"too few elements", file(1, f4("(3,)"), 8), "needs 3 elements of 4 bytes, the file has 8 bytes"},
		{"too many elements", file(1, f4("(3,)"), 16), "the file has 16 bytes"},
		{"overflow of the product", file(1, f4("(4294967296, 4294967296, 4)"), 4), "too many elements"},
		{"overflow of the bytes", file(1, f4("(4611686018427387904,)"), 4), "needs 4611686018427387904 elements"},
		{"size beyond an int", file(1, f4("(99999999999999999999,)"), 4), "is too large"},
		{"negative size", file(1, f4("(-1,)"), 4), "a size expected"},
		{"33 dimensions", file(1, f4("("+strings.Repeat("1,", 33)+")"), 4), "more than 32 dimensions"},
		{"no tuple", file(1, f4("(3)"), 12), "a comma is missing"},
		{"shape not closed", file(1, f4("(3, 4 5)"), 12), `")" expected`},
		{"shape a list", file(1, f4("[3]"), 12), `"(" expected`},
		{"no dict", file(1, "[]", 0), `"{" expected`},
		{"key twice", file(1, "{'descr': '<f4', 'descr': '<f4'}", 4), "stands twice"},
		{"key unknown", file(1, "{'a': '<f4'}", 4), `key "a" is not known`},
		{"key missing", file(1, "{'descr': '<f4', 'shape': (1,)}", 4), `key "fortran_order" is missing`},
		{"key no string", file(1, "{1: 2}", 4), "a string expected"},
		{"no colon", file(1, "{'descr' '<f4'}", 4), `":" expected`},
		{"no comma", file(1, "{'descr': '<f4' 'shape': (1,)}", 4), `"}" expected`},
		{"string not closed", file(1, "{'descr", 4), "a simple string expected"},
		{"escape", file(1, head(`'<\x664'`, "False", "(1,)"), 4), "a simple string expected"},
		{"bad bool", file(1, head("'<f4'", "Maybe", "(1,)"), 4), `"False" expected`},
		{"rest", file(1, f4("(1,)")+" __import__('os').system('id')", 4), "follows the dict"},
		{"empty header", file(1, "", 4), `"{" expected`},
	} {
		_, err := Read(bytes.NewReader(c.data), int64(len(c.data)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

// A file that shrinks while it is read, and a reader that fails.
func TestReadEndsEarly(t *testing.T) {
	whole := file(2, head("'<f4'", "False", "(3,)"), 12)
	for n := range len(whole) {
		if _, err := Read(bytes.NewReader(whole[:n]), int64(len(whole))); err == nil || !strings.Contains(err.Error(), "ends early") {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	broken := errors.New("broken")
	if _, err := Read(iotest.ErrReader(broken), 100); err != broken {
		t.Errorf("got %v, want the reader's error", err)
	}
}

func TestReadKeysInAnyOrder(t *testing.T) {
	text := "{\"shape\": (2L, 1), 'fortran_order': True, 'descr': '<f4',}\n"
	b := file(1, text, 8)
	a, err := Read(bytes.NewReader(b), int64(len(b)))
	if err != nil || !slices.Equal(a.Shape, []int{2, 1}) {
		t.Errorf("%+v %v", a, err)
	}
}

func TestWrite(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, []int{2, 3, 4}, wantFloats()); err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile("testdata/f32.npy")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), golden) {
		t.Errorf("differs from NumPy's file:\n%q\n%q", b.Bytes(), golden)
	}
	b.Reset()
	if err := Write(&b, []int{2, 3, 4}, wantInts()); err != nil {
		t.Fatal(err)
	}
	if golden, err = os.ReadFile("testdata/i32.npy"); err != nil || !bytes.Equal(b.Bytes(), golden) {
		t.Errorf("differs from NumPy's file (%v):\n%q\n%q", err, b.Bytes(), golden)
	}
}

func TestWriteThenRead(t *testing.T) {
	for _, shape := range [][]int{{}, {0}, {1}, {5, 0, 2}, {100000}, {7, 11, 13}} {
		n, err := count(shape)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float32, n)
		for i := range want {
			want[i] = float32(math.Sin(float64(i)))
		}
		var b bytes.Buffer
		if err := Write(&b, shape, want); err != nil {
			t.Fatal(err)
		}
		if start := b.Len() - 4*int(n); start%64 != 0 {
			t.Errorf("%v: elements start at %d, no multiple of 64", shape, start)
		}
		a, err := Read(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil || !slices.Equal(a.Shape, shape) || !slices.Equal(a.Float32(), want) {
			t.Errorf("%v: %v", shape, err)
		}
	}
}

// limited fails after n bytes.
type limited struct{ n int }

func (l *limited) Write(p []byte) (int, error) {
	if l.n -= len(p); l.n < 0 {
		return 0, errors.New("full")
	}
	return len(p), nil
}

func TestWriteErrors(t *testing.T) {
	data := make([]float32, 2*chunk)
	for _, n := range []int{0, 200, chunk + 200, 8*chunk + 100} {
		if err := Write(&limited{n}, []int{len(data)}, data); err == nil || err.Error() != "full" {
			t.Errorf("%d bytes: got %v", n, err)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a wrong shape did not panic")
		}
	}()
	_ = Write(&bytes.Buffer{}, []int{2, 2}, []float32{1})
}

func FuzzNpy(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.npy")
	if err != nil || len(paths) == 0 {
		f.Fatal(paths, err)
	}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := Read(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		n, err := count(a.Shape)
		if err != nil || n != int64(a.Len()) {
			t.Fatalf("shape %v for %d elements: %v", a.Shape, a.Len(), err)
		}
		if a.IsInt() {
			return
		}
		var out bytes.Buffer
		if err := Write(&out, a.Shape, a.Float32()); err != nil {
			t.Fatal(err)
		}
		again, err := Read(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range a.Float32() {
			if w := again.Float32()[i]; math.Float32bits(v) != math.Float32bits(w) && !(v != v && w != w) {
				t.Fatalf("element %d: %v, then %v", i, v, w)
			}
		}
	})
}

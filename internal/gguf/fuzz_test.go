package gguf

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
)

// seeds are valid files, kept in testdata/fuzz/FuzzParse. The bad files and those of Python are seeds as well.
func seeds() map[string][]byte {
	v2 := header(0, 1).key("a", TypeString).str("b")
	v2.b[4] = 2
	return map[string][]byte{
		"minimal":   header(0, 0).b,
		"version-2": v2.b,
		"nested": header(0, 1).key("a", TypeArray).array(TypeArray, 2).array(TypeString, 1).str("x").
			array(TypeArray, 1).array(TypeBool, 2).u8(0).u8(1).b,
		"bytes":   header(0, 1).key("a", TypeArray).array(TypeInt8, 3).text("abc").b,
		"two":     header(2, 0).tensor("a", ggml.F32, 32, 2).tensor("b", ggml.Q8_0, 64, 32, 2).data(132).b,
		"aligned": header(1, 1).key(alignmentKey, TypeUint32).u32(1).tensor("a", ggml.BF16, 1, 3).u64(0).b,
	}
}

// TestSeeds checks that the committed seeds are those above; with -update it writes them.
func TestSeeds(t *testing.T) {
	const dir = "testdata/fuzz/FuzzParse"
	for name, data := range seeds() {
		path := filepath.Join(dir, name)
		want := fmt.Sprintf("go test fuzz v1\n[]byte(%q)\n", data)
		if *update {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is out of date: run go test -update", path)
		}
		if _, err := Parse(name, data); err != nil {
			t.Error(err)
		}
	}
}

// FuzzParse: no input makes the parser panic; an error is a *FormatError on one line; and what is accepted can be read and
// written, and the copy has the same content.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.gguf", "testdata/*.gguf"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			f.Fatalf("no files %s: %v", pattern, err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse("fuzz", data)
		if err != nil {
			var format *FormatError
			if !errors.As(err, &format) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 1000 || format.Offset < 0 {
				t.Fatalf("error %#v: %v", err, err)
			}
			return
		}
		useAll(t, file)

		var b bytes.Buffer
		n, err := copyOf(file).WriteTo(&b)
		if err != nil || n != copyOf(file).Size() {
			t.Fatalf("copy of %d bytes, Size says %d: %v", n, copyOf(file).Size(), err)
		}
		again, err := Parse("copy", b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if len(again.Keys()) != len(file.Keys()) || len(again.Tensors) != len(file.Tensors) || again.Alignment != file.Alignment {
			t.Fatalf("%d keys and %d tensors became %d and %d", len(file.Keys()), len(file.Tensors), len(again.Keys()), len(again.Tensors))
		}
		for i, key := range file.Keys() {
			v, _ := file.Value(key)
			w, _ := again.Value(again.Keys()[i])
			if v.typ != w.typ || !bytes.Equal(v.raw, w.raw) {
				t.Fatalf("key %q: %s became %s", key, v, w)
			}
		}
		for i, x := range file.Tensors {
			y := again.Tensors[i]
			if x.Name != y.Name || x.Type != y.Type || fmt.Sprint(x.Dims) != fmt.Sprint(y.Dims) || !bytes.Equal(x.Data, y.Data) {
				t.Fatalf("tensor %q changed", x.Name)
			}
		}
	})
}

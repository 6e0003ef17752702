package gguf

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
)

func TestOpenWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(filepath.Join(dir, "missing.gguf"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "gguf: ") {
		t.Errorf("missing file: %v", err)
	}
	_, err = Open(dir)
	if err == nil || !strings.Contains(err.Error(), "is a directory, want a file") {
		t.Errorf("directory: %v", err)
	}
	var format *FormatError
	if errors.As(err, &format) {
		t.Errorf("directory: %v is about the content", err)
	}
}

// TestOpenIsParse opens a file and parses its bytes: both give the same.
func TestOpenIsParse(t *testing.T) {
	data := written(t, everything())
	path := filepath.Join(t.TempDir(), "m.gguf")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	opened := open(t, path)
	parsed, err := Parse(path, data)
	if err != nil {
		t.Fatal(err)
	}
	if opened.Size != int64(len(data)) || parsed.Size != opened.Size {
		t.Errorf("sizes %d and %d, want %d", opened.Size, parsed.Size, len(data))
	}
	if opened.Path != parsed.Path || opened.Version != parsed.Version || opened.Alignment != parsed.Alignment {
		t.Errorf("%+v\n%+v", opened, parsed)
	}
	if !slices.Equal(opened.Keys(), parsed.Keys()) || len(opened.Tensors) != len(parsed.Tensors) {
		t.Fatalf("%d and %d keys, %d and %d tensors", len(opened.Keys()), len(parsed.Keys()), len(opened.Tensors), len(parsed.Tensors))
	}
	for i, x := range opened.Tensors {
		if y := parsed.Tensors[i]; x.Name != y.Name || x.Offset != y.Offset || !bytes.Equal(x.Data, y.Data) {
			t.Errorf("tensor %q differs", x.Name)
		}
	}
}

func TestKeysIsACopy(t *testing.T) {
	f := open(t, "testdata/python.gguf")
	f.Keys()[0] = "changed"
	if f.Keys()[0] != "general.architecture" {
		t.Error("Keys gave its own slice away")
	}
	if _, ok := f.Value("nothing"); ok {
		t.Error("a key that is not there has a value")
	}
	if _, ok := f.Tensor("nothing"); ok {
		t.Error("a tensor that is not there was found")
	}
}

// TestClose wants what was copied out to survive, and the file to be safe to ask afterwards.
func TestClose(t *testing.T) {
	f, err := Open("testdata/python.gguf")
	if err != nil {
		t.Fatal(err)
	}
	arch, err := f.Str("general.architecture")
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := f.Strings("a.strings")
	if err != nil {
		t.Fatal(err)
	}
	keys := f.Keys()
	for range 2 {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if arch != "llamagen" || tokens[2] != "▁tree" || keys[0] != "general.architecture" || f.Tensors[0].Name != "f32" {
		t.Errorf("%q, %q, %q", arch, tokens, keys)
	}
	if _, err := f.Str("general.architecture"); !errors.Is(err, ErrNoKey) {
		t.Errorf("closed file: %v", err)
	}
	if x, ok := f.Tensor("f32"); !ok || x.Data != nil {
		t.Error("a tensor of a closed file has data")
	}
}

func TestConcurrentUse(t *testing.T) {
	f := open(t, "testdata/python.gguf")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { useAll(t, f) })
	}
	wg.Wait()
}

// What was forgotten can be read again.
func TestForget(t *testing.T) {
	w := NewWriter()
	want := make([]byte, 64<<10)
	for i := range want {
		want[i] = byte(i * 7)
	}
	w.AddTensor("x", []uint64{uint64(len(want) / 4)}, ggml.F32, func(dst io.Writer) error { _, err := dst.Write(want); return err })
	path := filepath.Join(t.TempDir(), "x.gguf")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteTo(out); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x := f.Tensors[0]
	for _, part := range [][]byte{x.Data, x.Data[:10], x.Data[100:40000], x.Data[len(x.Data):]} {
		f.Forget(part)
		if !bytes.Equal(x.Data, want) {
			t.Fatal("the data has changed")
		}
	}
}

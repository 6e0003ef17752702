package npy

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func archive(t *testing.T, names ...string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/f32.npy")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range names {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestOpenZipHostile(t *testing.T) {
	// The central directory's record: compressed size at 20, uncompressed size at 24, method at 10.
	directory := func(b []byte) []byte { return b[bytes.LastIndex(b, []byte("PK\x01\x02")):] }
	set := func(at int, v uint32) func([]byte) {
		return func(b []byte) { binary.LittleEndian.PutUint32(directory(b)[at:], v) }
	}
	for _, c := range []struct {
		name  string
		names []string
		spoil func([]byte)
		want  string
	}{
		{"entry of another kind", []string{"a.txt"}, nil, `entry "a.txt" is no .npy file`},
		{"entry twice", []string{"a.npy", "a.npy"}, nil, "stands twice"},
		{"stated size too large for the bytes", []string{"a.npy"}, set(24, 0xfffffff0), "from"},
		{"compressed size beyond the file", []string{"a.npy"}, set(20, 0xfffffff0), "the archive has"},
		{"method unknown", []string{"a.npy"}, func(b []byte) { directory(b)[10] = 99 }, "unsupported compression"},
		{"stated size wrong", []string{"a.npy"}, set(24, 1000), "ends early"},
	} {
		b := archive(t, c.names...)
		if c.spoil != nil {
			c.spoil(b)
		}
		path := filepath.Join(t.TempDir(), "a.npz")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenZip(path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

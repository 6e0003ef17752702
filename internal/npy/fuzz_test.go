package npy

import (
	"os"
	"path/filepath"
	"testing"
)

func FuzzOpenZip(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.npz")
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
	dir, err := os.MkdirTemp("", "zipar-fuzz")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "a.npz")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		arrays, err := OpenZip(path)
		if err != nil {
			return
		}
		for name, a := range arrays {
			if n, err := count(a.Shape); err != nil || n != int64(a.Len()) {
				t.Fatalf("%q: shape %v for %d elements: %v", name, a.Shape, a.Len(), err)
			}
		}
	})
}

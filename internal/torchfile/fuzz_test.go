package torchfile

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func corpus(f *testing.F) [][]byte {
	paths, err := filepath.Glob("testdata/*.pt")
	if err != nil || len(paths) == 0 {
		f.Fatal(paths, err)
	}
	var out [][]byte
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

// FuzzPickle: no pickle crashes, and what the scan lets pass never fails on the stack or the memo.
func FuzzPickle(f *testing.F) {
	for _, b := range corpus(f) {
		z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			continue
		}
		for _, e := range z.File {
			if filepath.Base(e.Name) != "data.pkl" {
				continue
			}
			r, err := e.Open()
			if err != nil {
				f.Fatal(err)
			}
			data, err := io.ReadAll(r)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if scan(data) != nil {
			return
		}
		root, err := execute(data)
		if err != nil {
			for _, wrong := range []string{"the stack is empty", "the meta stack is empty", "index out of range", "nil pointer"} {
				if bytes.Contains([]byte(err.Error()), []byte(wrong)) {
					t.Fatalf("the scan let pass what fails with %v", err)
				}
			}
			return
		}
		describe(root)
		items, _ := dictItems(root)
		_ = noStateDict(items, []string{"model"})
	})
}

// FuzzTorchfile: no file crashes, and every tensor that is listed can be read to its end.
func FuzzTorchfile(f *testing.F) {
	for _, b := range corpus(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := New("fuzz.pt", bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		for _, keys := range [][]string{everywhere, {"ema"}} {
			d, err := file.StateDict(keys...)
			if err != nil {
				continue
			}
			for _, x := range d.Tensors {
				r, err := x.Reader()
				if err != nil {
					continue
				}
				buf := make([]float32, 4096)
				var n int64
				for {
					k, err := r.Read(buf)
					n += int64(k)
					if err == io.EOF {
						break
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				if n != x.Len() || n > int64(len(b)) {
					t.Fatalf("%q: %d of %d elements from %d bytes", x.Name, n, x.Len(), len(b))
				}
			}
		}
	})
}

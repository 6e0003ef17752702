package torchtest

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/zipar/zipar/internal/torchfile"
)

func TestWrite(t *testing.T) {
	want := []Tensor{
		{Name: "a", Shape: []int64{2, 3}, Data: []float32{1, 2, 3, 4, 5, 6}},
		{Name: "b", Shape: []int64{2}, Class: "HalfStorage", Raw: []byte{0, 0x3c, 0, 0xc0}, Data: []float32{1, -2}},
		{Name: "c", Shape: []int64{}, Data: []float32{7}},
	}
	for _, key := range []string{"", "model"} {
		path := filepath.Join(t.TempDir(), "x.pt")
		if err := Write(path, key, want); err != nil {
			t.Fatal(err)
		}
		f, err := torchfile.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		d, err := f.StateDict("model", "")
		if err != nil || d.Key != key || len(d.Tensors) != len(want) {
			t.Fatalf("%+v, %v", d, err)
		}
		for i, x := range d.Tensors {
			r, err := x.Reader()
			if err != nil {
				t.Fatal(err)
			}
			got := make([]float32, x.Len())
			if _, err := r.Read(got); err != nil {
				t.Fatal(err)
			}
			if x.Name != want[i].Name || !slices.Equal(x.Shape, want[i].Shape) || !slices.Equal(got, want[i].Data) {
				t.Errorf("%s %v %v, want %+v", x.Name, x.Shape, got, want[i])
			}
		}
	}
}

func TestWriteErrors(t *testing.T) {
	if err := Write(filepath.Join(t.TempDir(), "no", "x.pt"), "", nil); err == nil {
		t.Error("no error for a folder that is missing")
	}
}

package safetensors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// file builds a file from a header and data.
func file(header string, data ...byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

// testdata/all.safetensors is made by testdata/make.py with the safetensors package: the values -3.5, -2.5, ... in every type.
func TestOfficialFile(t *testing.T) {
	f, err := Open(filepath.Join("testdata", "all.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var names []string
	for _, x := range f.Tensors {
		names = append(names, fmt.Sprintf("%s %s %v", x.Name, x.DType, x.Shape))
		r, err := x.Reader()
		if x.Name == "ids" || x.Name == "none" {
			if x.Name == "ids" && (err == nil || !strings.Contains(err.Error(), "its elements are I64")) {
				t.Errorf("ids: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		var got []float32
		buf := make([]float32, 5)
		for {
			n, err := r.Read(buf)
			got = append(got, buf[:n]...)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if int64(len(got)) != x.Len() {
			t.Errorf("%s: %d values, want %d", x.Name, len(got), x.Len())
		}
		for i, v := range got {
			if want := float32(i) - 3.5; v != want {
				t.Errorf("%s: value %d is %v, want %v", x.Name, i, v, want)
			}
		}
	}
	slices.Sort(names)
	want := []string{
		"f16 F16 [2 3 2]", "f32 F32 [12]", "f64 F64 [3 4]", "bf16 BF16 [4 3]", "ids I64 [3]", "none F32 [0 5]", "scalar F32 []",
	}
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("tensors %q, want %q", names, want)
	}
}

func TestRefuses(t *testing.T) {
	const a = `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`
	eight := make([]byte, 8)
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "the file is empty"},
		{"short", []byte("abc"), `it starts with "abc"`},
		{"web page", []byte("<!DOCTYPE html><html></html>"), "web page"},
		{"pointer", []byte("version https://git-lfs.github.com/spec/v1\n"), "git-LFS pointer of 43 bytes"},
		{"GGUF", []byte("GGUF\x03\x00\x00\x00"), "GGUF file"},
		{"zip", []byte("PK\x03\x04 archive"), "zip"},
		{"header longer than the file", binary.LittleEndian.AppendUint64(nil, 100), "no safetensors file"},
		{"cut header", append(binary.LittleEndian.AppendUint64(nil, 100), "{}"...), "header of 100 bytes is longer than the 2 bytes left"},
		{"huge header", append(binary.LittleEndian.AppendUint64(nil, math.MaxUint64), "{}"...), "longer than the 2 bytes left"},
		{"no JSON", file(`{a}`), "damaged"},
		{"no value", file(`{"a"`), `tensor "a": the header does not describe it`},
		{"no end", file(a, eight...), "damaged"},
		{"more after the end", file(a+`}{}`, eight...), "goes on after its end"},
		{"twice", file(a+`,"a":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}`, eight...), `tensor "a": it occurs twice`},
		{"metadata of numbers", file(`{"__metadata__":{"a":1}}`), "no object of strings"},
		{"no description", file(`{"a":5}`), `tensor "a": the header does not describe it`},
		{"no type", file(`{"a":{"shape":[2],"data_offsets":[0,8]}}`, eight...), `elements of type "" are not known`},
		{"unknown type", file(`{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,8]}}`, eight...), `elements of type "F4" are not known`},
		{"negative", file(`{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}`, eight...), "shape [-2]"},
		{"overflow", file(`{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}`, eight...), "too many elements"},
		{"zero hides no overflow", file(`{"a":{"dtype":"F32","shape":[4611686018427387904,4,0],"data_offsets":[0,0]}}`), "too many elements"},
		{"dimensions", file(`{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}}`, eight...), "17 dimensions, at most 16"},
		{"fraction", file(`{"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}`, eight...), "does not describe it"},
		{"one offset", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[8]}}`, eight...), "1 data offsets, want 2"},
		{"backwards", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}`, eight...), "from 8 to 0"},
		{"beyond the file", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`, eight...), "ends at 12, the file has 8 bytes"},
		{"wrong size", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}`, eight...), "shape [1] of F32 needs 4 bytes, it has 8"},
		{"gap", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, eight...), "starts at 4, the tensors before it end at 0"},
		{"overlap", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, eight...), `tensor "b": its data starts at 4`},
		{"rest", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, eight...), "take 4 bytes, the file has 8"},
	} {
		f, err := Parse("x.safetensors", c.data)
		var format *FormatError
		if f != nil || !errors.As(err, &format) || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "safetensors: x.safetensors: ") {
			t.Errorf("%s: got %v, want a message with %q", c.name, err, c.want)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder: %v", err)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(empty); err == nil || !strings.Contains(err.Error(), "is empty") {
		t.Errorf("an empty file: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	data, err := os.ReadFile(filepath.Join("testdata", "all.safetensors"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(file(`{"a":{"dtype":"BF16","shape":[2,2],"data_offsets":[0,8]},"__metadata__":{"format":"pt"}}`, make([]byte, 8)...))
	f.Add(file(`{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse("fuzz", data)
		if err != nil {
			if !errors.As(err, new(*FormatError)) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		total := 0
		for _, x := range file.Tensors {
			total += len(x.Data)
			n := int64(1)
			for _, d := range x.Shape {
				n *= d
			}
			if n != x.Len() {
				t.Fatalf("%q: shape %v, %d elements", x.Name, x.Shape, x.Len())
			}
			if !x.IsFloat() {
				continue
			}
			r, err := x.Reader()
			if err != nil {
				t.Fatal(err)
			}
			buf := make([]float32, 7)
			for {
				k, err := r.Read(buf)
				if n -= int64(k); err == io.EOF {
					break
				}
			}
			if n != 0 {
				t.Fatalf("%q: %d elements too few", x.Name, n)
			}
		}
		if total > len(data) {
			t.Fatalf("%d bytes of tensors in a file of %d", total, len(data))
		}
	})
}

package torchfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// what testdata/make.py has PyTorch say about the files.
type expectation struct {
	Shape  []int64
	DType  string
	Values []json.RawMessage
}

func (e expectation) floats(t *testing.T) []float32 {
	t.Helper()
	out := make([]float32, len(e.Values))
	for i, raw := range e.Values {
		v, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = float32(v)
	}
	return out
}

func expectations(t *testing.T) map[string]map[string]expectation {
	t.Helper()
	b, err := os.ReadFile("testdata/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]map[string]expectation
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func open(t *testing.T, name string) *File {
	t.Helper()
	f, err := Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func readAll(t *testing.T, x *Tensor) []float32 {
	t.Helper()
	r, err := x.Reader()
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, x.Len())
	if n, err := r.Read(out); n != len(out) || (err != nil && !(n == 0 && err == io.EOF)) {
		t.Fatalf("%s: read %d of %d: %v", x.Name, n, len(out), err)
	}
	if n, err := r.Read(make([]float32, 1)); n != 0 || err != io.EOF {
		t.Fatalf("%s: after the end: %d, %v", x.Name, n, err)
	}
	return out
}

// same compares bit for bit; any NaN equals any other.
func same(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool {
		return math.Float32bits(x) == math.Float32bits(y) || (x != x && y != y)
	})
}

var everywhere = []string{"model", "module", "state_dict", ""}

// Every wrapper, prefix, protocol, element type and view, against what PyTorch says.
func TestAgainstPyTorch(t *testing.T) {
	seen := 0
	for name, want := range expectations(t) {
		if len(want) == 0 {
			continue // files that are refused
		}
		seen++
		file, key, _ := strings.Cut(name, "#")
		keys := everywhere
		if key != "" {
			keys = []string{key}
		}
		d, err := open(t, file).StateDict(keys...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		floats := 0
		for _, x := range d.Tensors {
			if !x.DType.IsFloat() {
				continue
			}
			floats++
			w, ok := want[x.Name]
			if !ok {
				t.Errorf("%s: tensor %q is not in the file", name, x.Name)
				continue
			}
			if !slices.Equal(x.Shape, w.Shape) || x.DType.String() != w.DType {
				t.Errorf("%s: %s is %s %v, want %s %v", name, x.Name, x.DType, x.Shape, w.DType, w.Shape)
			}
			if got := readAll(t, x); !same(got, w.floats(t)) {
				t.Errorf("%s: %s = %v\nwant %v", name, x.Name, got, w.floats(t))
			}
			if y, ok := d.Tensor(x.Name); !ok || y != x {
				t.Errorf("%s: Tensor(%q) = %v, %v", name, x.Name, y, ok)
			}
		}
		if floats != len(want) {
			t.Errorf("%s: %d tensors, want %d", name, floats, len(want))
		}
	}
	if seen < 20 {
		t.Errorf("only %d files were compared", seen)
	}
}

// The checkpoints of the official code: names, order, shapes and every value, as a digest that PyTorch made.
func TestGoldenDigests(t *testing.T) {
	b, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]string
	if err := json.Unmarshal(b, &want); err != nil || len(want) != 3 {
		t.Fatal(want, err)
	}
	for name, digest := range want {
		f, err := Open("../../testdata/golden/" + name)
		if err != nil {
			t.Error(err)
			continue
		}
		d, err := f.StateDict("model")
		if err != nil {
			t.Error(err)
			continue
		}
		h := sha256.New()
		for _, x := range d.Tensors {
			fmt.Fprintf(h, "%s %s torch.%s\n", x.Name, strings.ReplaceAll(fmt.Sprint(x.Shape), " ", ", "), x.DType)
			if err := binary.Write(h, binary.LittleEndian, readAll(t, x)); err != nil {
				t.Fatal(err)
			}
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != digest {
			t.Errorf("%s: digest %s, want %s", name, got, digest)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// The key under which the dict is found, in the order asked.
func TestStateDictKey(t *testing.T) {
	for _, c := range []struct {
		file, want string
		keys       []string
	}{
		{"model.pt", "model", everywhere},
		{"module.pt", "module", everywhere},
		{"state_dict.pt", "state_dict", everywhere},
		{"toplevel.pt", "", everywhere},
		{"plaindict.pt", "", everywhere},
		{"ema.pt", "model", everywhere},
		{"ema.pt", "ema", []string{"ema", "model"}},
		{"model.pt", "model", []string{"ema", "model"}},
		{"parameters.pt", "model", []string{"names", "model"}}, // a list is passed over
	} {
		d, err := open(t, c.file).StateDict(c.keys...)
		if err != nil || d.Key != c.want {
			t.Errorf("%s %q: %+v, %v; want %q", c.file, c.keys, d, err, c.want)
		}
	}
}

func TestTensorNotThere(t *testing.T) {
	d, err := open(t, "model.pt").StateDict("model")
	if err != nil {
		t.Fatal(err)
	}
	if x, ok := d.Tensor("no.such"); ok || x != nil {
		t.Errorf("got %v, %v", x, ok)
	}
}

// Every way of cutting a read into pieces gives the same elements, for every kind of view.
func TestReadInPieces(t *testing.T) {
	d, err := open(t, "views.pt").StateDict("model")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range d.Tensors {
		want := readAll(t, x)
		for _, size := range []int{1, 3, 7, 64, 1000} {
			r, err := x.Reader()
			if err != nil {
				t.Fatal(err)
			}
			var got []float32
			buf := make([]float32, size)
			for {
				n, err := r.Read(buf)
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, buf[:n]...)
			}
			if !same(got, want) {
				t.Errorf("%s in pieces of %d: %v, want %v", x.Name, size, got, want)
			}
		}
	}
}

func TestReaderOfIntegers(t *testing.T) {
	d, err := open(t, "dtypes.pt").StateDict("model")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"i64", "i32", "i16", "i8", "u8", "bool", "c64"} {
		x, ok := d.Tensor(name)
		if !ok {
			t.Errorf("%s is missing", name)
			continue
		}
		_, err := x.Reader()
		wantFormatError(t, err, "dtypes.pt", fmt.Sprintf("tensor %q: its elements are %s;", name, x.DType))
	}
}

func wantFormatError(t *testing.T, err error, parts ...string) {
	t.Helper()
	var fe *FormatError
	if !errors.As(err, &fe) {
		t.Errorf("got %v, want a FormatError with %q", err, parts)
		return
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q lacks %q", err, p)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"legacy.pt", "saved in the format before PyTorch 1.6"},
		{"script.pt", "TorchScript program"},
		{"wholemodule.pt", "it holds an object of class torch.nn.modules.linear.Linear, not a dict; save model.state_dict()"},
		{"wholemodule_in_dict.pt", `the file has "model" (an object of class torch.nn.modules.linear.Linear)`},
		{"list.pt", "it holds a list of 3, not a dict"},
		{"nested.pt", `no dict of tensors under "model", under "module", under "state_dict", at the top level; the file has "epoch" (an int), "weights" (a dict of 1)`},
		{"compressed.pt", "compressed (zip method 8)"},
		{"bigendian.pt", `byte order is "big"`},
		{"missing_storage.pt", `tensor "tok_embeddings.weight": its storage "0" is not in the file`},
		{"prefix_clash.pt", `"module.norm.weight": it is "norm.weight" without its prefixes, and so is "norm.weight"`},
		{"expanded.pt", "1000 elements over a storage of 1"},
		{"make.py", "no checkpoint of torch.save"},
	} {
		f, err := Open("testdata/" + c.file)
		if err == nil {
			_, err = f.StateDict(everywhere...)
			f.Close()
		}
		wantFormatError(t, err, "torchfile: testdata/"+c.file+": ", c.want)
	}
}

// The class os.system becomes an inert object, and the rest of the file is read.
func TestNothingIsExecuted(t *testing.T) {
	f := open(t, "evil.pt")
	top, ok := dictItems(f.root)
	if !ok {
		t.Fatal("no dict")
	}
	evil, _ := lookUp(top, "evil")
	if got := describe(evil); got != "an object of class posix.system" {
		t.Errorf("evil is %s", got)
	}
	if _, err := os.Stat("testdata/pwned"); err == nil {
		t.Error("the command ran")
	}
	if _, err := os.Stat("pwned"); err == nil {
		t.Error("the command ran")
	}
}

func TestOpenErrors(t *testing.T) {
	if _, err := Open("testdata/no.pt"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	_, err := Open("testdata")
	wantFormatError(t, err, "it is a folder")
}

// A file that shrinks, or a disk that fails, after the file was opened.
func TestReadErrors(t *testing.T) {
	whole, err := os.ReadFile("testdata/views.pt")
	if err != nil {
		t.Fatal(err)
	}
	r := &shrinking{ReaderAt: bytes.NewReader(whole)}
	f, err := New("views.pt", r, int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	d, err := f.StateDict("model")
	if err != nil {
		t.Fatal(err)
	}
	for _, broken := range []error{io.EOF, errors.New("broken disk")} {
		r.err = broken
		for _, x := range d.Tensors {
			if x.Len() == 0 {
				continue
			}
			rd, err := x.Reader()
			if err == nil {
				_, err = rd.Read(make([]float32, 1))
			}
			want := "broken disk"
			if broken == io.EOF {
				want = "the file ends early"
			}
			wantFormatError(t, err, fmt.Sprintf("tensor %q", x.Name), want)
		}
	}
}

type shrinking struct {
	io.ReaderAt
	err error
}

func (s *shrinking) ReadAt(p []byte, off int64) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	return s.ReaderAt.ReadAt(p, off)
}

func TestDescribe(t *testing.T) {
	if got := describe(struct{}{}); got != "something else" {
		t.Error(got)
	}
	if got := (DType{}).String(); got != "unknown" {
		t.Error(got)
	}
}

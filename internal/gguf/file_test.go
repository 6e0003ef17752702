package gguf

import (
	"bytes"
	"io"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
)

func TestRoundTrip(t *testing.T) {
	w := NewWriter()
	w.SetString("general.architecture", "llamagen")
	w.SetUint32("llamagen.block_count", 2)
	w.SetStrings("names", []string{"a", "", "bc"})
	w.AddTensor("a", []uint64{2, 3}, ggml.F16, func(dst io.Writer) error {
		_, err := dst.Write(make([]byte, 12))
		return err
	})
	var b bytes.Buffer
	n, err := w.WriteTo(&b)
	if err != nil {
		t.Fatal(err)
	}
	if n != w.Size() || n != int64(b.Len()) {
		t.Fatalf("wrote %d, Size says %d, buffer has %d", n, w.Size(), b.Len())
	}
	f, err := Parse("x", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if s, err := f.Strings("names"); err != nil || len(s) != 3 || s[2] != "bc" {
		t.Fatal(s, err)
	}
	if x, ok := f.Tensor("a"); !ok || len(x.Data) != 12 {
		t.Fatal(x, ok)
	}
}

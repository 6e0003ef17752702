package tensor

import (
	"strings"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
)

func TestNewMatrixChecksSizes(t *testing.T) {
	for _, c := range []struct {
		typ        ggml.Type
		rows, cols int
		bytes      int
		want       string
	}{
		{ggml.F32, 2, 3, 24, ""},
		{ggml.F32, 2, 3, 23, "2 x 3 values of type F32 need 24 bytes, not 23"},
		{ggml.Q8_0, 2, 32, 68, ""},
		{ggml.Q8_0, 2, 33, 68, "rows of 33 values are no multiple of Q8_0's block of 32"},
		{ggml.F16, 0, 3, 0, "a matrix of 0 x 3"},
		{ggml.F16, 3, -1, 0, "a matrix of 3 x -1"},
	} {
		_, err := NewMatrix(c.typ, c.rows, c.cols, make([]byte, c.bytes))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%v: %v", c, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%v: error %v, want %q", c, err, c.want)
		}
	}
}

// TestRows: a matrix gives the same rows before and after it is packed.
func TestRows(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	for _, typ := range ggml.Types() {
		const rows = 35
		cols := 2 * max(typ.BlockLen(), 32)
		m := randomMatrix(t, typ, rows, cols, 1)
		want := make([]float32, rows*cols)
		ggml.Dequantize(typ, want, m.Data)
		for range 2 {
			sameBits(t, typ.String()+": Floats", m.Floats(), want)
			for r := range rows {
				row := newGuarded(cols, 0, zero)
				m.Row(r, row.data)
				sameBits(t, typ.String()+": Row", row.data, want[r*cols:][:cols])
				row.check(t, typ.String())
			}
			p.Pack(m)
		}
		if packings[typ] != nil && m.Data != nil {
			t.Error("a packed matrix still holds its data")
		}
		mustPanic(t, "row out of range", func() { m.Row(rows, make([]float32, cols)) })
	}
}

// TestMisalignedFloats: GGUF data at an odd address is copied.
func TestMisalignedFloats(t *testing.T) {
	want := randoms(6, 1)
	data := make([]byte, 25)
	ggml.Quantize(ggml.F32, data[1:], want)
	m, err := NewMatrix(ggml.F32, 2, 3, data[1:])
	if err != nil {
		t.Fatal(err)
	}
	sameBits(t, "misaligned", m.Floats(), want)
}

package tensor

import (
	"fmt"
	"unsafe"

	"github.com/zipar/zipar/internal/ggml"
)

// A Matrix is a weight matrix [Rows, Cols], row-major, in one of the types of
// the ggml package. Each row is a whole number of blocks. Data is not copied:
// it usually is a part of a memory-mapped file. After Pool.Pack it is nil.
type Matrix struct {
	Type       ggml.Type
	Rows, Cols int
	Data       []byte

	f32    []float32     // Data as floats, for F32 alone
	packed *packedMatrix // Data rearranged by Pool.Pack
}

// NewMatrix wraps data. It fails when data has not exactly the size of rows
// rows, or when a row is no whole number of blocks.
func NewMatrix(t ggml.Type, rows, cols int, data []byte) (Matrix, error) {
	if rows <= 0 || cols <= 0 {
		return Matrix{}, fmt.Errorf("a matrix of %d x %d", rows, cols)
	}
	if cols%t.BlockLen() != 0 {
		return Matrix{}, fmt.Errorf("rows of %d values are no multiple of %s's block of %d", cols, t, t.BlockLen())
	}
	if want := rows * t.RowSize(cols); len(data) != want {
		return Matrix{}, fmt.Errorf("%d x %d values of type %s need %d bytes, not %d", rows, cols, t, want, len(data))
	}
	m := Matrix{Type: t, Rows: rows, Cols: cols, Data: data}
	if t == ggml.F32 {
		m.f32 = floats(data)
	}
	return m, nil
}

// MatrixOf wraps float32 values, row-major [rows, cols].
func MatrixOf(values []float32, rows, cols int) Matrix {
	if len(values) != rows*cols {
		panic(fmt.Sprintf("tensor: %d values for a %d x %d matrix", len(values), rows, cols))
	}
	return Matrix{Type: ggml.F32, Rows: rows, Cols: cols, f32: values}
}

// IsFloat32 says whether the matrix holds float32 values.
func (m *Matrix) IsFloat32() bool { return m.Type == ggml.F32 }

// Row writes row i as float32 to dst, which has Cols values.
func (m *Matrix) Row(i int, dst []float32) {
	if len(dst) != m.Cols || i < 0 || i >= m.Rows {
		panic(fmt.Sprintf("tensor: row %d of %d x %d into %d values", i, m.Rows, m.Cols, len(dst)))
	}
	m.rows(i, i+1, dst)
}

// Floats returns all values as float32, row-major. F32 data is not copied.
func (m *Matrix) Floats() []float32 {
	if m.f32 != nil {
		return m.f32
	}
	dst := make([]float32, m.Rows*m.Cols)
	m.rows(0, m.Rows, dst)
	return dst
}

// rows writes the rows lo..hi-1 as float32 to dst.
func (m *Matrix) rows(lo, hi int, dst []float32) {
	if m.f32 != nil {
		copy(dst, m.f32[lo*m.Cols:hi*m.Cols])
		return
	}
	if m.packed != nil {
		for i := lo; i < hi; i++ {
			m.packed.rowOf(i, dst[(i-lo)*m.Cols:][:m.Cols])
		}
		return
	}
	size := m.Type.RowSize(m.Cols)
	ggml.Dequantize(m.Type, dst[:(hi-lo)*m.Cols], m.Data[lo*size:hi*size])
}

// floats views little-endian float32 bytes as floats. Misaligned data, which
// GGUF's alignment makes rare, is copied.
func floats(data []byte) []float32 {
	if uintptr(unsafe.Pointer(unsafe.SliceData(data)))%4 != 0 {
		dst := make([]float32, len(data)/4)
		ggml.Dequantize(ggml.F32, dst, data)
		return dst
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(data))), len(data)/4)
}

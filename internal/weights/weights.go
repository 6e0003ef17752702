// Package weights takes tensors of known shape out of a GGUF file.
package weights

import (
	"fmt"

	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/tensor"
)

// A Reader takes tensors of known shape from a GGUF file. The first failure
// is kept in Err and makes every later call return zero values, so that a
// loader can ask for all its tensors and check once.
type Reader struct {
	File *gguf.File
	Err  error
}

// Matrix returns the tensor [rows, cols]. Its data stays in the file's memory.
func (r *Reader) Matrix(name string, rows, cols int) tensor.Matrix {
	t := r.tensor(name, rows, cols)
	if t == nil {
		return tensor.Matrix{}
	}
	m, err := tensor.NewMatrix(t.Type, rows, cols, t.Data)
	if err != nil {
		r.Err = fmt.Errorf("%s: tensor %q: %w", r.File.Path, name, err)
	}
	return m
}

// Vector returns the tensor [n] as float32.
func (r *Reader) Vector(name string, n int) []float32 { return r.Floats(name, n) }

// Floats returns a tensor of this shape (outermost dimension first) as
// float32, row-major.
func (r *Reader) Floats(name string, shape ...int) []float32 {
	t := r.tensor(name, shape...)
	if t == nil {
		return nil
	}
	cols := shape[len(shape)-1]
	rows := 1
	for _, n := range shape[:len(shape)-1] {
		rows *= n
	}
	m, err := tensor.NewMatrix(t.Type, rows, cols, t.Data)
	if err != nil {
		r.Err = fmt.Errorf("%s: tensor %q: %w", r.File.Path, name, err)
		return nil
	}
	return m.Floats()
}

// Has says whether the file has a tensor of this name.
func (r *Reader) Has(name string) bool {
	_, ok := r.File.Tensor(name)
	return ok
}

// Shape returns a tensor's dimensions, outermost first, or nil and an error
// in Err when the file has none of this name.
func (r *Reader) Shape(name string) []int {
	if r.Err != nil {
		return nil
	}
	t, ok := r.File.Tensor(name)
	if !ok {
		r.Err = fmt.Errorf("%s: tensor %q is missing", r.File.Path, name)
		return nil
	}
	shape := make([]int, len(t.Dims))
	for i, d := range t.Dims {
		shape[len(shape)-1-i] = int(d)
	}
	return shape
}

func (r *Reader) tensor(name string, want ...int) *gguf.Tensor {
	got := r.Shape(name)
	if r.Err != nil {
		return nil
	}
	match := len(got) == len(want)
	for i := 0; match && i < len(got); i++ {
		match = got[i] == want[i]
	}
	if !match {
		r.Err = fmt.Errorf("%s: tensor %q has shape %v, want %v", r.File.Path, name, got, want)
		return nil
	}
	t, _ := r.File.Tensor(name)
	return t
}

package torchfile

// A tensor: a strided view of a storage. Everything the pickle says about it is checked here.

import (
	"fmt"
	"math"

	"github.com/nlpodyssey/gopickle/types"
)

const maxDims = 16

// Tensor is a view of a storage that lies within its file.
type Tensor struct {
	Name  string
	Shape []int64
	DType DType

	file    *File
	rec     record
	strides []int64 // in elements, never negative
	offset  int64   // of the first element, in elements of the storage
	count   int64   // elements
}

// Len is the number of elements.
func (t *Tensor) Len() int64 { return t.count }

// resolve turns a description into a tensor, with a check of every number in it.
func (f *File) resolve(name string, ref *tensorRef) (*Tensor, error) {
	if len(ref.args) < 4 {
		return nil, fmt.Errorf("%d values describe it, needed are storage, offset, shape and strides", len(ref.args))
	}
	s, ok := ref.args[0].(*storage)
	if !ok {
		return nil, fmt.Errorf("its storage is %s", describe(ref.args[0]))
	}
	t := &Tensor{Name: name, file: f, DType: s.dtype}
	if t.DType == (DType{}) {
		t.DType = ref.dtype
	}
	if t.DType == (DType{}) {
		return nil, fmt.Errorf("its element type is not known (storage class %s)", s.class)
	}
	offset, ok := ref.args[1].(int)
	if !ok || offset < 0 {
		return nil, fmt.Errorf("its storage offset is %v", brief(ref.args[1]))
	}
	t.offset = int64(offset)
	var err error
	if t.Shape, err = sizes(ref.args[2]); err != nil {
		return nil, fmt.Errorf("shape: %w", err)
	}
	if t.strides, err = sizes(ref.args[3]); err != nil {
		return nil, fmt.Errorf("strides: %w", err)
	}
	if len(t.strides) != len(t.Shape) {
		return nil, fmt.Errorf("%d strides for %d dimensions", len(t.strides), len(t.Shape))
	}
	held, err := t.bind(s)
	if err != nil {
		return nil, err
	}
	return t, t.checkBounds(held)
}

// bind finds the storage's record and tells how many elements it holds.
func (t *Tensor) bind(s *storage) (int64, error) {
	rec, ok := t.file.archive.records["data/"+s.key]
	if !ok {
		return 0, fmt.Errorf("its storage %q is not in the file", cut(s.key, 60))
	}
	t.rec = rec
	size := int64(t.DType.size)
	held, unit := s.count, size
	if s.dtype == (DType{}) { // counted in bytes
		held, unit = s.count/size, 1
	}
	if s.count > rec.size/unit {
		return 0, fmt.Errorf("its storage %q has %d elements of %d bytes, the entry in the file has %d bytes", cut(s.key, 60), s.count, unit, rec.size)
	}
	return held, nil
}

// checkBounds wants every element within the held elements of the storage.
func (t *Tensor) checkBounds(held int64) error {
	t.count = 1
	for _, d := range t.Shape {
		if d == 0 {
			t.count = 0
			return nil
		}
	}
	last := t.offset
	for i, d := range t.Shape {
		reach, ok := mul(d-1, t.strides[i])
		if !ok || last > math.MaxInt64-reach {
			return fmt.Errorf("shape %v with strides %v reaches beyond any storage", t.Shape, t.strides)
		}
		last += reach
		if t.count, ok = mul(t.count, d); !ok {
			return fmt.Errorf("shape %v has too many elements", t.Shape)
		}
	}
	if last >= held {
		return fmt.Errorf("shape %v with strides %v at offset %d needs %d elements, its storage has %d", t.Shape, t.strides, t.offset, last+1, held)
	}
	if t.count > held {
		return fmt.Errorf("shape %v has %d elements over a storage of %d: a tensor of repeated values (expand) is not read", t.Shape, t.count, held)
	}
	return nil
}

// mul multiplies numbers that are not negative; false on overflow.
func mul(a, b int64) (int64, bool) {
	if b != 0 && a > math.MaxInt64/b {
		return 0, false
	}
	return a * b, true
}

// sizes reads a tuple of numbers that are not negative.
func sizes(v any) ([]int64, error) {
	t, ok := v.(*types.Tuple)
	if !ok {
		return nil, fmt.Errorf("it is %s, not a tuple", describe(v))
	}
	if t.Len() > maxDims {
		return nil, fmt.Errorf("%d dimensions, at most %d are read", t.Len(), maxDims)
	}
	out := make([]int64, t.Len())
	for i, e := range *t {
		n, ok := e.(int)
		if !ok {
			return nil, fmt.Errorf("number %d is %s", i, describe(e))
		}
		if n < 0 {
			return nil, fmt.Errorf("number %d is %d, below zero", i, n)
		}
		out[i] = int64(n)
	}
	return out, nil
}

// brief is an int as it is, anything else by its kind.
func brief(v any) any {
	if n, ok := v.(int); ok {
		return n
	}
	return describe(v)
}

// Tensors, and the parsing of their descriptions.

package gguf

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/zipar/zipar/internal/ggml"
)

// Tensor is one tensor of a file.
type Tensor struct {
	Name   string
	Dims   []uint64 // 1 to 4 dimensions, none 0, the fastest first: Dims[0] is the row length
	Type   ggml.Type
	Offset uint64 // of the data, from the start of the file
	// Data holds the rows of blocks, Type.TensorSize(Dims) bytes: a read-only view of the file, valid until it is closed. In a
	// file opened by Open it starts at a multiple of the file's Alignment, which is 32 for most files but may be as low as 1.
	Data []byte
}

// region is a run of bytes, its offset counted from the start of the tensor data.
type region struct{ offset, size uint64 }

// tensors reads count tensor descriptions.
func (p *parser) tensors(f *File, count int) error {
	f.Tensors = make([]*Tensor, 0, count)
	f.tensors = make(map[string]*Tensor, count)
	p.regions = make([]region, 0, count)
	for i := range count {
		p.enter("tensor", i, count)
		start := p.off
		name, err := p.readName()
		if err != nil {
			return err
		}
		if _, twice := f.tensors[name]; twice {
			return p.fail(start, "occurs twice")
		}
		t, err := p.tensor(name, f.Alignment)
		if err != nil {
			return err
		}
		f.Tensors = append(f.Tensors, t)
		f.tensors[name] = t
	}
	return nil
}

// tensor reads what follows a tensor's name. The tensor's Offset and Data are left to place, its region is noted.
func (p *parser) tensor(name string, align uint64) (*Tensor, error) {
	start := p.off
	n, err := p.u32()
	if err != nil {
		return nil, err
	}
	if n == 0 || n > maxDims {
		return nil, p.fail(start, "%d dimensions, want 1 to %d", n, maxDims)
	}
	t := &Tensor{Name: name, Dims: make([]uint64, n)}
	for i := range t.Dims {
		if t.Dims[i], err = p.u64(); err != nil {
			return nil, err
		}
	}
	typ, err := p.u32()
	if err != nil {
		return nil, err
	}
	t.Type = ggml.Type(typ)
	offsetAt := p.off
	offset, err := p.u64()
	if err != nil {
		return nil, err
	}
	size, err := t.Type.TensorSize(t.Dims)
	if err != nil {
		return nil, p.fail(start, "%v", err)
	}
	if offset%align != 0 {
		return nil, p.fail(offsetAt, "data offset %d is not a multiple of %d, the alignment", offset, align)
	}
	p.regions = append(p.regions, region{offset, size})
	return t, nil
}

// place finds each tensor's data and checks that it is inside the file and shared with no other tensor.
func (p *parser) place(f *File) error {
	base := alignUp(uint64(p.off), f.Alignment)
	size := uint64(len(p.data))
	size -= min(base, size) // now that of the data
	for i, t := range f.Tensors {
		r := p.regions[i]
		if left := size - min(r.offset, size); r.size > left {
			at := base + min(r.offset, math.MaxInt64-base)
			return &FormatError{Path: p.path, Offset: int64(at), Tensor: t.Name, Reason: shortage(r.size, at, left)}
		}
		t.Offset = base + r.offset
		t.Data = p.data[t.Offset : t.Offset+r.size : t.Offset+r.size]
	}
	order := slices.SortedFunc(slices.Values(f.Tensors), func(a, b *Tensor) int { return cmp.Compare(a.Offset, b.Offset) })
	for i := 1; i < len(order); i++ {
		a, b := order[i-1], order[i]
		if end := a.Offset + uint64(len(a.Data)); end > b.Offset {
			return &FormatError{Path: p.path, Offset: int64(b.Offset), Tensor: b.Name,
				Reason: fmt.Sprintf("data at offset %d overlaps that of tensor %s, which ends at offset %d", b.Offset, quote(a.Name), end)}
		}
	}
	return nil
}

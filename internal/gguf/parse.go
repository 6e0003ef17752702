// The parser: one pass over header, keys and tensor descriptions. It keeps names, and for each value and each tensor's data
// a slice of the file.

package gguf

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/zipar/zipar/internal/ggml"
)

const (
	magic            = "GGUF"
	defaultAlignment = 32
	alignmentKey     = "general.alignment"
)

// Limits that keep the memory of a hostile file within bounds. The largest models known have a few thousand tensors.
const (
	maxKeys      = 1 << 16
	maxTensors   = 1 << 16
	maxNameLen   = 1<<16 - 1 // the specification's limit for keys
	maxNames     = 16 << 20  // bytes of all names together
	maxDims      = 4
	maxAlignment = 1 << 20
	maxDepth     = 4 // arrays in arrays
)

// The fewest bytes that an entry can take: a name of one byte, and a u8 or one dimension.
const (
	minKeySize    = 8 + 1 + 4 + 1
	minTensorSize = 8 + 1 + 4 + 8 + 4 + 8
)

// parser walks over data. What it is at, for messages: the entry index of count in section "key" or "tensor", and the
// entry's name once that is known.
type parser struct {
	path string
	data []byte
	off  int

	section      string
	index, count int
	name         string
	names        int // bytes of names so far
}

func (p *parser) parse() (*File, error) {
	f := &File{Path: p.path, Alignment: defaultAlignment}
	keys, tensors, err := p.header(f)
	if err != nil {
		return nil, err
	}
	if err := p.keys(f, keys); err != nil {
		return nil, err
	}
	offsets, err := p.tensors(f, tensors)
	if err != nil {
		return nil, err
	}
	if err := p.place(f, offsets); err != nil {
		return nil, err
	}
	return f, nil
}

// header reads magic, version and counts.
func (p *parser) header(f *File) (keys, tensors int, err error) {
	if len(p.data) < len(magic) || string(p.data[:len(magic)]) != magic {
		return 0, 0, &FormatError{Path: p.path, Reason: sniff(p.data)}
	}
	p.off = len(magic)
	if f.Version, err = p.u32(); err != nil {
		return 0, 0, err
	}
	switch {
	case f.Version == 2 || f.Version == 3:
	case f.Version&0xffff == 0 && f.Version != 0:
		return 0, 0, p.fail(4, "this is a big-endian GGUF file: only little-endian ones can be read")
	default:
		return 0, 0, p.fail(4, "GGUF version %d: only 2 and 3 can be read", f.Version)
	}
	counts := p.off
	tensorCount, err := p.u64()
	if err != nil {
		return 0, 0, err
	}
	keyCount, err := p.u64()
	if err != nil {
		return 0, 0, err
	}
	if tensorCount > maxTensors {
		return 0, 0, p.fail(counts, "%d tensors, limit is %d", tensorCount, maxTensors)
	}
	if keyCount > maxKeys {
		return 0, 0, p.fail(counts+8, "%d keys, limit is %d", keyCount, maxKeys)
	}
	if need := keyCount*minKeySize + tensorCount*minTensorSize; need > p.left() {
		return 0, 0, p.fail(counts, "%d tensors and %d keys need at least %d bytes at offset %d, file has %d left",
			tensorCount, keyCount, need, p.off, p.left())
	}
	return int(keyCount), int(tensorCount), nil
}

// keys reads count metadata entries and takes the alignment from them.
func (p *parser) keys(f *File, count int) error {
	f.keys = make([]string, 0, count)
	f.entries = make(map[string]entry, count)
	for i := range count {
		p.enter("key", i, count)
		start := p.off
		key, err := p.readName()
		if err != nil {
			return err
		}
		if _, twice := f.entries[key]; twice {
			return p.fail(start, "occurs twice")
		}
		typeAt := p.off
		typ, err := p.u32()
		if err != nil {
			return err
		}
		begin := p.off
		if err := p.value(ValueType(typ), typeAt, 0); err != nil {
			return err
		}
		v := Value{ValueType(typ), p.data[begin:p.off:p.off]}
		f.keys = append(f.keys, key)
		f.entries[key] = entry{v, int64(begin)}
		if key == alignmentKey {
			if f.Alignment, err = alignment(v); err != nil {
				return p.fail(begin, "%v", err)
			}
		}
	}
	return nil
}

// alignment checks the value of general.alignment.
func alignment(v Value) (uint64, error) {
	if v.typ != TypeUint32 {
		return 0, v.mismatch("u32")
	}
	n := uint64(binary.LittleEndian.Uint32(v.raw))
	if n == 0 || n&(n-1) != 0 {
		return 0, fmt.Errorf("%d is not a power of two", n)
	}
	if n > maxAlignment {
		return 0, fmt.Errorf("%d, limit is %d", n, maxAlignment)
	}
	return n, nil
}

// value walks over a value of type t, whose type field is at typeAt, depth arrays deep.
func (p *parser) value(t ValueType, typeAt, depth int) error {
	if !t.known() {
		return p.fail(typeAt, "unknown value %s, want 0 to %d", t, len(valueTypes)-1)
	}
	switch t {
	case TypeString:
		n, err := p.u64()
		if err != nil {
			return err
		}
		return p.skip(n)
	case TypeArray:
		return p.array(depth + 1)
	case TypeBool:
		return p.bools(1)
	}
	return p.skip(uint64(valueTypes[t].size))
}

// array walks over an array that is depth arrays deep, itself included.
func (p *parser) array(depth int) error {
	if depth > maxDepth {
		return p.fail(p.off, "arrays nested deeper than %d", maxDepth)
	}
	typeAt := p.off
	raw, err := p.u32()
	if err != nil {
		return err
	}
	elem := ValueType(raw)
	if !elem.known() {
		return p.fail(typeAt, "array of unknown value %s, want 0 to %d", elem, len(valueTypes)-1)
	}
	n, err := p.u64()
	if err != nil {
		return err
	}
	least := uint64(valueTypes[elem].min)
	if n > p.left()/least {
		return p.fail(p.off, "array of %d %s needs at least %d bytes each at offset %d, file has %d left",
			n, elem, least, p.off, p.left())
	}
	switch {
	case elem == TypeBool:
		return p.bools(n)
	case valueTypes[elem].size != 0:
		return p.skip(n * least)
	}
	for range n {
		if err := p.value(elem, typeAt, depth); err != nil {
			return err
		}
	}
	return nil
}

// bools walks over n bools, which must be 0 or 1.
func (p *parser) bools(n uint64) error {
	start := p.off
	if err := p.skip(n); err != nil {
		return err
	}
	for i, b := range p.data[start:p.off] {
		if b > 1 {
			return p.fail(start+i, "bool is %d, want 0 or 1", b)
		}
	}
	return nil
}

// tensors reads count tensor descriptions and returns each one's data offset, from the start of the data.
func (p *parser) tensors(f *File, count int) (offsets []uint64, err error) {
	f.Tensors = make([]*Tensor, 0, count)
	f.tensors = make(map[string]*Tensor, count)
	offsets = make([]uint64, 0, count)
	for i := range count {
		p.enter("tensor", i, count)
		start := p.off
		name, err := p.readName()
		if err != nil {
			return nil, err
		}
		if _, twice := f.tensors[name]; twice {
			return nil, p.fail(start, "occurs twice")
		}
		t, offset, err := p.tensor(name, f.Alignment)
		if err != nil {
			return nil, err
		}
		f.Tensors = append(f.Tensors, t)
		f.tensors[name] = t
		offsets = append(offsets, offset)
	}
	p.enter("", 0, 0)
	return offsets, nil
}

// tensor reads what follows a tensor's name. The tensor's Offset and Data are left to place.
func (p *parser) tensor(name string, align uint64) (*Tensor, uint64, error) {
	start := p.off
	dims, err := p.u32()
	if err != nil {
		return nil, 0, err
	}
	if dims == 0 || dims > maxDims {
		return nil, 0, p.fail(start, "%d dimensions, want 1 to %d", dims, maxDims)
	}
	t := &Tensor{Name: name, Dims: make([]uint64, dims)}
	for i := range t.Dims {
		if t.Dims[i], err = p.u64(); err != nil {
			return nil, 0, err
		}
	}
	typeAt := p.off
	typ, err := p.u32()
	if err != nil {
		return nil, 0, err
	}
	t.Type = ggml.Type(typ)
	if _, err := t.Type.TensorSize(t.Dims); err != nil {
		at := start
		if !t.Type.Known() {
			at = typeAt
		}
		return nil, 0, p.fail(at, "%v", err)
	}
	offsetAt := p.off
	offset, err := p.u64()
	if err != nil {
		return nil, 0, err
	}
	if offset%align != 0 {
		return nil, 0, p.fail(offsetAt, "data offset %d is not a multiple of %d, the alignment", offset, align)
	}
	return t, offset, nil
}

// place finds each tensor's data and checks that it is inside the file and shared with no other tensor.
func (p *parser) place(f *File, offsets []uint64) error {
	base := alignUp(uint64(p.off), f.Alignment)
	size := uint64(len(p.data))
	for i, t := range f.Tensors {
		need, err := t.Type.TensorSize(t.Dims)
		if err != nil {
			return err // checked in tensor
		}
		p.section, p.name = "tensor", t.Name
		left := uint64(0)
		if base <= size && offsets[i] <= size-base {
			left = size - base - offsets[i]
		}
		if at := base + offsets[i]; need > left {
			if at < base { // only a file cut short and a wild offset get here
				at = offsets[i]
			}
			return &FormatError{Path: p.path, Offset: int64(min(at, 1<<62)), Tensor: t.Name,
				Reason: fmt.Sprintf("needs %d bytes at offset %d, file has %d left", need, at, left)}
		}
		t.Offset = base + offsets[i]
		t.Data = p.data[t.Offset : t.Offset+need : t.Offset+need]
	}
	order := slices.SortedFunc(slices.Values(f.Tensors), func(a, b *Tensor) int { return cmp.Compare(a.Offset, b.Offset) })
	for i := 1; i < len(order); i++ {
		a, b := order[i-1], order[i]
		if end := a.Offset + uint64(len(a.Data)); end > b.Offset {
			p.section, p.name = "tensor", b.Name
			return p.fail(int(b.Offset), "data overlaps that of tensor %s, which ends at offset %d", quote(a.Name), end)
		}
	}
	return nil
}

// alignUp rounds n up to a multiple of align, a power of two. Both are far from overflow.
func alignUp(n, align uint64) uint64 { return (n + align - 1) &^ (align - 1) }

// enter notes which entry is being read.
func (p *parser) enter(section string, index, count int) {
	p.section, p.index, p.count, p.name = section, index, count, ""
}

// readName reads the name of a key or tensor.
func (p *parser) readName() (string, error) {
	start := p.off
	n, err := p.u64()
	if err != nil {
		return "", err
	}
	if n == 0 || n > maxNameLen {
		return "", p.fail(start, "name of %d bytes, want 1 to %d", n, maxNameLen)
	}
	if p.names += int(n); p.names > maxNames {
		return "", p.fail(start, "names take more than %d bytes together", maxNames)
	}
	begin := p.off
	if err := p.skip(n); err != nil {
		return "", err
	}
	if b := p.data[begin:p.off]; !utf8.Valid(b) {
		return "", p.fail(begin, "name %s is not UTF-8", quoteBytes(b))
	}
	p.name = string(p.data[begin:p.off])
	return p.name, nil
}

func (p *parser) left() uint64 { return uint64(len(p.data) - p.off) }

// skip moves on by n bytes, all of which must be there.
func (p *parser) skip(n uint64) error {
	if n > p.left() {
		e := p.fail(p.off, "")
		e.Reason = p.unnamed() + fmt.Sprintf("needs %d bytes at offset %d, file has %d left", n, p.off, p.left())
		return e
	}
	p.off += int(n)
	return nil
}

func (p *parser) u32() (uint32, error) {
	if err := p.skip(4); err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(p.data[p.off-4:]), nil
}

func (p *parser) u64() (uint64, error) {
	if err := p.skip(8); err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(p.data[p.off-8:]), nil
}

// fail makes the error for the field at off of the current entry.
func (p *parser) fail(off int, format string, args ...any) *FormatError {
	e := &FormatError{Path: p.path, Offset: int64(off)}
	switch p.section {
	case "key":
		e.Key = p.name
	case "tensor":
		e.Tensor = p.name
	}
	e.Reason = p.unnamed() + fmt.Sprintf(format, args...) + fmt.Sprintf(" (offset %d)", off)
	return e
}

// unnamed says which entry is meant as long as its name is not known: "key 3 of 7: ".
func (p *parser) unnamed() string {
	if p.section == "" || p.name != "" {
		return ""
	}
	return fmt.Sprintf("%s %d of %d: ", p.section, p.index+1, p.count)
}

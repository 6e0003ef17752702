// Parsing of header and keys. There is one pass over the file; of each value only its place is kept.

package gguf

import (
	"encoding/binary"
	"fmt"
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

func (p *parser) parse() (*File, error) {
	f := &File{Path: p.path, Alignment: defaultAlignment, Size: int64(len(p.data))}
	keys, tensors, err := p.header(f)
	if err != nil {
		return nil, err
	}
	if err := p.keys(f, keys); err != nil {
		return nil, err
	}
	if err := p.tensors(f, tensors); err != nil {
		return nil, err
	}
	if err := p.place(f); err != nil {
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
		return 0, 0, p.fail(counts, "%d tensors and %d keys: %s", tensorCount, keyCount, shortage(need, uint64(p.off), p.left()))
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
		return p.fail(p.off, "array of %d %s, at least %d bytes each, file has %d left", n, elem, least, p.left())
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

// alignUp rounds n up to a multiple of align, a power of two. Both are far from overflow.
func alignUp(n, align uint64) uint64 { return (n + align - 1) &^ (align - 1) }

package gguf

import (
	"encoding/binary"

	"github.com/zipar/zipar/internal/ggml"
)

// raw writes file fields one by one, so that tests can make files that a Writer would not.
type raw struct{ b []byte }

// header starts a version 3 file that announces so many tensors and keys.
func header(tensors, keys uint64) *raw {
	return (&raw{}).text(magic).u32(3).u64(tensors).u64(keys)
}

func (r *raw) u8(n uint8) *raw {
	r.b = append(r.b, n)
	return r
}

func (r *raw) u32(n uint32) *raw {
	r.b = binary.LittleEndian.AppendUint32(r.b, n)
	return r
}

func (r *raw) u64(n uint64) *raw {
	r.b = binary.LittleEndian.AppendUint64(r.b, n)
	return r
}

// text appends bytes without a length.
func (r *raw) text(s string) *raw {
	r.b = append(r.b, s...)
	return r
}

// str appends a string with its length.
func (r *raw) str(s string) *raw {
	r.b = appendString(r.b, s)
	return r
}

// key appends a key and its value type; the value follows.
func (r *raw) key(name string, t ValueType) *raw {
	return r.str(name).u32(uint32(t))
}

// array appends an array's element type and count; the elements follow.
func (r *raw) array(t ValueType, n uint64) *raw {
	return r.u32(uint32(t)).u64(n)
}

// tensor appends a tensor description.
func (r *raw) tensor(name string, t ggml.Type, offset uint64, dims ...uint64) *raw {
	r.str(name).u32(uint32(len(dims)))
	for _, d := range dims {
		r.u64(d)
	}
	return r.u32(uint32(t)).u64(offset)
}

// data appends padding to a multiple of 32 and n zero bytes.
func (r *raw) data(n int) *raw {
	r.b = append(r.b, make([]byte, alignUp(uint64(len(r.b)), 32)-uint64(len(r.b))+uint64(n))...)
	return r
}

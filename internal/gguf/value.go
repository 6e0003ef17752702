// A metadata value, in its file encoding: decoding waits until somebody asks, so a file's values cost no memory.
//
//	u8 i8 bool       1 byte
//	u16 i16          2 bytes, little-endian like all others
//	u32 i32 f32      4 bytes
//	u64 i64 f64      8 bytes
//	string           length u64, bytes (UTF-8 by convention, not checked)
//	array            element type u32, count u64, elements
//
// Source: the GGUF specification in ggml's docs/gguf.md.

package gguf

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
)

// maxExpanded is the most bytes that one value may take when it is decoded. The largest tokenizers known need a tenth of it.
const maxExpanded = 64 << 20

// Value is one metadata value. A value that comes from a File is valid until the file is closed; what its methods return is
// a copy and stays valid. The zero Value is a u8 without content: only Type may be called on it.
type Value struct {
	typ ValueType
	raw []byte // the encoding that follows the type in the file, complete and checked
}

// Type returns the type of the value.
func (v Value) Type() ValueType { return v.typ }

// Elem returns the element type of an array. Panics if v is not an array.
func (v Value) Elem() ValueType {
	v.mustBeArray()
	return ValueType(binary.LittleEndian.Uint32(v.raw))
}

// Len returns the number of elements of an array. Panics if v is not an array.
func (v Value) Len() int {
	v.mustBeArray()
	return int(binary.LittleEndian.Uint64(v.raw[4:]))
}

// All yields the elements of an array in order. Panics if v is not an array.
func (v Value) All() iter.Seq[Value] {
	elem, n, rest := v.Elem(), v.Len(), v.raw[12:]
	return func(yield func(Value) bool) {
		rest := rest
		for range n {
			size := encodedSize(elem, rest)
			if !yield(Value{elem, rest[:size:size]}) {
				return
			}
			rest = rest[size:]
		}
	}
}

func (v Value) mustBeArray() {
	if v.typ != TypeArray {
		panic(fmt.Sprintf("gguf: value is %s, not an array", v.typ))
	}
}

// encodedSize is the number of bytes that the value of type t at the start of raw takes. raw has been checked.
func encodedSize(t ValueType, raw []byte) int {
	switch t {
	case TypeString:
		return 8 + int(binary.LittleEndian.Uint64(raw))
	case TypeArray:
		elem, n := ValueType(binary.LittleEndian.Uint32(raw)), int(binary.LittleEndian.Uint64(raw[4:]))
		if size := valueTypes[elem].size; size != 0 {
			return 12 + n*size
		}
		at := 12
		for range n {
			at += encodedSize(elem, raw[at:])
		}
		return at
	}
	return valueTypes[t].size
}

// Uint returns an integer of any type, unless it is negative.
func (v Value) Uint() (uint64, error) {
	if !v.typ.integer() {
		return 0, v.mismatch("an integer")
	}
	n := v.word()
	if v.typ != TypeUint64 && int64(n) < 0 {
		return 0, fmt.Errorf("is %d, want a non-negative integer", int64(n))
	}
	return n, nil
}

// Int returns an integer of any type, unless it is larger than an int64.
func (v Value) Int() (int64, error) {
	if !v.typ.integer() {
		return 0, v.mismatch("an integer")
	}
	n := v.word()
	if v.typ == TypeUint64 && n > math.MaxInt64 {
		return 0, fmt.Errorf("is %d, want at most %d", n, int64(math.MaxInt64))
	}
	return int64(n), nil
}

// word decodes an integer, sign-extended to 64 bits.
func (v Value) word() uint64 {
	switch v.typ {
	case TypeUint8:
		return uint64(v.raw[0])
	case TypeInt8:
		return uint64(int8(v.raw[0]))
	case TypeUint16:
		return uint64(binary.LittleEndian.Uint16(v.raw))
	case TypeInt16:
		return uint64(int16(binary.LittleEndian.Uint16(v.raw)))
	case TypeUint32:
		return uint64(binary.LittleEndian.Uint32(v.raw))
	case TypeInt32:
		return uint64(int32(binary.LittleEndian.Uint32(v.raw)))
	}
	return binary.LittleEndian.Uint64(v.raw)
}

// Float returns an f32, an f64 or an integer, the latter rounded to nearest if it is beyond 2^53.
func (v Value) Float() (float64, error) {
	switch {
	case v.typ == TypeFloat32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(v.raw))), nil
	case v.typ == TypeFloat64:
		return math.Float64frombits(binary.LittleEndian.Uint64(v.raw)), nil
	case v.typ == TypeUint64:
		return float64(v.word()), nil
	case v.typ.integer():
		return float64(int64(v.word())), nil
	}
	return 0, v.mismatch("a number")
}

// Bool returns a bool.
func (v Value) Bool() (bool, error) {
	if v.typ != TypeBool {
		return false, v.mismatch("a bool")
	}
	return v.raw[0] != 0, nil
}

// Str returns a string, as it is in the file.
func (v Value) Str() (string, error) {
	if v.typ != TypeString {
		return "", v.mismatch("a string")
	}
	if err := v.affordable(1, 0); err != nil {
		return "", err
	}
	return string(v.raw[8:]), nil
}

// Strings returns an array of strings.
func (v Value) Strings() ([]string, error) {
	if v.typ != TypeArray || v.Elem() != TypeString {
		return nil, v.mismatch("an array of strings")
	}
	if err := v.affordable(v.Len(), 16); err != nil {
		return nil, err
	}
	out := make([]string, 0, v.Len())
	// One copy of the whole array: the strings share it.
	for s, at := string(v.raw), 12; at < len(s); {
		n := int(binary.LittleEndian.Uint64(v.raw[at:]))
		out = append(out, s[at+8:at+8+n])
		at += 8 + n
	}
	return out, nil
}

// Uints returns an array of integers of any type, unless one is negative.
func (v Value) Uints() ([]uint64, error) {
	return decodeArray(v, "integers", ValueType.integer, Value.Uint)
}

// Floats returns an array of floats or integers of any type.
func (v Value) Floats() ([]float64, error) {
	return decodeArray(v, "numbers", ValueType.number, Value.Float)
}

// Bytes returns an array of u8 or i8 as bytes.
func (v Value) Bytes() ([]byte, error) {
	if v.typ != TypeArray || v.Elem() != TypeUint8 && v.Elem() != TypeInt8 {
		return nil, v.mismatch("an array of bytes")
	}
	if err := v.affordable(v.Len(), 0); err != nil {
		return nil, err
	}
	return append([]byte{}, v.raw[12:]...), nil
}

// decodeArray decodes an array of the accepted types, which messages call what.
func decodeArray[T uint64 | float64](v Value, what string, accepted func(ValueType) bool, decode func(Value) (T, error)) ([]T, error) {
	if v.typ != TypeArray || !accepted(v.Elem()) {
		return nil, v.mismatch("an array of " + what)
	}
	if err := v.affordable(v.Len(), 8); err != nil {
		return nil, err
	}
	out := make([]T, 0, v.Len())
	for e := range v.All() {
		x, err := decode(e)
		if err != nil {
			return nil, fmt.Errorf("element %d of %d %w", len(out), v.Len(), err)
		}
		out = append(out, x)
	}
	return out, nil
}

// affordable checks that n elements of so many bytes each, and a copy of the encoding, stay within maxExpanded.
func (v Value) affordable(n, each int) error {
	// No overflow: n elements take at least n bytes of a file.
	if need := len(v.raw) + n*each; need > maxExpanded {
		return fmt.Errorf("%s takes %d bytes in memory, limit is %d", v.describe(), need, maxExpanded)
	}
	return nil
}

// describe names the type in full: "array of 3 u32".
func (v Value) describe() string {
	if v.typ == TypeArray {
		return fmt.Sprintf("array of %d %s", v.Len(), v.Elem())
	}
	return v.typ.String()
}

func (v Value) mismatch(want string) error {
	return fmt.Errorf("has type %s, want %s", v.describe(), want)
}

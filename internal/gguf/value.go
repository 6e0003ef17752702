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
	"strconv"
	"strings"
	"unicode/utf8"
)

// ValueType is the type of a metadata value, numbered as in the file.
type ValueType uint32

// All value types of GGUF.
const (
	TypeUint8 ValueType = iota
	TypeInt8
	TypeUint16
	TypeInt16
	TypeUint32
	TypeInt32
	TypeFloat32
	TypeBool
	TypeString
	TypeArray
	TypeUint64
	TypeInt64
	TypeFloat64
)

// valueTypes is indexed by ValueType. size is the encoded size where it is fixed, otherwise 0; min is the least it can be.
var valueTypes = [...]struct {
	name      string
	size, min int
}{
	TypeUint8:   {"u8", 1, 1},
	TypeInt8:    {"i8", 1, 1},
	TypeUint16:  {"u16", 2, 2},
	TypeInt16:   {"i16", 2, 2},
	TypeUint32:  {"u32", 4, 4},
	TypeInt32:   {"i32", 4, 4},
	TypeFloat32: {"f32", 4, 4},
	TypeBool:    {"bool", 1, 1},
	TypeString:  {"string", 0, 8},
	TypeArray:   {"array", 0, 12},
	TypeUint64:  {"u64", 8, 8},
	TypeInt64:   {"i64", 8, 8},
	TypeFloat64: {"f64", 8, 8},
}

func (t ValueType) known() bool { return uint64(t) < uint64(len(valueTypes)) }

// String returns a short name: "u32", "string", "array".
func (t ValueType) String() string {
	if !t.known() {
		return fmt.Sprintf("type %d", uint32(t))
	}
	return valueTypes[t].name
}

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
	if v.typ == TypeUint64 {
		return binary.LittleEndian.Uint64(v.raw), nil
	}
	n, ok := v.signed()
	if !ok {
		return 0, v.mismatch("an integer")
	}
	if n < 0 {
		return 0, fmt.Errorf("is %d, want a non-negative integer", n)
	}
	return uint64(n), nil
}

// Int returns an integer of any type, unless it is larger than an int64.
func (v Value) Int() (int64, error) {
	if v.typ == TypeUint64 {
		u := binary.LittleEndian.Uint64(v.raw)
		if u > math.MaxInt64 {
			return 0, fmt.Errorf("is %d, want at most %d", u, int64(math.MaxInt64))
		}
		return int64(u), nil
	}
	n, ok := v.signed()
	if !ok {
		return 0, v.mismatch("an integer")
	}
	return n, nil
}

// signed decodes every integer type but u64.
func (v Value) signed() (int64, bool) {
	switch v.typ {
	case TypeUint8:
		return int64(v.raw[0]), true
	case TypeInt8:
		return int64(int8(v.raw[0])), true
	case TypeUint16:
		return int64(binary.LittleEndian.Uint16(v.raw)), true
	case TypeInt16:
		return int64(int16(binary.LittleEndian.Uint16(v.raw))), true
	case TypeUint32:
		return int64(binary.LittleEndian.Uint32(v.raw)), true
	case TypeInt32:
		return int64(int32(binary.LittleEndian.Uint32(v.raw))), true
	case TypeInt64:
		return int64(binary.LittleEndian.Uint64(v.raw)), true
	}
	return 0, false
}

// Float returns an f32, an f64 or an integer, the latter rounded to nearest if it is beyond 2^53.
func (v Value) Float() (float64, error) {
	switch v.typ {
	case TypeFloat32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(v.raw))), nil
	case TypeFloat64:
		return math.Float64frombits(binary.LittleEndian.Uint64(v.raw)), nil
	case TypeUint64:
		return float64(binary.LittleEndian.Uint64(v.raw)), nil
	}
	n, ok := v.signed()
	if !ok {
		return 0, v.mismatch("a number")
	}
	return float64(n), nil
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
	if err := v.fits(1, 0); err != nil {
		return "", err
	}
	return string(v.raw[8:]), nil
}

// Strings returns an array of strings.
func (v Value) Strings() ([]string, error) {
	if v.typ != TypeArray || v.Elem() != TypeString {
		return nil, v.mismatch("an array of strings")
	}
	if err := v.fits(v.Len(), 16); err != nil {
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
	return decodeArray(v, "an array of integers", Value.Uint)
}

// Floats returns an array of floats or integers of any type.
func (v Value) Floats() ([]float64, error) {
	return decodeArray(v, "an array of numbers", Value.Float)
}

// Bytes returns an array of u8 or i8 as bytes.
func (v Value) Bytes() ([]byte, error) {
	if v.typ != TypeArray || v.Elem() != TypeUint8 && v.Elem() != TypeInt8 {
		return nil, v.mismatch("an array of bytes")
	}
	if err := v.fits(v.Len(), 0); err != nil {
		return nil, err
	}
	return append([]byte{}, v.raw[12:]...), nil
}

// decodeArray decodes an array whose elements are 8 bytes each when decoded.
func decodeArray[T uint64 | float64](v Value, want string, decode func(Value) (T, error)) ([]T, error) {
	if v.typ != TypeArray {
		return nil, v.mismatch(want)
	}
	if err := v.fits(v.Len(), 8); err != nil {
		return nil, err
	}
	if _, err := decode(Value{v.Elem(), make([]byte, 8)}); err != nil {
		return nil, v.mismatch(want)
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

// fits checks that a copy of the encoding and n headers of so many bytes stay within maxExpanded.
func (v Value) fits(n, header int) error {
	// Neither factor is large enough to overflow: n elements take at least n bytes of a file.
	if need := len(v.raw) + n*header; need > maxExpanded {
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

// String renders the value for people, cut to a line: long strings and arrays end in "...".
func (v Value) String() string {
	var b strings.Builder
	v.render(&b, 80)
	return b.String()
}

// render appends v and stops soon after b has grown to max bytes.
func (v Value) render(b *strings.Builder, max int) {
	switch v.typ {
	case TypeArray:
		b.WriteByte('[')
		first := true
		for e := range v.All() {
			if !first {
				b.WriteString(", ")
			}
			first = false
			if b.Len() >= max {
				b.WriteString("...")
				break
			}
			e.render(b, max)
		}
		b.WriteByte(']')
	case TypeString:
		b.WriteString(quoteBytes(v.raw[8:]))
	case TypeBool:
		b.WriteString(strconv.FormatBool(v.raw[0] != 0))
	case TypeFloat32, TypeFloat64:
		bits := 8 * len(v.raw)
		f, _ := v.Float()
		b.WriteString(strconv.FormatFloat(f, 'g', -1, bits))
	case TypeUint64:
		b.WriteString(strconv.FormatUint(binary.LittleEndian.Uint64(v.raw), 10))
	default:
		n, _ := v.signed()
		b.WriteString(strconv.FormatInt(n, 10))
	}
}

// quote is strconv.Quote for names and texts of any length: what is longer than a line is cut.
func quote(s string) string { return quoteBytes([]byte(s[:min(len(s), maxQuoted+utf8.UTFMax)])) }

// maxQuoted is the most bytes of a name or text that a message shows.
const maxQuoted = 80

func quoteBytes(p []byte) string {
	if len(p) <= maxQuoted {
		return strconv.Quote(string(p))
	}
	cut := maxQuoted
	for cut > maxQuoted-utf8.UTFMax && !utf8.RuneStart(p[cut]) {
		cut--
	}
	return strconv.Quote(string(p[:cut])) + "..."
}

// The types of metadata values.

package gguf

import "fmt"

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

// integer reports whether Value.Uint and Value.Int can decode t.
func (t ValueType) integer() bool {
	switch t {
	case TypeUint8, TypeInt8, TypeUint16, TypeInt16, TypeUint32, TypeInt32, TypeUint64, TypeInt64:
		return true
	}
	return false
}

// number reports whether Value.Float can decode t.
func (t ValueType) number() bool { return t.integer() || t == TypeFloat32 || t == TypeFloat64 }

// String returns a short name: "u32", "string", "array".
func (t ValueType) String() string {
	if !t.known() {
		return fmt.Sprintf("type %d", uint32(t))
	}
	return valueTypes[t].name
}

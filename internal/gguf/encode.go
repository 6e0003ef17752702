// Metadata values made from Go values, in their file encoding.

package gguf

import (
	"encoding/binary"
	"math"
)

// Scalar is a Go type that one of GGUF's value types holds.
type Scalar interface {
	uint8 | int8 | uint16 | int16 | uint32 | int32 | uint64 | int64 | float32 | float64 | bool | string
}

// Of makes a value of the GGUF type that corresponds to T.
func Of[T Scalar](x T) Value {
	t := typeOf[T]()
	return Value{t, appendScalar(nil, x)}
}

// ArrayOf makes an array of the GGUF type that corresponds to T.
func ArrayOf[T Scalar](xs []T) Value {
	raw := appendArrayHeader(nil, typeOf[T](), len(xs))
	for _, x := range xs {
		raw = appendScalar(raw, x)
	}
	return Value{TypeArray, raw}
}

// Nested makes an array of arrays. Panics if an element is not an array.
func Nested(elems ...Value) Value {
	raw := appendArrayHeader(nil, TypeArray, len(elems))
	for _, e := range elems {
		e.mustBeArray()
		raw = append(raw, e.raw...)
	}
	return Value{TypeArray, raw}
}

// depth is how many arrays deep v is: 0 for a scalar, 1 for an array of scalars.
func (v Value) depth() int {
	if v.typ != TypeArray {
		return 0
	}
	deepest := 0
	if v.Elem() == TypeArray {
		for e := range v.All() {
			deepest = max(deepest, e.depth())
		}
	}
	return 1 + deepest
}

func appendArrayHeader(b []byte, elem ValueType, n int) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(elem))
	return binary.LittleEndian.AppendUint64(b, uint64(n))
}

// typeOf returns the value type of T.
func typeOf[T Scalar]() ValueType {
	var zero T
	switch any(zero).(type) {
	case uint8:
		return TypeUint8
	case int8:
		return TypeInt8
	case uint16:
		return TypeUint16
	case int16:
		return TypeInt16
	case uint32:
		return TypeUint32
	case int32:
		return TypeInt32
	case uint64:
		return TypeUint64
	case int64:
		return TypeInt64
	case float32:
		return TypeFloat32
	case float64:
		return TypeFloat64
	case bool:
		return TypeBool
	}
	return TypeString
}

// appendScalar appends the encoding of x.
func appendScalar[T Scalar](b []byte, x T) []byte {
	switch x := any(x).(type) {
	case uint8:
		return append(b, x)
	case int8:
		return append(b, uint8(x))
	case uint16:
		return binary.LittleEndian.AppendUint16(b, x)
	case int16:
		return binary.LittleEndian.AppendUint16(b, uint16(x))
	case uint32:
		return binary.LittleEndian.AppendUint32(b, x)
	case int32:
		return binary.LittleEndian.AppendUint32(b, uint32(x))
	case uint64:
		return binary.LittleEndian.AppendUint64(b, x)
	case int64:
		return binary.LittleEndian.AppendUint64(b, uint64(x))
	case float32:
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	case float64:
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	case bool:
		if x {
			return append(b, 1)
		}
		return append(b, 0)
	}
	return appendString(b, any(x).(string))
}

// appendString appends a string's length and bytes.
func appendString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
}

// arrayOf is ArrayOf for a slice whose type is not known at compile time; ok is false if it is no slice of a Scalar.
func arrayOf(v any) (a Value, ok bool) {
	switch v := v.(type) {
	case []uint8:
		return ArrayOf(v), true
	case []int8:
		return ArrayOf(v), true
	case []uint16:
		return ArrayOf(v), true
	case []int16:
		return ArrayOf(v), true
	case []uint32:
		return ArrayOf(v), true
	case []int32:
		return ArrayOf(v), true
	case []uint64:
		return ArrayOf(v), true
	case []int64:
		return ArrayOf(v), true
	case []float32:
		return ArrayOf(v), true
	case []float64:
		return ArrayOf(v), true
	case []bool:
		return ArrayOf(v), true
	case []string:
		return ArrayOf(v), true
	}
	return Value{}, false
}

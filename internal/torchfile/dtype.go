package torchfile

// Element types of tensors.

import (
	"encoding/binary"
	"math"

	"github.com/x448/float16"
)

// DType is an element type, named as in PyTorch: "float32". The zero value is unknown.
type DType struct {
	name string
	size int // bytes of an element
}

var (
	Float32  = DType{"float32", 4}
	Float16  = DType{"float16", 2}
	BFloat16 = DType{"bfloat16", 2}
	Float64  = DType{"float64", 8}
)

func (d DType) String() string {
	if d.name == "" {
		return "unknown"
	}
	return d.name
}

// IsFloat tells whether Tensor.Reader can read it.
func (d DType) IsFloat() bool { return d == Float32 || d == Float16 || d == BFloat16 || d == Float64 }

// dtypes are the dtype objects, as torch.NAME.
var dtypes = func() map[string]DType {
	m := make(map[string]DType)
	for _, d := range []DType{
		Float32, Float16, BFloat16, Float64,
		{"int64", 8}, {"int32", 4}, {"int16", 2}, {"int8", 1}, {"uint8", 1}, {"bool", 1},
		{"uint16", 2}, {"uint32", 4}, {"uint64", 8}, {"complex64", 8}, {"complex128", 16},
		{"float8_e4m3fn", 1}, {"float8_e5m2", 1}, {"float8_e4m3fnuz", 1}, {"float8_e5m2fnuz", 1},
	} {
		m[d.name] = d
	}
	return m
}()

// storages are the storage classes, as torch.NAME.
var storages = map[string]DType{
	"FloatStorage":         Float32,
	"HalfStorage":          Float16,
	"BFloat16Storage":      BFloat16,
	"DoubleStorage":        Float64,
	"LongStorage":          dtypes["int64"],
	"IntStorage":           dtypes["int32"],
	"ShortStorage":         dtypes["int16"],
	"CharStorage":          dtypes["int8"],
	"ByteStorage":          dtypes["uint8"],
	"BoolStorage":          dtypes["bool"],
	"ComplexFloatStorage":  dtypes["complex64"],
	"ComplexDoubleStorage": dtypes["complex128"],
}

// decode converts len(dst) little-endian elements. src has len(dst) elements of d, a float type.
func (d DType) decode(dst []float32, src []byte) {
	switch d {
	case Float32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	case Float16:
		for i := range dst {
			dst[i] = float16.Frombits(binary.LittleEndian.Uint16(src[2*i:])).Float32()
		}
	case BFloat16:
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
		}
	case Float64:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:])))
		}
	default:
		panic("torchfile: decode of " + d.String())
	}
}

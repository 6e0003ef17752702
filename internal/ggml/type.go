// Package ggml knows the element types of GGUF tensors: how their blocks are laid out, how large they are, and how to turn
// them into float32 and back. It knows nothing of files.
//
// A tensor's row is a run of blocks. A block holds BlockLen elements in BlockSize bytes:
//
//	type   elements  bytes  layout (little-endian; f16 = IEEE half)
//	F32    1         4      f32
//	F16    1         2      f16
//	BF16   1         2      the upper half of an f32
//	Q8_0   32        34     d f16, q [32]int8                                          x = d*q
//	Q4_0   32        18     d f16, q [16] nibbles                                      x = d*(q-8)
//	Q4_1   32        20     d f16, m f16, q [16] nibbles                               x = d*q + m
//	Q5_0   32        22     d f16, fifth bits u32, q [16] nibbles                      x = d*(q-16)
//	Q5_1   32        24     d f16, m f16, fifth bits u32, q [16] nibbles               x = d*q + m
//	Q4_K   256       144    d f16, m f16, 8 x 6-bit (s, o) [12], q [128] nibbles       x = (d*s)*q - (m*o)
//	Q5_K   256       176    d f16, m f16, 8 x 6-bit (s, o) [12], fifth bits [32], q [128] nibbles  as Q4_K
//	Q6_K   256       210    low nibbles [128], high pairs [64], s [16]int8, d f16      x = (d*s)*(q-32)
//
// Source: the block structs and reference (scalar) functions of llama.cpp, ggml/src/ggml-common.h and ggml-quants.c.
package ggml

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
)

// Type is an element type, numbered as in GGUF files.
type Type uint32

// The supported types. The gaps are types that ggml has or had and this package does not read.
const (
	F32  Type = 0
	F16  Type = 1
	Q4_0 Type = 2
	Q4_1 Type = 3
	Q5_0 Type = 6
	Q5_1 Type = 7
	Q8_0 Type = 8
	Q4_K Type = 12
	Q5_K Type = 13
	Q6_K Type = 14
	BF16 Type = 30
)

// layout is what a row's size follows from.
type layout struct {
	name      string
	blockLen  int // elements in a block
	blockSize int // bytes in a block
}

// layouts is indexed by Type; an empty name marks an unknown type.
var layouts = [...]layout{
	F32:  {"F32", 1, 4},
	F16:  {"F16", 1, 2},
	Q4_0: {"Q4_0", 32, 18},
	Q4_1: {"Q4_1", 32, 20},
	Q5_0: {"Q5_0", 32, 22},
	Q5_1: {"Q5_1", 32, 24},
	Q8_0: {"Q8_0", 32, 34},
	Q4_K: {"Q4_K", 256, 144},
	Q5_K: {"Q5_K", 256, 176},
	Q6_K: {"Q6_K", 256, 210},
	BF16: {"BF16", 1, 2},
}

// Types lists the supported types by rising number.
func Types() []Type {
	var known []Type
	for t := range layouts {
		if layouts[t].name != "" {
			known = append(known, Type(t))
		}
	}
	return known
}

// TypeNames lists the names of the supported types, for messages: "F32, F16, Q4_0, ...".
func TypeNames() string {
	var names []string
	for _, t := range Types() {
		names = append(names, t.String())
	}
	return strings.Join(names, ", ")
}

// Known reports whether t is a supported type. All other methods but String, and all functions, need a known one.
func (t Type) Known() bool {
	return uint64(t) < uint64(len(layouts)) && layouts[t].name != ""
}

// String returns the type's name, such as "Q8_0", or "type 17" for an unknown one.
func (t Type) String() string {
	if !t.Known() {
		return fmt.Sprintf("type %d", uint32(t))
	}
	return layouts[t].name
}

// ParseType finds a type by its name in upper or lower case. The error lists the names there are.
func ParseType(s string) (Type, error) {
	for _, t := range Types() {
		if strings.EqualFold(s, t.String()) {
			return t, nil
		}
	}
	return 0, fmt.Errorf("ggml: unknown type %q, known are %s", s, TypeNames())
}

// BlockLen is the number of elements in a block. Panics if t is unknown.
func (t Type) BlockLen() int { return t.layout().blockLen }

// BlockSize is the number of bytes in a block. Panics if t is unknown.
func (t Type) BlockSize() int { return t.layout().blockSize }

// RowSize is the number of bytes of n elements. Panics if t is unknown, if n is negative or no multiple of BlockLen, or if
// the size overflows an int; sizes that come from a file go through TensorSize instead.
func (t Type) RowSize(n int) int {
	l := t.layout()
	if n < 0 || n%l.blockLen != 0 {
		panic(fmt.Sprintf("ggml: %d elements of %s: want a multiple of %d", n, t, l.blockLen))
	}
	blocks := n / l.blockLen
	if blocks > math.MaxInt/l.blockSize {
		panic(fmt.Sprintf("ggml: %d elements of %s: the size overflows", n, t))
	}
	return blocks * l.blockSize
}

// TensorSize is the number of bytes of a tensor, for dimensions that are not to be trusted. dims[0] is the row length, as in
// a GGUF file. It returns an error if t is unknown, if there are no dimensions or one is 0, if a row is not a whole number
// of blocks, or if the number of elements or of bytes exceeds an int64. The error is for a caller that puts the tensor's name
// before it.
func (t Type) TensorSize(dims []uint64) (uint64, error) {
	if !t.Known() {
		return 0, fmt.Errorf("unknown element %s, supported are %s", t, TypeNames())
	}
	if len(dims) == 0 {
		return 0, fmt.Errorf("has no dimensions")
	}
	l := t.layout()
	elements := uint64(1)
	for i, d := range dims {
		if d == 0 {
			return 0, fmt.Errorf("dimension %d is 0", i)
		}
		hi, lo := bits.Mul64(elements, d)
		if hi != 0 || lo > math.MaxInt64 {
			return 0, fmt.Errorf("dimensions %v: more than %d elements", dims, int64(math.MaxInt64))
		}
		elements = lo
	}
	if n := uint64(l.blockLen); dims[0]%n != 0 {
		return 0, fmt.Errorf("row length %d is not a multiple of %d, the block length of %s", dims[0], n, t)
	}
	hi, size := bits.Mul64(elements/uint64(l.blockLen), uint64(l.blockSize))
	if hi != 0 || size > math.MaxInt64 {
		return 0, fmt.Errorf("dimensions %v of %s: more than %d bytes", dims, t, int64(math.MaxInt64))
	}
	return size, nil
}

func (t Type) layout() *layout {
	if !t.Known() {
		panic(fmt.Sprintf("ggml: unknown %s", t))
	}
	return &layouts[t]
}

package safetensors

// Reading a tensor as a stream of float32.

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/x448/float16"
)

// Len is the number of elements.
func (t *Tensor) Len() int64 { return int64(uint64(len(t.Data)) / sizes[t.DType]) }

// IsFloat tells whether Reader can read it.
func (t *Tensor) IsFloat() bool {
	switch t.DType {
	case "F64", "F32", "F16", "BF16":
		return true
	}
	return false
}

// Reader gives a tensor's elements in row-major order.
type Reader struct {
	dtype string
	left  []byte
}

// Reader starts reading the tensor as float32. F16, BF16 and F64 are converted (an F64 beyond float32's range becomes an
// infinity). The error says so when its elements are no floats.
func (t *Tensor) Reader() (*Reader, error) {
	if !t.IsFloat() {
		return nil, &FormatError{t.path, t.Name, fmt.Sprintf("its elements are %s; F32, F16, BF16 and F64 are read", t.DType)}
	}
	return &Reader{t.DType, t.Data}, nil
}

// Read fills dst and returns how many elements that were: fewer than len(dst) only at the end of the tensor, then with
// io.EOF when there are none.
func (r *Reader) Read(dst []float32) (int, error) {
	if len(r.left) == 0 {
		return 0, io.EOF
	}
	size := int(sizes[r.dtype])
	n := min(len(dst), len(r.left)/size)
	dst, src := dst[:n], r.left[:n*size]
	r.left = r.left[n*size:]
	switch r.dtype {
	case "F32":
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	case "F16":
		for i := range dst {
			dst[i] = float16.Frombits(binary.LittleEndian.Uint16(src[2*i:])).Float32()
		}
	case "BF16":
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
		}
	case "F64":
		for i := range dst {
			dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:])))
		}
	}
	return n, nil
}

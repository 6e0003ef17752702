// Package npy reads and writes NumPy's .npy files, and reads .npz archives of them.
//
// Source: the format description of NumPy (numpy.lib.format), versions 1, 2 and 3:
//
//	magic "\x93NUMPY" | major, minor (1 byte each) | header length (u16 in version 1, else u32, little-endian)
//	| header: a Python dict literal {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } padded with blanks
//	| the elements, shape's last index fastest (C order) or slowest (Fortran order)
package npy

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/x448/float16"
)

const (
	magic = "\x93NUMPY"
	// maxHeader bounds the header: NumPy itself refuses more than 10000 bytes of it by default.
	maxHeader = 64 << 10
	// maxDims is NumPy's own limit.
	maxDims = 32
	// chunk is how many bytes are converted at a time.
	chunk = 64 << 10
)

// Array is an array of floats or of integers in C order (the last index is the fastest).
type Array struct {
	// Shape has no entry for a single number; an entry may be 0.
	Shape []int

	floats []float32
	ints   []int32
}

// Len is the number of elements.
func (a *Array) Len() int { return max(len(a.floats), len(a.ints)) }

// IsInt tells whether the array holds integers: then Int32 gives them, else Float32 does.
func (a *Array) IsInt() bool { return a.ints != nil }

// Float32 gives the elements of an array of floats (float16 and float64 are converted, a float64 beyond float32's
// range to an infinity), nil for an array of integers. The slice is the array's own.
func (a *Array) Float32() []float32 { return a.floats }

// Int32 gives the elements of an array of integers, nil for an array of floats. The slice is the array's own.
func (a *Array) Int32() []int32 { return a.ints }

// Open reads the .npy file path. Errors name the file.
func Open(path string) (*Array, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s: it is a folder, not a .npy file", path)
	}
	a, err := Read(bufio.NewReaderSize(f, chunk), info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}

// Read reads one array from r, which holds size bytes. Every length that the file states is checked against size
// before anything is allocated for it. Float arrays are float16, float32 or float64, integer arrays int32 or int64
// (values must fit in 32 bits), little-endian; Fortran order is turned into C order. Everything else is an error.
func Read(r io.Reader, size int64) (*Array, error) {
	h, dataSize, err := readPreamble(r, size)
	if err != nil {
		return nil, err
	}
	elem, ok := elemSize[h.descr]
	if !ok {
		return nil, h.unsupported()
	}
	n, err := count(h.shape)
	if err != nil {
		return nil, err
	}
	if n > math.MaxInt64/int64(elem) || n*int64(elem) != dataSize {
		return nil, fmt.Errorf("npy: shape %v of %s needs %d elements of %d bytes, the file has %d bytes after its header",
			h.shape, h.descr, n, elem, dataSize)
	}
	a := &Array{Shape: h.shape}
	if h.descr == "<i4" || h.descr == "<i8" {
		a.ints = make([]int32, n)
	} else {
		a.floats = make([]float32, n)
	}
	if err := a.fill(r, h.descr, elem); err != nil {
		return nil, err
	}
	if h.fortran {
		a.floats = toC(a.floats, h.shape)
		a.ints = toC(a.ints, h.shape)
	}
	return a, nil
}

var elemSize = map[string]int{"<f2": 2, "<f4": 4, "<f8": 8, "<i4": 4, "<i8": 8}

// readPreamble reads up to the first element and tells how many bytes of elements follow.
func readPreamble(r io.Reader, size int64) (h header, dataSize int64, err error) {
	var fixed [12]byte
	if size < 10 {
		return h, 0, fmt.Errorf("npy: the file has %d bytes, a .npy file has at least 10", size)
	}
	if err := readFull(r, fixed[:10]); err != nil {
		return h, 0, err
	}
	if string(fixed[:6]) != magic {
		return h, 0, notNPY(fixed[:6])
	}
	used, length := int64(10), int64(binary.LittleEndian.Uint16(fixed[8:]))
	switch major := fixed[6]; major {
	case 1:
	case 2, 3:
		if size < 12 {
			return h, 0, fmt.Errorf("npy: the file has %d bytes, a version %d file has at least 12", size, major)
		}
		if err := readFull(r, fixed[10:]); err != nil {
			return h, 0, err
		}
		used, length = 12, int64(binary.LittleEndian.Uint32(fixed[8:]))
	default:
		return h, 0, fmt.Errorf("npy: format version %d.%d is not known (1, 2 and 3 are)", major, fixed[7])
	}
	if length > size-used {
		return h, 0, fmt.Errorf("npy: header of %d bytes, the file has %d left", length, size-used)
	}
	if length > maxHeader {
		return h, 0, fmt.Errorf("npy: header of %d bytes, the limit is %d", length, maxHeader)
	}
	text := make([]byte, length)
	if err := readFull(r, text); err != nil {
		return h, 0, err
	}
	h, err = parseHeader(string(text))
	return h, size - used - length, err
}

func notNPY(start []byte) error {
	if string(start[:2]) == "PK" {
		return errors.New("npy: this is a zip, perhaps an .npz archive; save the one array alone with numpy.save")
	}
	return fmt.Errorf("npy: not a .npy file: it starts with %q", start)
}

func readFull(r io.Reader, p []byte) error {
	n, err := io.ReadFull(r, p)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("npy: the file ends early: %d bytes wanted, %d left", len(p), n)
	}
	return err
}

// count multiplies the shape, with a check for overflow.
func count(shape []int) (int64, error) {
	n := int64(1)
	for _, d := range shape {
		if d == 0 {
			return 0, nil
		}
	}
	for _, d := range shape {
		if n > math.MaxInt64/int64(d) {
			return 0, fmt.Errorf("npy: shape %v has too many elements", shape)
		}
		n *= int64(d)
	}
	return n, nil
}

// fill converts the elements, in file order.
func (a *Array) fill(r io.Reader, descr string, elem int) error {
	buf := make([]byte, chunk)
	for at, n := 0, a.Len(); at < n; {
		k := min(n-at, chunk/elem)
		b := buf[:k*elem]
		if err := readFull(r, b); err != nil {
			return err
		}
		for i := range k {
			e := b[i*elem:]
			switch descr {
			case "<f2":
				a.floats[at+i] = float16.Frombits(binary.LittleEndian.Uint16(e)).Float32()
			case "<f4":
				a.floats[at+i] = math.Float32frombits(binary.LittleEndian.Uint32(e))
			case "<f8":
				a.floats[at+i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(e)))
			case "<i4":
				a.ints[at+i] = int32(binary.LittleEndian.Uint32(e))
			case "<i8":
				v := int64(binary.LittleEndian.Uint64(e))
				if v != int64(int32(v)) {
					return fmt.Errorf("npy: element %d is %d, which does not fit in 32 bits", at+i, v)
				}
				a.ints[at+i] = int32(v)
			}
		}
		at += k
	}
	return nil
}

// toC reorders elements whose first index is the fastest so that the last one is.
func toC[T any](src []T, shape []int) []T {
	if src == nil {
		return nil
	}
	dst := make([]T, len(src))
	index := make([]int, len(shape))
	stride := make([]int, len(shape)) // of each index in src
	s := 1
	for i, d := range shape {
		stride[i] = s
		s *= d
	}
	from := 0
	for i := range dst {
		dst[i] = src[from]
		for d := len(shape) - 1; d >= 0; d-- {
			index[d]++
			from += stride[d]
			if index[d] < shape[d] {
				break
			}
			from -= stride[d] * shape[d]
			index[d] = 0
		}
	}
	return dst
}

package npy

// Writing: version 1, C order, little-endian.

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// Write writes data as a .npy file of the given shape, the last index fastest. Panics when the shape does not hold
// len(data) elements.
func Write[T float32 | int32](w io.Writer, shape []int, data []T) error {
	if n, err := count(shape); err != nil || n != int64(len(data)) {
		panic(fmt.Sprintf("npy: shape %v does not hold %d elements", shape, len(data)))
	}
	var zero T
	descr := "<f4"
	if _, isInt := any(zero).(int32); isInt {
		descr = "<i4"
	}
	if _, err := w.Write(preamble(descr, shape)); err != nil {
		return err
	}
	buf := make([]byte, 0, chunk)
	for _, v := range data {
		switch v := any(v).(type) {
		case float32:
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		case int32:
			buf = binary.LittleEndian.AppendUint32(buf, uint32(v))
		}
		if len(buf) == chunk {
			if _, err := w.Write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	_, err := w.Write(buf)
	return err
}

// preamble is everything before the elements, padded so that they start at a multiple of 64, as NumPy has it.
func preamble(descr string, shape []int) []byte {
	var dims strings.Builder
	for i, d := range shape {
		if i > 0 {
			dims.WriteString(", ")
		}
		dims.WriteString(strconv.Itoa(d))
	}
	if len(shape) == 1 {
		dims.WriteByte(',')
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, dims.String())
	total := (10 + len(text) + 1 + 63) / 64 * 64
	text += strings.Repeat(" ", total-10-len(text)-1) + "\n"
	b := append([]byte(magic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
	return append(b, text...)
}

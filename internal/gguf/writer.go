// The writer: keys and tensor descriptions are collected, tensor data is streamed while the file is written.

package gguf

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/zipar/zipar/internal/ggml"
)

// Writer writes one GGUF file of version 3. Keys and tensors keep the order in which they were given, and the same calls make
// the same bytes. A key or tensor that the reader would refuse is an error, which WriteTo returns.
//
// The alignment is 32 bytes unless the u32 key general.alignment is set, before the first tensor.
type Writer struct {
	keys    []keyValue
	tensors []pending
	seen    map[string]bool // "key NAME" and "tensor NAME"
	names   int             // bytes of names
	align   uint64
	data    uint64 // bytes of tensor data so far, padding included
	err     error  // the first one
}

type keyValue struct {
	key   string
	value Value
}

// pending is a tensor that is described but not written yet.
type pending struct {
	name   string
	dims   []uint64
	typ    ggml.Type
	offset uint64 // from the start of the data
	size   uint64
	fill   func(dst io.Writer) error
}

// NewWriter returns a Writer without keys and tensors.
func NewWriter() *Writer {
	return &Writer{seen: make(map[string]bool), align: defaultAlignment}
}

// Set adds a key with a value of any type: Of(x), ArrayOf(xs), Nested(...), or one that was read from a file that is still
// open.
func (w *Writer) Set(key string, v Value) {
	if !w.admit("key", key, len(w.keys), maxKeys) {
		return
	}
	if len(v.raw) == 0 {
		w.fail("key %s: has no value", quote(key))
		return
	}
	if depth := v.depth(); depth > maxDepth {
		w.fail("key %s: arrays nested %d deep, limit is %d", quote(key), depth, maxDepth)
		return
	}
	if key == alignmentKey {
		align, err := alignment(v)
		if err == nil && len(w.tensors) > 0 {
			err = errors.New("is set after the first tensor")
		}
		if err != nil {
			w.fail("key %s: %v", quote(key), err)
			return
		}
		w.align = align
	}
	w.keys = append(w.keys, keyValue{key, v})
}

// SetUint32 adds a u32.
func (w *Writer) SetUint32(key string, v uint32) { w.Set(key, Of(v)) }

// SetInt32 adds an i32.
func (w *Writer) SetInt32(key string, v int32) { w.Set(key, Of(v)) }

// SetUint64 adds a u64.
func (w *Writer) SetUint64(key string, v uint64) { w.Set(key, Of(v)) }

// SetInt64 adds an i64.
func (w *Writer) SetInt64(key string, v int64) { w.Set(key, Of(v)) }

// SetFloat32 adds an f32.
func (w *Writer) SetFloat32(key string, v float32) { w.Set(key, Of(v)) }

// SetFloat64 adds an f64.
func (w *Writer) SetFloat64(key string, v float64) { w.Set(key, Of(v)) }

// SetBool adds a bool.
func (w *Writer) SetBool(key string, v bool) { w.Set(key, Of(v)) }

// SetString adds a string.
func (w *Writer) SetString(key, v string) { w.Set(key, Of(v)) }

// SetStrings adds an array of strings.
func (w *Writer) SetStrings(key string, v []string) { w.Set(key, ArrayOf(v)) }

// SetArray adds an array. v is a slice of a Scalar type; anything else panics.
func (w *Writer) SetArray(key string, v any) {
	a, ok := arrayOf(v)
	if !ok {
		panic(fmt.Sprintf("gguf: SetArray of %T", v))
	}
	w.Set(key, a)
}

// AddTensor adds a tensor. dims has the row length first. fill is called by WriteTo, when the tensor's turn has come, and
// must write exactly typ.TensorSize(dims) bytes. Panics if fill is nil.
func (w *Writer) AddTensor(name string, dims []uint64, typ ggml.Type, fill func(dst io.Writer) error) {
	if fill == nil {
		panic("gguf: AddTensor without a fill function")
	}
	if !w.admit("tensor", name, len(w.tensors), maxTensors) {
		return
	}
	if len(dims) > maxDims {
		w.fail("tensor %s: %d dimensions, want 1 to %d", quote(name), len(dims), maxDims)
		return
	}
	size, err := typ.TensorSize(dims)
	if err != nil {
		w.fail("tensor %s: %w", quote(name), err)
		return
	}
	w.tensors = append(w.tensors, pending{name, slices.Clone(dims), typ, w.data, size, fill})
	// Half of an int64 for all data, so that no sum below overflows.
	if w.data += alignUp(size, w.align); size > 1<<62 || w.data > 1<<62 {
		w.fail("tensor %s: the file would be larger than %d bytes", quote(name), int64(1)<<62)
	}
}

// admit checks a new name; have is how many of its sort there are.
func (w *Writer) admit(sort, name string, have, limit int) bool {
	w.names += len(name)
	id := sort + " " + name
	switch {
	case w.err != nil:
	case len(name) == 0 || len(name) > maxNameLen:
		w.fail("%s %s: name of %d bytes, want 1 to %d", sort, quote(name), len(name), maxNameLen)
	case !utf8.ValidString(name):
		w.fail("%s %s: name is not UTF-8", sort, quote(name))
	case w.seen[id]:
		w.fail("%s %s: occurs twice", sort, quote(name))
	case have >= limit:
		w.fail("%s %s: more than %d", sort, quote(name), limit)
	case w.names > maxNames:
		w.fail("%s %s: names take more than %d bytes together", sort, quote(name), maxNames)
	default:
		w.seen[id] = true
		return true
	}
	return false
}

func (w *Writer) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("gguf: "+format, args...)
	}
}

// Size is the number of bytes that WriteTo writes if nothing fails.
func (w *Writer) Size() int64 {
	n := uint64(len(magic) + 4 + 8 + 8)
	for _, kv := range w.keys {
		n += 8 + uint64(len(kv.key)) + 4 + uint64(len(kv.value.raw))
	}
	for _, t := range w.tensors {
		n += 8 + uint64(len(t.name)) + 4 + 8*uint64(len(t.dims)) + 4 + 8
	}
	return int64(alignUp(n, w.align) + w.data)
}

// WriteTo writes the file and returns the number of bytes written. The first error of the calls before is returned before
// anything is written; the others are those of dst and of the fill functions, and a fill function that wrote too little or
// too much.
func (w *Writer) WriteTo(dst io.Writer) (int64, error) {
	if w.err != nil {
		return 0, w.err
	}
	counter := &countingWriter{w: dst}
	b := bufio.NewWriterSize(counter, 256<<10)
	err := w.write(b)
	if flushErr := b.Flush(); err == nil {
		err = flushErr
	}
	if err != nil {
		return counter.n, fmt.Errorf("gguf: %w", err)
	}
	return counter.n, nil
}

func (w *Writer) write(dst *bufio.Writer) error {
	head := append(make([]byte, 0, 4096), magic...)
	head = binary.LittleEndian.AppendUint32(head, 3)
	head = binary.LittleEndian.AppendUint64(head, uint64(len(w.tensors)))
	head = binary.LittleEndian.AppendUint64(head, uint64(len(w.keys)))
	for _, kv := range w.keys {
		head = appendString(head, kv.key)
		head = binary.LittleEndian.AppendUint32(head, uint32(kv.value.typ))
		head = append(head, kv.value.raw...)
	}
	for _, t := range w.tensors {
		head = appendString(head, t.name)
		head = binary.LittleEndian.AppendUint32(head, uint32(len(t.dims)))
		for _, d := range t.dims {
			head = binary.LittleEndian.AppendUint64(head, d)
		}
		head = binary.LittleEndian.AppendUint32(head, uint32(t.typ))
		head = binary.LittleEndian.AppendUint64(head, t.offset)
	}
	head = append(head, make([]byte, alignUp(uint64(len(head)), w.align)-uint64(len(head)))...)
	if _, err := dst.Write(head); err != nil {
		return err
	}
	padding := make([]byte, w.align)
	for _, t := range w.tensors {
		exact := &exactWriter{w: dst, left: t.size}
		err := t.fill(exact)
		switch {
		case exact.err != nil: // even if fill did not mind
			err = exact.err
		case err == nil && exact.left != 0:
			err = fmt.Errorf("got %d bytes of data, want %d", t.size-exact.left, t.size)
		}
		if err != nil {
			return fmt.Errorf("tensor %s: %w", quote(t.name), err)
		}
		if _, err := dst.Write(padding[:alignUp(t.size, w.align)-t.size]); err != nil {
			return err
		}
	}
	return nil
}

// exactWriter passes on what is written to it, up to left bytes, and keeps the first error.
type exactWriter struct {
	w    io.Writer
	left uint64
	err  error
}

func (e *exactWriter) Write(p []byte) (int, error) {
	if e.err != nil {
		return 0, e.err
	}
	if uint64(len(p)) > e.left {
		e.err = fmt.Errorf("data is too long: %d bytes more where %d are left", len(p), e.left)
		return 0, e.err
	}
	n, err := e.w.Write(p)
	e.left -= uint64(n)
	e.err = err
	return n, err
}

// countingWriter counts what has reached the destination.
type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

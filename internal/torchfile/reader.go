package torchfile

// Reading a tensor as a stream of float32 in row-major order, whatever its strides, in bounded memory.

import (
	"bytes"
	"fmt"
	"io"
)

const (
	// chunkBytes is how much of a storage is read at a time.
	chunkBytes = 256 << 10
	// A view without long runs (a transposed matrix) is read from a copy of its span of the storage, as long as the
	// span is not sparseLimit times larger than the tensor; else run by run.
	shortRun    = 256 // elements
	sparseLimit = 4
)

// Reader gives a tensor's elements in row-major order. It is for one goroutine; several Readers of one file may run
// at once.
type Reader struct {
	t    *Tensor
	left int64 // elements not yet given

	// The view as runs of neighbouring elements: the run at index starts at element pos - done of the storage.
	run    int64   // elements of a run
	done   int64   // elements given of this run
	dims   []int64 // of the runs' index, the last is the fastest
	stride []int64
	index  []int64
	pos    int64 // the next element, in elements of the storage

	src    io.ReaderAt // the file, or a copy of the span
	origin int64       // where element 0 of the storage lies in src, in bytes; below zero for a copy
	buf    []byte
}

// Reader starts reading the tensor as float32. float16, bfloat16 and float64 are converted (a float64 beyond
// float32's range becomes an infinity). The error says so when its elements are no floats.
func (t *Tensor) Reader() (*Reader, error) {
	if !t.DType.IsFloat() {
		return nil, t.fail(fmt.Sprintf("its elements are %s; float32, float16, bfloat16 and float64 are read", t.DType))
	}
	r := &Reader{t: t, left: t.count, pos: t.offset, src: t.file.archive.r, origin: t.rec.offset, run: 1}
	r.dims, r.stride = collapse(t.Shape, t.strides)
	if n := len(r.dims); n > 0 && r.stride[n-1] == 1 {
		r.run = r.dims[n-1]
		r.dims, r.stride = r.dims[:n-1], r.stride[:n-1]
	}
	r.index = make([]int64, len(r.dims))
	if r.left > 0 && r.run < shortRun {
		if err := r.copySpan(); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// collapse drops dimensions of size 1 and joins neighbours that are one run of equal steps.
func collapse(shape, strides []int64) (dims, steps []int64) {
	for i, d := range shape {
		if d == 1 {
			continue
		}
		if n := len(dims); n > 0 && steps[n-1] == d*strides[i] {
			dims[n-1] *= d
			steps[n-1] = strides[i]
			continue
		}
		dims = append(dims, d)
		steps = append(steps, strides[i])
	}
	return dims, steps
}

// copySpan reads everything between the view's first and last element at once, unless most of it is not the view's.
func (r *Reader) copySpan() error {
	last := r.pos + r.run - 1
	for i, d := range r.dims {
		last += (d - 1) * r.stride[i]
	}
	if span := last - r.pos + 1; span/sparseLimit <= r.left {
		size := int64(r.t.DType.size)
		data := make([]byte, span*size)
		if err := readAt(r.src, data, r.origin+r.pos*size); err != nil {
			return r.t.fail(err.Error())
		}
		r.src, r.origin = bytes.NewReader(data), -r.pos*size
	}
	return nil
}

// Read fills dst and returns how many elements that were: fewer than len(dst) only at the end of the tensor, then with
// io.EOF when there are none.
func (r *Reader) Read(dst []float32) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	dst = dst[:min(int64(len(dst)), r.left)]
	size := int64(r.t.DType.size)
	if r.buf == nil {
		r.buf = make([]byte, min(chunkBytes, r.run*size))
	}
	for n := 0; n < len(dst); {
		k := min(int64(len(dst)-n), r.run-r.done, int64(len(r.buf))/size)
		b := r.buf[:k*size]
		if err := readAt(r.src, b, r.origin+r.pos*size); err != nil {
			return n, r.t.fail(err.Error())
		}
		r.t.DType.decode(dst[n:n+int(k)], b)
		n += int(k)
		r.advance(k)
	}
	return len(dst), nil
}

// advance moves by k elements, which lie in one run.
func (r *Reader) advance(k int64) {
	r.left -= k
	r.pos += k
	if r.done += k; r.done < r.run {
		return
	}
	r.pos -= r.run
	r.done = 0
	for d := len(r.dims) - 1; d >= 0; d-- {
		r.index[d]++
		r.pos += r.stride[d]
		if r.index[d] < r.dims[d] {
			return
		}
		r.pos -= r.stride[d] * r.dims[d]
		r.index[d] = 0
	}
}

func (t *Tensor) fail(reason string) error {
	return &FormatError{Path: t.file.Path, Tensor: t.Name, Reason: reason}
}

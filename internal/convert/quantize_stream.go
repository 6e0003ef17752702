package convert

// One tensor from a GGUF file to another, in pieces: memory does not grow with the tensor, nor does the result depend on the
// number of threads.

import (
	"context"
	"fmt"
	"io"
	"math"
	"sync"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/mapped"
)

// requantizer converts tensors. It keeps its buffers.
type requantizer struct {
	ctx     context.Context
	path    string // of the input, for messages
	workers []requantizeWorker

	done, total int64 // bytes of the output's tensors
	progress    func(done, total int64)
}

// requantizeWorker converts one piece at a time.
type requantizeWorker struct {
	floats, back    []float32 // what the piece was, and what it reads back as
	bytes           []byte
	errors, squares float64
	bad             int   // the first element that cannot be converted, or -1
	err             error // the input could not be read
}

// copy writes the tensor in its new type to dst and adds its error to the report.
func (s *requantizer) copy(dst io.Writer, c change, report *ClassReport) error {
	n := 1
	for _, d := range c.from.Dims {
		n *= int(d) // the size has been checked
	}
	for at := 0; at < n; {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		start := at
		var wg sync.WaitGroup
		busy := 0
		for ; busy < len(s.workers) && at < n; busy++ {
			w, lo, hi := &s.workers[busy], at, min(n, at+chunk)
			wg.Go(func() {
				w.err = mapped.Guard(func() error { w.convert(c, lo, hi); return nil })
			})
			at = hi
		}
		wg.Wait()
		for i := range busy {
			w := &s.workers[i]
			if w.err != nil {
				return w.err
			}
			if w.bad >= 0 {
				return s.refuse(c, start+i*chunk+w.bad, w.floats[w.bad])
			}
			if _, err := dst.Write(w.bytes); err != nil {
				return err
			}
			report.errors += w.errors
			report.squares += w.squares
			s.done += int64(len(w.bytes))
		}
		if s.progress != nil {
			s.progress(s.done, s.total)
		}
	}
	return nil
}

// convert turns the elements lo..hi-1 into the new type and measures what that changes. chunk is a multiple of every block
// length, and so is the number of elements of a tensor whose rows are whole numbers of blocks.
func (w *requantizeWorker) convert(c change, lo, hi int) {
	if w.floats == nil {
		w.floats, w.back = make([]float32, chunk), make([]float32, chunk)
		w.bytes = make([]byte, ggml.F32.RowSize(chunk))
	}
	old := c.from.Type
	src := c.from.Data[old.RowSize(lo):old.RowSize(hi)]
	x := w.floats[:hi-lo]
	ggml.Dequantize(old, x, src)
	w.bytes = w.bytes[:c.typ.RowSize(len(x))]
	w.errors, w.squares = 0, 0
	if w.bad = firstBeyond(x, math.MaxFloat32); w.bad >= 0 {
		return
	}
	if c.typ == old {
		copy(w.bytes, src)
		for _, v := range x {
			w.squares += float64(v) * float64(v)
		}
		return
	}
	y := w.back[:len(x)]
	ggml.Quantize(c.typ, w.bytes, x)
	ggml.Dequantize(c.typ, y, w.bytes)
	w.bad = firstBeyond(y, math.MaxFloat32)
	for i, v := range x {
		e := float64(y[i]) - float64(v)
		w.errors += e * e
		w.squares += float64(v) * float64(v)
	}
}

// refuse says why element i, of value v, cannot be converted.
func (s *requantizer) refuse(c change, i int, v float32) error {
	shape := make([]int64, len(c.from.Dims))
	for d, n := range c.from.Dims {
		shape[len(shape)-1-d] = int64(n)
	}
	where := indexText(int64(i), shape)
	if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
		return &ModelError{s.path, c.from.Name, fmt.Sprintf("element %s is %v; the file is damaged", where, v)}
	}
	return &ModelError{s.path, c.from.Name, fmt.Sprintf("element %s is %v, or one of its block is as large: more than %s holds; "+
		"give it another type with --tensor-type", where, v, c.typ)}
}

package convert

// One tensor from a checkpoint to the output, in chunks.

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
)

// chunk is how many elements are in memory at a time: a multiple of every block length.
const chunk = 64 << 10

// stream converts tensors. It keeps its buffers.
type stream struct {
	ctx    context.Context
	floats []float32
	bytes  []byte

	done, total int64 // bytes of the output's tensors
	progress    func(done, total int64)
}

// addTo adds the entry to an output, which will copy it. What that fails with goes to failed, too, unless it is nil.
func (s *stream) addTo(out *gguf.Writer, e entry, failed *error) {
	out.AddTensor(e.name, dims(e.from.Shape), e.typ, func(dst io.Writer) error {
		err := s.copy(dst, e)
		if failed != nil {
			*failed = err
		}
		return err
	})
}

// copy writes the entry's elements to dst. Every element must be finite, and stay so in the new type.
func (s *stream) copy(dst io.Writer, e entry) error {
	if e.raw != nil {
		return s.copyRaw(dst, e.raw)
	}
	r, err := e.from.open()
	if err != nil {
		return err
	}
	if s.floats == nil {
		s.floats = make([]float32, chunk)
	}
	if s.bytes == nil {
		s.bytes = make([]byte, ggml.F32.RowSize(chunk))
	}
	for at := int64(0); ; {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		n, err := r.Read(s.floats)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		x := s.floats[:n]
		if i := firstBeyond(x, limitOf(e.typ)); i >= 0 {
			return &ModelError{e.path, e.from.Name, beyond(x[i], indexText(at+int64(i), e.from.Shape), e.typ)}
		}
		b := s.bytes[:e.typ.RowSize(n)]
		ggml.Quantize(e.typ, b, x)
		if _, err := dst.Write(b); err != nil {
			return err
		}
		at += int64(n)
		s.wrote(len(b))
	}
}

// copyRaw writes data to dst as it is.
func (s *stream) copyRaw(dst io.Writer, data []byte) error {
	if s.bytes == nil {
		s.bytes = make([]byte, ggml.F32.RowSize(chunk))
	}
	for len(data) > 0 {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		// A copy: that data lies in a file that was cut shows here, see
		// mapped.Guard, and not as a failure to write.
		b := s.bytes[:copy(s.bytes, data)]
		if _, err := dst.Write(b); err != nil {
			return err
		}
		data = data[len(b):]
		s.wrote(len(b))
	}
	return nil
}

// wrote tells of n bytes more.
func (s *stream) wrote(n int) {
	s.done += int64(n)
	if s.progress != nil {
		s.progress(s.done, s.total)
	}
}

// limitOf is the largest magnitude that a type holds. A Q8_0 block holds 127 times its scale, a half.
func limitOf(t ggml.Type) float32 {
	const half = 65504
	switch t {
	case ggml.F16:
		return half
	case ggml.BF16:
		return math.Float32frombits(0x7f7f0000)
	case ggml.Q8_0:
		return half * 127
	}
	return math.MaxFloat32
}

// firstBeyond returns the index of the first element that is not in -limit..limit (NaN is not), or -1.
func firstBeyond(x []float32, limit float32) int {
	return slices.IndexFunc(x, func(v float32) bool { return !(v >= -limit && v <= limit) })
}

func beyond(v float32, index string, t ggml.Type) string {
	if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Sprintf("element %s is %v; the checkpoint is damaged, or its training has diverged", index, v)
	}
	return fmt.Sprintf("element %s is %v, %s holds at most %v; use --type bf16 or f32", index, v, t, limitOf(t))
}

// indexText is the place of the i-th element: [row column].
func indexText(i int64, shape []int64) string {
	index := make([]int64, len(shape))
	for d := len(shape) - 1; d >= 0; d-- {
		index[d] = i % shape[d]
		i /= shape[d]
	}
	return fmt.Sprint(index)
}

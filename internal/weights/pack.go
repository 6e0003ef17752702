package weights

import (
	"context"

	"github.com/zipar/zipar/internal/tensor"
)

// Pack rearranges matrices for the processor's kernels, where that pays. The
// file's own data of these is not needed any more afterwards; release is told of
// each, so that its memory can be given back. It ends early with the context's
// error; the matrices can be used all the same, and packed later.
func Pack(ctx context.Context, p *tensor.Pool, matrices []*tensor.Matrix, release func(data []byte)) error {
	for _, m := range matrices {
		if err := ctx.Err(); err != nil {
			return err
		}
		data := m.Data
		p.Pack(m)
		if m.Data == nil && data != nil {
			release(data)
		}
	}
	return nil
}

// PackBytes is the memory that Pack would take beside the file's.
func PackBytes(matrices []*tensor.Matrix) int64 {
	var n int64
	for _, m := range matrices {
		n += m.PackBytes()
	}
	return n
}

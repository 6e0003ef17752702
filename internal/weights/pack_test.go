package weights

import (
	"context"
	"errors"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/tensor"
)

// The context ends Pack between two matrices. A second call does the rest.
func TestPackEndsWithTheContext(t *testing.T) {
	p := tensor.NewPool(1)
	defer p.Close()
	const rows, cols = 16, 64
	size := rows * ggml.Q8_0.RowSize(cols)
	var matrices []*tensor.Matrix
	for range 3 {
		m, err := tensor.NewMatrix(ggml.Q8_0, rows, cols, make([]byte, size))
		if err != nil {
			t.Fatal(err)
		}
		matrices = append(matrices, &m)
	}
	ctx, cancel := context.WithCancel(t.Context())
	released := 0
	release := func(data []byte) {
		if released++; released == 2 {
			cancel()
		}
		if len(data) != size {
			t.Errorf("%d bytes released, want %d", len(data), size)
		}
	}
	if err := Pack(ctx, p, matrices, release); !errors.Is(err, context.Canceled) || released != 2 || PackBytes(matrices) == 0 {
		t.Errorf("%v, %d released, %d bytes to go", err, released, PackBytes(matrices))
	}
	if err := Pack(t.Context(), p, matrices, release); err != nil || released != 3 || PackBytes(matrices) != 0 {
		t.Errorf("%v, %d released, %d bytes to go", err, released, PackBytes(matrices))
	}
}

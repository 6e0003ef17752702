package vqgan

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/testmodel"
)

// Bytes is what a stack really takes, and the rest that Decode makes.
func TestBytesCountsWhatDecodeTakes(t *testing.T) {
	d := tinyDecoder(t, testmodel.Options{})
	p := tensor.NewPool(1)
	defer p.Close()
	for _, g := range [][2]int{{1, 1}, {6, 8}, {24, 24}, {3, 40}} {
		rows, cols := g[0], g[1]
		s := newStack(p, d.layers, rows, cols)
		s.x.Reshape(rows, cols, d.postConv.out(), 0)
		if err := s.run(context.Background(), d.layers, nil); err != nil {
			t.Fatal(err)
		}
		pixels := rows * cols * testmodel.PixelsPerToken * testmodel.PixelsPerToken
		values := cap(s.x.Data) + cap(s.y.Data) + cap(s.padded.Data) + cap(s.attn) + rows*cols*d.codebook.dim + 3*pixels
		if got, want := d.Bytes(rows, cols), 4*int64(values); got != want {
			t.Errorf("%d x %d: %d bytes, want %d", rows, cols, got, want)
		}
	}
}

func TestDecodeRefusesPixelsThatAreNotFinite(t *testing.T) {
	p := tensor.NewPool(1)
	defer p.Close()
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
		d := tinyDecoder(t, testmodel.Options{})
		d.layers[len(d.layers)-1].(*outLayer).norm.bias[0] = bad
		_, err := d.Decode(context.Background(), p, make([]int32, 6), 2, 3, nil)
		if !errors.Is(err, ErrDamaged) || !strings.HasPrefix(err.Error(), "tiny.gguf: pixel 0 of line 0 is ") {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

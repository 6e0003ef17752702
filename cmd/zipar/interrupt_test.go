package main

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/testmodel"
	"github.com/zipar/zipar/internal/vqgan"
)

// Once the context ends, the image tokenizer goes on to the end of the layer it
// is in at most, both ways. internal/zipar has the same test of the passes.
func TestTheContextEndsTheImageTokenizerWithinALayer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vq.gguf")
	makeModel(t, path, testmodel.Options{VQOnly: true})
	f, err := openModel(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	decoder, err := vqgan.NewDecoder(f)
	if err != nil {
		t.Fatal(err)
	}
	encoder, err := vqgan.NewEncoder(f)
	if err != nil {
		t.Fatal(err)
	}
	pool := tensor.NewPool(2)
	defer pool.Close()
	const rows, cols = 3, 4
	image := tensor.NewImage(rows*testmodel.PixelsPerToken, cols*testmodel.PixelsPerToken, 3)
	for name, run := range map[string]func(ctx context.Context, done func(layer, layers int)) error{
		"decode": func(ctx context.Context, done func(layer, layers int)) error {
			_, err := decoder.Decode(ctx, pool, make([]int32, rows*cols), rows, cols, done)
			return err
		},
		"encode": func(ctx context.Context, done func(layer, layers int)) error {
			_, _, _, err := encoder.Encode(ctx, pool, image, done)
			return err
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		last, all := 0, 0
		err := run(ctx, func(layer, layers int) {
			if last, all = layer, layers; layer == 3 {
				cancel()
			}
		})
		cancel()
		if !errors.Is(err, context.Canceled) || last != 3 || all < 6 {
			t.Errorf("%s: %v after %d of %d layers, want it to end after 3", name, err, last, all)
		}
	}
}

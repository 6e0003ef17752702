package main

import (
	"context"

	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/vqgan"
)

// fitPreview is convert's --fit-preview: the colours of an image tokenizer's
// codes, for the file to keep. generate fits them itself where a file has
// none, which takes a quarter of a run of the decoder at 256 pixels.
func fitPreview(ctx context.Context, vq *gguf.File) ([]float32, error) {
	d, err := vqgan.NewDecoder(vq)
	if err != nil {
		return nil, badModel(err)
	}
	pool := tensor.NewPool(0)
	defer pool.Close()
	p, err := d.FitPreview(ctx, pool)
	if err != nil {
		return nil, err
	}
	return p.Weights(), nil
}

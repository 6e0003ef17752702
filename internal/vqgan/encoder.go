package vqgan

import (
	"context"
	"fmt"

	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/tensor"
)

// An Encoder turns an image into codes. It is read-only.
type Encoder struct {
	Config
	path      string // of its file, for messages
	layers    []layer
	quantConv *conv1x1 // z -> codebook dim
	codebook  *codebook
}

// NewEncoder reads an encoder. The file may be closed afterwards unless its
// tensors are F32: these are not copied.
func NewEncoder(f *gguf.File) (*Encoder, error) {
	c, err := ReadConfig(f)
	if err != nil {
		return nil, err
	}
	r := newReader(f, c)
	if !r.has("encoder.conv_in") {
		return nil, fmt.Errorf("%s: this file has no VQ encoder (no tensor \"vq.encoder.conv_in.weight\")", f.Path)
	}
	e := &Encoder{Config: c, path: f.Path, codebook: r.codebook()}
	scale := 1
	var ch int
	e.layers, ch = r.entry("encoder", 3)
	for i := 0; r.Err == nil && r.has(blockName("encoder", i, "res.0.norm1")); i++ {
		e.layers, ch = r.level(e.layers, "encoder", i, ch)
		if down := blockName("encoder", i, "downsample.conv"); r.has(down) {
			conv := r.strided(down, ch, 2)
			if r.Err != nil {
				break
			}
			e.layers, ch = append(e.layers, &downsample{conv}), conv.Out
			scale *= 2
		}
	}
	e.layers, ch = r.middle(e.layers, "encoder", ch)
	e.layers, ch = r.exit(e.layers, "encoder", ch)
	e.quantConv = r.conv1x1("quant_conv", ch)
	switch {
	case r.Err != nil:
		return nil, r.Err
	case e.quantConv.out() != e.codebook.dim:
		return nil, fmt.Errorf("%s: the VQ encoder gives vectors of %d values, the codebook has %d", f.Path, e.quantConv.out(), e.codebook.dim)
	case scale != c.PixelsPerToken:
		return nil, fmt.Errorf("%s: the VQ encoder makes a token of %d pixels, vq.pixels_per_token says %d", f.Path, scale, c.PixelsPerToken)
	}
	return e, nil
}

// Bytes is the memory that Encode takes for an image of h x w pixels beside
// the weights and the image.
func (e *Encoder) Bytes(h, w int) int64 {
	return needOf(e.layers, h, w).bytes()
}

// Encode returns the codes, [rows, cols] row-major, of an image with 3
// channels and values from -1 to 1. Its sides must be multiples of
// PixelsPerToken.
func (e *Encoder) Encode(ctx context.Context, p *tensor.Pool, im *tensor.Image, done func(layer, layers int)) (codes []int32, rows, cols int, err error) {
	if px := e.PixelsPerToken; im.H%px != 0 || im.W%px != 0 || im.H == 0 || im.W == 0 {
		return nil, 0, 0, fmt.Errorf("the picture has %d x %d pixels: width and height must be multiples of %d, the size of a token", im.W, im.H, px)
	}
	s := newStack(p, e.layers, im.H, im.W, im.C)
	copy(s.x.Data, im.Data)
	if err := s.run(ctx, e.layers, done); err != nil {
		return nil, 0, 0, err
	}
	rows, cols = s.x.H, s.x.W
	vectors := make([]float32, rows*cols*e.codebook.dim)
	e.quantConv.apply(p, vectors, s.x.Data, rows*cols)
	if i := firstNotFinite(vectors); i >= 0 {
		return nil, 0, 0, fmt.Errorf("%s: the vector of token %d has the value %v: %w", e.path, i/e.codebook.dim, vectors[i], ErrDamaged)
	}
	codes = make([]int32, rows*cols)
	p.Run(&nearestTask{e.codebook, vectors, codes}, len(codes), 16)
	return codes, rows, cols, nil
}

// nearestTask is a tensor.Task whose items are codes.
type nearestTask struct {
	codebook *codebook
	vectors  []float32
	codes    []int32
}

func (t *nearestTask) Do(_, lo, hi int) {
	for i := lo; i < hi; i++ {
		t.codes[i] = t.codebook.nearest(t.vectors[i*t.codebook.dim:][:t.codebook.dim])
	}
}

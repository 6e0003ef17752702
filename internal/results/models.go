package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/zipar/zipar/internal/atomicfile"
	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/machine/shapes"
	"github.com/zipar/zipar/internal/testmodel"
)

// official are the sizes of GPT-XL for captions and of the image tokenizer
// VQ-16. The text encoder has layers of FLAN-T5-XL, 4 of its 24.
var official = testmodel.Sizes{
	Dim: 1280, Layers: shapes.XLLayers, Heads: shapes.XLHeads, KVHeads: shapes.XLHeads, HeadDim: shapes.XLHeadDim, Hidden: 3584, Vocab: 16384,
	CaptionPositions: 120, CaptionWidth: 2048,
	Channels: 128, Levels: []int{1, 1, 2, 2, 4}, DecoderBlocks: 3, EncoderBlocks: 2,
	Latent: 256, CodeDim: 8, NormGroups: 32,
	TextLayers: 4, TextHeads: 32, TextHeadDim: 64, TextHidden: 5120,
}

// textWeights are the weights that a token is multiplied with in a layer of the
// text encoder.
const textWeights = 4*2048*32*64 + 3*2048*5120

// model returns the path of a model with these parts, which it makes where it
// is not there.
func (b *bench) model(o testmodel.Options) (string, error) {
	o.Sizes = &official
	path := filepath.Join(b.dir, fmt.Sprintf("%s-%dx%d-%t-%t-%t.gguf", o.Type, o.Rows, o.Cols, o.NoVQ, o.VQOnly, o.TextOnly))
	if b.made[path] {
		return path, nil
	}
	if err := atomicfile.Write(path, func(w io.Writer) error { return testmodel.Write(w, o) }); err != nil {
		return "", err
	}
	if b.made == nil {
		b.made = map[string]bool{}
	}
	b.made[path] = true
	return path, nil
}

// open opens a model; see model.
func (b *bench) open(o testmodel.Options) (*gguf.File, error) {
	path, err := b.model(o)
	if err != nil {
		return nil, err
	}
	return gguf.Open(path)
}

// xl is GPT-XL for pictures of side x side tokens, with the image tokenizer.
func xl(typ ggml.Type, side int) testmodel.Options {
	return testmodel.Options{Caption: true, Rows: side, Cols: side, Type: typ}
}

// pixelModel is the image tokenizer alone, textModel the text encoder.
var (
	pixelModel = testmodel.Options{VQOnly: true}
	textModel  = testmodel.Options{TextOnly: true, Type: ggml.Q8_0}
)

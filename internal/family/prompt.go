package family

import (
	"context"
	"errors"
	"fmt"

	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/t5"
	"github.com/zipar/zipar/internal/tensor"
)

// A TextEncoder turns prompts into the features that caption models take: T5's
// encoder with its tokenizer (LlamaGen language/t5.py).
type TextEncoder struct {
	tokenizer *t5.Tokenizer
	encoder   *t5.Encoder
	file      *gguf.File
}

// ErrNoText is returned for a prompt of which nothing is left to encode.
var ErrNoText = errors.New("the prompt is empty")

// HasTextEncoder says whether a file holds a text encoder.
func HasTextEncoder(f *gguf.File) bool { return t5.Present(f) }

// OpenTextEncoder reads a text encoder. The file must stay open while it is used.
func OpenTextEncoder(f *gguf.File) (*TextEncoder, error) {
	encoder, err := t5.OpenEncoder(f)
	if err != nil {
		return nil, err
	}
	tokenizer, err := t5.FromGGUF(f)
	if err != nil {
		return nil, err
	}
	if tokenizer.Size() > encoder.Vocab {
		return nil, fmt.Errorf("%s: the tokenizer has %d tokens, the text encoder knows %d", f.Path, tokenizer.Size(), encoder.Vocab)
	}
	return &TextEncoder{tokenizer: tokenizer, encoder: encoder, file: f}, nil
}

// Prepare rearranges the encoder's weights for the processor: from the second
// prompt on features take less time then. The features do not change. It takes
// PrepareBytes of memory, for as long as the encoder is in use. It ends early
// with the context's error.
func (e *TextEncoder) Prepare(ctx context.Context, p *tensor.Pool) error {
	return e.encoder.Pack(ctx, p, e.file.Forget)
}

// PrepareBytes is the memory that Prepare would take, or 0 where it does
// nothing.
func (e *TextEncoder) PrepareBytes() int64 { return e.encoder.PackBytes() }

// A Prompt is a prompt on its way to features.
type Prompt struct {
	Text   string   // after cleaning
	Pieces []string // the tokens that are used, the end token included
	Total  int      // tokens before the cut to the model's limit
	ids    []int32
}

// Tokenize cleans a prompt, or only lower-cases and trims it, and splits it
// into at most limit tokens.
func (e *TextEncoder) Tokenize(text string, clean bool, limit int) (*Prompt, error) {
	p := &Prompt{Text: t5.CleanOff(text)}
	if clean {
		p.Text = t5.Clean(text)
	}
	p.ids, p.Total = e.tokenizer.EncodePrompt(p.Text, limit)
	if p.Total <= 1 {
		return nil, ErrNoText
	}
	for _, id := range p.ids {
		p.Pieces = append(p.Pieces, e.tokenizer.Piece(id))
	}
	return p, nil
}

// Features returns the features of a prompt, [len(p.Pieces), width]. width is
// what the caption model takes.
func (e *TextEncoder) Features(ctx context.Context, pool *tensor.Pool, p *Prompt, width int, done func(layer, layers int)) ([]float32, error) {
	if e.encoder.Dim != width {
		return nil, fmt.Errorf("%s: the text encoder gives features %d wide, the model takes %d", e.file.Path, e.encoder.Dim, width)
	}
	features, err := e.encoder.Encode(ctx, pool, p.ids, done)
	if err != nil {
		return nil, err
	}
	for i, v := range features {
		if v-v != 0 {
			return nil, fmt.Errorf("%s: feature %d of token %d is %v: the text encoder's weights are damaged", e.file.Path, i%width, i/width, v)
		}
	}
	return features, nil
}

// Package llama evaluates decoder-only transformers of the Llama type, as
// LlamaGen uses them (gpt.py): pre-norm blocks of attention and SwiGLU.
//
//	config.go    shapes, read from a GGUF file      weights.go  the tensors
//	rotary.go    rotary position tables             cache.go    keys and values by position
//	attention.go a head of a sequence's columns     forward.go  a pass of several columns
//
// It knows tokens and positions, but neither images nor decoding methods.
package llama

import (
	"fmt"

	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/weights"
)

// Config is the shape of a model.
type Config struct {
	Vocab   int     // tokens
	Layers  int     // blocks
	Dim     int     // width of the residual stream
	Hidden  int     // width inside the feed-forward network
	Heads   int     // query heads
	KVHeads int     // key and value heads; divides Heads
	HeadDim int     // values a head, even
	Eps     float32 // of RMSNorm
}

// ReadConfig reads the keys that llama.cpp uses for an architecture:
// {arch}.block_count, .embedding_length and so on.
func ReadConfig(f *gguf.File, arch string) (Config, error) {
	var c Config
	if err := weights.ReadSizes(f, arch, []weights.Size{
		{Key: "vocab_size", Dst: &c.Vocab},
		{Key: "block_count", Dst: &c.Layers},
		{Key: "embedding_length", Dst: &c.Dim},
		{Key: "feed_forward_length", Dst: &c.Hidden},
		{Key: "attention.head_count", Dst: &c.Heads},
		{Key: "attention.head_count_kv", Dst: &c.KVHeads},
		{Key: "attention.key_length", Dst: &c.HeadDim},
	}); err != nil {
		return c, err
	}
	var err error
	if c.Eps, err = weights.ReadEpsilon(f, arch); err != nil {
		return c, err
	}
	switch {
	case c.Heads%c.KVHeads != 0:
		return c, fmt.Errorf("%s: %d query heads cannot share %d key and value heads", f.Path, c.Heads, c.KVHeads)
	case c.HeadDim%2 != 0:
		return c, fmt.Errorf("%s: head size %d is odd; rotary positions turn pairs", f.Path, c.HeadDim)
	}
	return c, nil
}

// qDim and kvDim are the widths of the queries and of the keys of a column.
func (c Config) qDim() int  { return c.Heads * c.HeadDim }
func (c Config) kvDim() int { return c.KVHeads * c.HeadDim }

// CacheBytes is the memory that one sequence's keys and values need; half
// floats take half of it.
func (c Config) CacheBytes(positions int, half bool) int64 {
	bytes := int64(4)
	if half {
		bytes = 2
	}
	head := c.keyLen(positions) + positions*c.valueWidth()
	return bytes * int64(c.Layers) * int64(c.KVHeads) * int64(head)
}

// valueWidth is the size of a value in a cache: that of a head, and zeros up
// to a multiple of 16, so that a mix has whole vectors.
func (c Config) valueWidth() int { return (c.HeadDim + 15) &^ 15 }

// keyLen is how many values a head's keys of some positions take, with room for
// the places that Fold leaves empty.
func (c Config) keyLen(positions int) int {
	return tensor.KeyLen(positions+tensor.KeyBlock-1, c.HeadDim)
}

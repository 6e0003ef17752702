// Package llama evaluates decoder-only transformers of the Llama type, as
// LlamaGen uses them (gpt.py): pre-norm blocks of attention and SwiGLU.
//
//	config.go    shapes, read from a GGUF file      weights.go  the tensors
//	rotary.go    rotary position tables             cache.go    keys and values by position
//	attention.go one column's attention             forward.go  a pass of several columns
//
// It knows tokens and positions, but neither images nor decoding methods.
package llama

import (
	"fmt"

	"github.com/zipar/zipar/internal/gguf"
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

// maxSize bounds every dimension: far above any published model, and small
// enough that products of two of them fit an int64.
const maxSize = 1 << 24

// ReadConfig reads the keys that llama.cpp uses for an architecture:
// {arch}.block_count, .embedding_length and so on.
func ReadConfig(f *gguf.File, arch string) (Config, error) {
	var c Config
	for _, k := range []struct {
		key string
		dst *int
	}{
		{"vocab_size", &c.Vocab},
		{"block_count", &c.Layers},
		{"embedding_length", &c.Dim},
		{"feed_forward_length", &c.Hidden},
		{"attention.head_count", &c.Heads},
		{"attention.head_count_kv", &c.KVHeads},
		{"attention.key_length", &c.HeadDim},
	} {
		v, err := f.Uint(arch + "." + k.key)
		if err != nil {
			return c, err
		}
		if v < 1 || v > maxSize {
			return c, fmt.Errorf("%s: %s.%s is %d: want 1 to %d", f.Path, arch, k.key, v, maxSize)
		}
		*k.dst = int(v)
	}
	eps, err := f.Float(arch + ".attention.layer_norm_rms_epsilon")
	if err != nil {
		return c, err
	}
	c.Eps = float32(eps)
	switch {
	case c.Heads%c.KVHeads != 0:
		return c, fmt.Errorf("%s: %d query heads cannot share %d key and value heads", f.Path, c.Heads, c.KVHeads)
	case c.HeadDim%2 != 0:
		return c, fmt.Errorf("%s: head size %d is odd; rotary positions turn pairs", f.Path, c.HeadDim)
	case !(c.Eps > 0 && c.Eps < 1):
		return c, fmt.Errorf("%s: norm epsilon %v: want a small positive number", f.Path, c.Eps)
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
	return 2 * bytes * int64(c.Layers) * int64(positions) * int64(c.kvDim())
}

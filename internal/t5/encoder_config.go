package t5

import (
	"errors"
	"fmt"

	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/weights"
)

// EncoderConfig is the shape of a text encoder.
type EncoderConfig struct {
	Vocab   int     // tokens
	Layers  int     // blocks
	Dim     int     // width of the residual stream (d_model)
	Hidden  int     // width inside the feed-forward network (d_ff)
	Heads   int     // attention heads
	HeadDim int     // values a head (d_kv); Heads·HeadDim need not be Dim
	Buckets int     // of relative positions, an even number
	Eps     float32 // of the norms
}

// maxBuckets keeps the distances that have a bucket of their own, a quarter of
// the buckets, below maxDistance.
const maxBuckets = 4*maxDistance - 2

// encoderPrefix returns the architecture under which a file keeps the keys of
// its text encoder, and the name of its token embedding. In a file that holds
// other models too, the plain name token_embd.weight is theirs.
func encoderPrefix(f *gguf.File) (arch, tokenEmbd string, ok bool) {
	switch arch, _ := f.Str("general.architecture"); arch {
	case "t5", "t5encoder":
		return arch, "token_embd.weight", true
	}
	_, ok = f.Value("t5encoder.block_count")
	return "t5encoder", "enc.token_embd.weight", ok
}

// Present says whether a file holds a text encoder: alone, with its decoder,
// or beside the parts of an image model.
func Present(f *gguf.File) bool {
	_, _, ok := encoderPrefix(f)
	return ok
}

// readEncoderConfig reads the keys that llama.cpp's converter writes for
// encoders: {arch}.block_count, .embedding_length and so on. The vocabulary is
// what the token embedding has.
func readEncoderConfig(f *gguf.File, arch, tokenEmbd string) (EncoderConfig, error) {
	var c EncoderConfig
	if err := weights.ReadSizes(f, arch, []weights.Size{
		{Key: "block_count", Dst: &c.Layers},
		{Key: "embedding_length", Dst: &c.Dim},
		{Key: "feed_forward_length", Dst: &c.Hidden},
		{Key: "attention.head_count", Dst: &c.Heads},
		{Key: "attention.key_length", Dst: &c.HeadDim},
		{Key: "attention.relative_buckets_count", Dst: &c.Buckets},
	}); err != nil {
		return c, err
	}
	var err error
	if c.Eps, err = weights.ReadEpsilon(f, arch); err != nil {
		return c, err
	}
	values, err := f.Uint(arch + ".attention.value_length")
	if err != nil && !errors.Is(err, gguf.ErrNoKey) {
		return c, err
	}
	switch {
	case err == nil && values != uint64(c.HeadDim):
		return c, fmt.Errorf("%s: keys of %d and values of %d numbers a head: want the same", f.Path, c.HeadDim, values)
	case c.Heads*c.HeadDim > weights.MaxSize:
		return c, fmt.Errorf("%s: %d heads of %d values: more than %d together", f.Path, c.Heads, c.HeadDim, weights.MaxSize)
	case c.Buckets%2 != 0 || c.Buckets < 4 || c.Buckets > maxBuckets:
		return c, fmt.Errorf("%s: %s.attention.relative_buckets_count is %d: want an even number from 4 to %d", f.Path, arch, c.Buckets, maxBuckets)
	}
	t, ok := f.Tensor(tokenEmbd)
	if !ok {
		return c, fmt.Errorf("%s: tensor %q is missing", f.Path, tokenEmbd)
	}
	rows := t.Dims[len(t.Dims)-1]
	if rows > weights.MaxSize {
		return c, fmt.Errorf("%s: tensor %q has %d rows: want at most %d", f.Path, tokenEmbd, rows, weights.MaxSize)
	}
	c.Vocab = int(rows)
	return c, nil
}

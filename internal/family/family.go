// Package family joins the parts of a model: it turns a condition (a class, a
// caption's embedding) into the prefix of a sequence, and a decoder into the
// zipar.Model that the run loop drives. There is one file a model family; the
// registry below picks it by the file's general.architecture.
package family

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/llama"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/zipar"
)

// A Model is an image model without its image tokenizer.
type Model interface {
	// Name is the model's name for people.
	Name() string
	// Grid is the grid of tokens of a picture.
	Grid() zipar.Geometry
	// Vocab is the number of codes that it writes.
	Vocab() int
	// Defaults are the settings that the file recommends.
	Defaults() Defaults
	// Classes is the number of classes of a class model, 0 for others.
	Classes() int
	// ClassNames are the labels that the file gives its classes, or nil.
	ClassNames() []string
	// Class returns the condition for a class, 0..Classes()-1.
	Class(p *tensor.Pool, class int) (*Condition, error)
	// CaptionShape is the largest number of caption positions of a caption
	// model and the width of their features; 0, 0 for others.
	CaptionShape() (positions, width int)
	// Caption returns the condition for a caption's features, [n, width].
	Caption(p *tensor.Pool, features []float32, n int) (*Condition, error)
	// UseCache chooses the type of keys and values.
	UseCache(CacheType)
	// Prepare rearranges the weights for the processor, which is optional but
	// makes decoding faster. It takes PrepareBytes of memory beside the file's.
	// It ends early with the context's error.
	Prepare(ctx context.Context, p *tensor.Pool) error
	PrepareBytes() int64
	// PictureBytes is the memory that decoding a picture takes beside the
	// weights, with the unconditional sequence if guided.
	PictureBytes(guided bool) int64
	// Decoder returns a decoder for one picture a condition.
	Decoder(p *tensor.Pool, conditions []*Condition) Decoder
	// Attention maps the attention that decoding the codes of a finished
	// picture, [rows, cols], pays in next-token decoding, without guidance.
	// done, if not nil, is told how many tokens have been dealt with.
	Attention(ctx context.Context, p *tensor.Pool, c *Condition, codes []int32, done func(tokens int)) (*AttentionMap, error)
}

// A Decoder decodes pictures.
type Decoder interface {
	zipar.Model
	// Time has the times of the passes to come added to t; nil ends it. See
	// llama.Runner.Time.
	Time(t *Times)
}

// Times says where the time of passes goes.
type Times = llama.Times

// CacheType is the type of keys and values.
type CacheType int

const (
	// CacheAuto is CacheF32 where all weights are float32, CacheF16 otherwise.
	CacheAuto CacheType = iota
	CacheF32
	// CacheF16 takes half the memory. On models that decode greedily it can
	// change a token where two logits are close.
	CacheF16
)

// Defaults are the settings that a model file recommends.
type Defaults struct {
	Guidance zipar.Guidance
	Sampling zipar.Sampling
	// Window is 0 for next-token decoding.
	Window int
}

// A Condition is what a picture is to show: the embeddings that start its
// conditional and its unconditional sequence, [n, dim] each. They take the
// last n of the model's prefix positions.
type Condition struct {
	cond, uncond []float32
	n            int
}

// open is the registry: general.architecture -> reader.
var open = map[string]func(*gguf.File) (Model, error){
	"llamagen": openLlamaGen,
}

// Open reads a model. The file must stay open while the model is used.
func Open(f *gguf.File) (Model, error) {
	arch, err := f.Str("general.architecture")
	if err != nil {
		return nil, err
	}
	if read, ok := open[arch]; ok {
		return read(f)
	}
	var known []string
	for name := range open {
		known = append(known, name)
	}
	sort.Strings(known)
	return nil, fmt.Errorf("%s: holds a model of architecture %q, which cannot draw; known: %s", f.Path, arch, strings.Join(known, ", "))
}

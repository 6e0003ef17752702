package convert

// What the caller may say. Nil is "not said": then the checkpoint or a default decides.

import (
	"context"
	"math"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
)

// Options of a conversion.
type Options struct {
	Checkpoint string    // .pt of a class model, a caption model or an image tokenizer (VQ); "" converts a text encoder alone
	VQ         string    // .pt of an image tokenizer that goes into the same file, or ""
	Out        string    // the GGUF file
	Type       ggml.Type // of matrices: F32, F16, BF16 or Q8_0
	Name       string    // general.name; "" takes the checkpoint's file name

	// What the file says of where it is from, "" for nothing: general.author, general.description, general.license, and the text
	// of the file Attribution as general.attribution. UTF-8, at most 64 KiB each.
	Author, Description, License, Attribution string

	// TextEncoder is a caption model's T5, a folder of Hugging Face or a GGUF file, which goes into the same file; or "".
	TextEncoder string

	// Of a transformer.
	Heads, KVHeads *int
	Grid           *Grid
	RopeBase       *float64 // 10000 in the official models
	NormEps        *float64 // 1e-5

	// Recommended settings of a transformer. Window is the ZipAR window.
	CFGScale, Temperature, TopP *float64
	CFGInterval, TopK, Window   *int

	// Groups of the image tokenizer's GroupNorms; 32 in the official ones.
	Groups *int

	// Preview, if not nil, is given the image tokenizer that goes into the file, without its encoder, and returns the colours
	// of its codes, a linear map [3, code width + 1], which the file keeps as vq.preview.weight. The tokenizer is in memory
	// meanwhile. What it fails with is returned.
	Preview func(ctx context.Context, vq *gguf.File) ([]float32, error)

	// Progress, if not nil, is told how many of all bytes of the output's tensors are written.
	Progress func(done, total int64)
}

// Grid is a number of image tokens: rows x columns.
type Grid struct{ Rows, Cols int }

// maxTokens bounds a grid and maxSize every other count: far above any model, and small enough for 32-bit keys.
const (
	maxTokens = 1 << 20
	maxSize   = 1 << 24
)

// check refuses values that no model can have.
func (o *Options) check() error {
	if _, ok := fileTypes[o.Type]; !ok {
		return badOption("--type", "%s cannot be written; f32, f16, bf16 and q8_0 can", o.Type)
	}
	for _, n := range []struct {
		flag       string
		value      *int
		least, top int
	}{
		{"--heads", o.Heads, 1, maxSize},
		{"--kv-heads", o.KVHeads, 1, maxSize},
		{"--groups", o.Groups, 1, 1 << 16},
		{"--cfg-interval", o.CFGInterval, -1, maxTokens},
		{"--top-k", o.TopK, 0, maxSize},
		{"--window", o.Window, 1, maxTokens},
	} {
		if n.value != nil && (*n.value < n.least || *n.value > n.top) {
			return badOption(n.flag, "%d, want %d to %d", *n.value, n.least, n.top)
		}
	}
	for _, x := range []struct {
		flag  string
		value *float64
		ok    func(float64) bool
		want  string
	}{
		{"--rope-base", o.RopeBase, func(v float64) bool { return v > 1 && v <= math.MaxFloat32 }, "a number above 1"},
		{"--norm-eps", o.NormEps, func(v float64) bool { return v > 1e-30 && v < 1 }, "a number between 0 and 1"},
		{"--cfg-scale", o.CFGScale, func(v float64) bool { return v >= 0 && v <= 1e6 }, "a number from 0 up"},
		{"--temp", o.Temperature, func(v float64) bool { return v >= 0 && v <= 1e6 }, "a number from 0 up"},
		{"--top-p", o.TopP, func(v float64) bool { return v > 1e-30 && v <= 1 }, "a number above 0, at most 1"},
	} {
		if x.value != nil && !x.ok(*x.value) {
			return badOption(x.flag, "%v, want %s", *x.value, x.want)
		}
	}
	if g := o.Grid; g != nil {
		if g.Rows < 1 || g.Cols < 1 || g.Rows > maxTokens || g.Cols > maxTokens || g.Rows*g.Cols > maxTokens {
			return badOption("--grid", "%dx%d, want at least 1x1 and at most %d tokens", g.Rows, g.Cols, maxTokens)
		}
	}
	return nil
}

// forTransformers names an option that was given and means nothing to an image tokenizer.
func (o *Options) forTransformers() string {
	for _, x := range []struct {
		flag  string
		given bool
	}{
		{"--vq", o.VQ != ""},
		{"--heads", o.Heads != nil},
		{"--kv-heads", o.KVHeads != nil},
		{"--grid", o.Grid != nil},
		{"--rope-base", o.RopeBase != nil},
		{"--norm-eps", o.NormEps != nil},
		{"--cfg-scale", o.CFGScale != nil},
		{"--cfg-interval", o.CFGInterval != nil},
		{"--temp", o.Temperature != nil},
		{"--top-k", o.TopK != nil},
		{"--top-p", o.TopP != nil},
		{"--window", o.Window != nil},
	} {
		if x.given {
			return x.flag
		}
	}
	return ""
}

// or is the value of an option, or what holds without it.
func or[T any](option *T, otherwise T) T {
	if option != nil {
		return *option
	}
	return otherwise
}

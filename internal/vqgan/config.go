// Package vqgan turns image tokens into pixels and back: the VQGAN image
// tokenizer of LlamaGen (tokenizer/tokenizer_image/vq_model.py).
//
//	codes [rows, cols] -> codebook rows, L2-normalised [rows, cols, 8]
//	  -> post_quant_conv 1x1 [rows, cols, z] -> conv_in -> mid -> conv_blocks,
//	  each but the last doubling the size -> norm, swish, conv_out
//	  -> image [rows·p, cols·p, 3] in about [-1, 1]
//
// The encoder runs the other way. Feature maps are NHWC.
//
//	config.go   keys of the file            blocks.go     residual and attention blocks
//	codebook.go codes <-> vectors           stack.go      the working memory
//	decoder.go  codes -> image              encoder.go    image -> codes
//	preview.go  code -> colour, a guess
package vqgan

import (
	"fmt"

	"github.com/zipar/zipar/internal/gguf"
)

// Config is what the tensors' shapes cannot tell.
type Config struct {
	// PixelsPerToken is the side of the square that a token stands for.
	PixelsPerToken int
	// NormGroups is the number of groups of all GroupNorms.
	NormGroups int
	// NormEps is added to their variance.
	NormEps float32
}

// Present says whether a file holds an image tokenizer's decoder.
func Present(f *gguf.File) bool {
	_, ok := f.Tensor("vq.decoder.conv_in.weight")
	return ok
}

// ReadConfig reads the keys vq.norm_groups, vq.norm_epsilon and
// vq.pixels_per_token.
func ReadConfig(f *gguf.File) (Config, error) {
	groups, err := f.Uint("vq.norm_groups")
	if err != nil {
		return Config{}, err
	}
	eps, err := f.Float("vq.norm_epsilon")
	if err != nil {
		return Config{}, err
	}
	pixels, err := f.Uint("vq.pixels_per_token")
	if err != nil {
		return Config{}, err
	}
	switch {
	case groups < 1 || groups > 1<<16:
		return Config{}, fmt.Errorf("%s: vq.norm_groups is %d: want 1 to %d", f.Path, groups, 1<<16)
	case !(eps > 0 && eps < 1):
		return Config{}, fmt.Errorf("%s: vq.norm_epsilon is %v: want a small positive number", f.Path, eps)
	case pixels < 1 || pixels > 1<<10:
		return Config{}, fmt.Errorf("%s: vq.pixels_per_token is %d: want 1 to %d", f.Path, pixels, 1<<10)
	}
	return Config{PixelsPerToken: int(pixels), NormGroups: int(groups), NormEps: float32(eps)}, nil
}

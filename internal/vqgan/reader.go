package vqgan

import (
	"fmt"

	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/weights"
)

// reader builds layers from the tensors of a file. Like weights.Reader it
// keeps the first error.
type reader struct {
	weights.Reader
	Config
}

func newReader(f *gguf.File, c Config) *reader {
	return &reader{Reader: weights.Reader{File: f}, Config: c}
}

// has says whether the file has the layer.
func (r *reader) has(layer string) bool { return r.Has("vq." + layer + ".weight") }

// fail records the first error.
func (r *reader) fail(format string, args ...any) {
	if r.Err == nil {
		r.Err = fmt.Errorf(r.File.Path+": "+format, args...)
	}
}

// channels returns the output and input channels of a convolution whose
// kernel is size x size.
func (r *reader) channels(layer string, size int) (out, in int) {
	name := "vq." + layer + ".weight"
	s := r.Shape(name)
	if r.Err != nil {
		return 0, 0
	}
	if len(s) != 4 || s[2] != size || s[3] != size {
		r.fail("tensor %q has shape %v, want [out, in, %d, %d]", name, s, size, size)
		return 0, 0
	}
	return s[0], s[1]
}

// conv3x3 reads a 3x3 convolution with in input channels; in = 0 takes any.
func (r *reader) conv3x3(layer string, in int) *tensor.Conv3x3 { return r.strided(layer, in, 1) }

// strided reads a 3x3 convolution with a stride.
func (r *reader) strided(layer string, in, stride int) *tensor.Conv3x3 {
	out, got := r.channels(layer, 3)
	r.want(layer, got, in)
	name := "vq." + layer + ".weight"
	w := r.Floats(name, out, got, 3, 3)
	b := r.Vector("vq."+layer+".bias", out)
	if r.Err != nil {
		return nil
	}
	c := tensor.NewConv3x3(w, b, got, out, stride)
	// It has a copy.
	if t, ok := r.File.Tensor(name); ok {
		r.File.Forget(t.Data)
	}
	return c
}

// conv1x1 reads a 1x1 convolution, a matrix product for each pixel.
func (r *reader) conv1x1(layer string, in int) *conv1x1 {
	out, got := r.channels(layer, 1)
	r.want(layer, got, in)
	w := r.Floats("vq."+layer+".weight", out, got, 1, 1)
	b := r.Vector("vq."+layer+".bias", out)
	if r.Err != nil {
		return nil
	}
	return &conv1x1{weight: tensor.MatrixOf(w, out, got), bias: b}
}

// shortcut reads a 1x1 convolution of a map that may have full size.
func (r *reader) shortcut(layer string, in int) *tensor.Conv1x1 {
	c := r.conv1x1(layer, in)
	if r.Err != nil {
		return nil
	}
	return tensor.NewConv1x1(c.weight.Floats(), c.bias, c.in(), c.out())
}

// norm reads a GroupNorm over c channels.
func (r *reader) norm(layer string, c int) *norm {
	n := &norm{
		groups: r.NormGroups, eps: r.NormEps,
		weight: r.Vector("vq."+layer+".weight", c), bias: r.Vector("vq."+layer+".bias", c),
	}
	if r.Err == nil && c%r.NormGroups != 0 {
		r.fail("layer %q: %d channels cannot be split into %d groups (vq.norm_groups)", layer, c, r.NormGroups)
	}
	return n
}

func (r *reader) want(layer string, got, in int) {
	if r.Err == nil && in != 0 && got != in {
		r.fail("layer %q takes %d channels, the layer before it gives %d", layer, got, in)
	}
}

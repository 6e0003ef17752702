package vqgan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/tensor"
)

// A Decoder turns codes into an image. It is read-only.
type Decoder struct {
	Config
	path     string // of its file, for messages
	codebook *codebook
	postConv *conv1x1 // codebook dim -> z
	layers   []layer
	preview  *Preview // nil where the file has none
}

// NewDecoder reads a decoder. The file may be closed afterwards unless its
// tensors are F32: these are not copied.
func NewDecoder(f *gguf.File) (*Decoder, error) {
	c, err := ReadConfig(f)
	if err != nil {
		return nil, err
	}
	r := newReader(f, c)
	d := &Decoder{Config: c, path: f.Path, codebook: r.codebook()}
	if r.Err != nil {
		return nil, r.Err
	}
	d.postConv = r.conv1x1("post_quant_conv", d.codebook.dim)
	if r.Err != nil {
		return nil, r.Err
	}
	scale := 1
	var ch int
	d.layers, ch = r.entry("decoder", d.postConv.out())
	d.layers, ch = r.middle(d.layers, "decoder", ch)
	for i := 0; r.Err == nil && r.has(blockName("decoder", i, "res.0.norm1")); i++ {
		d.layers, ch = r.level(d.layers, "decoder", i, ch)
		if up := blockName("decoder", i, "upsample.conv"); r.has(up) {
			conv := r.conv3x3(up, ch)
			if r.Err != nil {
				break
			}
			d.layers, ch = append(d.layers, &upsample{conv}), conv.Out
			scale *= 2
		}
	}
	d.layers, ch = r.exit(d.layers, "decoder", ch)
	if r.Err == nil {
		d.preview = r.preview(d.codebook)
	}
	switch {
	case r.Err != nil:
		return nil, r.Err
	case ch != 3:
		return nil, fmt.Errorf("%s: the VQ decoder gives %d channels, want 3 (red, green, blue)", f.Path, ch)
	case scale != c.PixelsPerToken:
		return nil, fmt.Errorf("%s: the VQ decoder makes %d pixels of a token, vq.pixels_per_token says %d", f.Path, scale, c.PixelsPerToken)
	}
	return d, nil
}

// Codes is the size of the codebook.
func (d *Decoder) Codes() int { return d.codebook.size }

// Bytes is the memory that Decode takes for rows x cols codes beside the
// weights, its result included.
func (d *Decoder) Bytes(rows, cols int) int64 {
	px := d.PixelsPerToken
	return needOf(d.layers, rows, cols).bytes() + 4*int64(rows*cols*d.codebook.dim) + 4*3*int64(rows*px)*int64(cols*px)
}

// Decode returns the image of codes, [rows, cols] row-major, as
// [rows·p, cols·p, 3] with p = PixelsPerToken: red, green and blue, about -1
// to 1, not clamped. done, if not nil, is called after each layer. It fails
// when a code is not in the codebook, the context ends, or a pixel is not finite.
func (d *Decoder) Decode(ctx context.Context, p *tensor.Pool, codes []int32, rows, cols int, done func(layer, layers int)) (*tensor.Image, error) {
	if len(codes) != rows*cols {
		panic(fmt.Sprintf("vqgan: %d codes for a grid of %d x %d", len(codes), rows, cols))
	}
	vectors := make([]float32, len(codes)*d.codebook.dim)
	if err := d.codebook.lookup(vectors, codes); err != nil {
		return nil, err
	}
	s := newStack(p, d.layers, rows, cols, d.postConv.out())
	d.postConv.apply(p, s.x.Data, vectors, len(codes))
	if err := s.run(ctx, d.layers, done); err != nil {
		return nil, err
	}
	// The result is small; the working memory is not.
	out := tensor.NewImage(s.x.H, s.x.W, s.x.C)
	copy(out.Data, s.x.Data)
	if i := firstNotFinite(out.Data); i >= 0 {
		return nil, fmt.Errorf("%s: pixel %d of line %d is %v: %w", d.path, i/3%out.W, i/3/out.W, out.Data[i], ErrDamaged)
	}
	return out, nil
}

// ErrDamaged is wrapped by the errors of a network that gives infinite values
// or none at all.
var ErrDamaged = errors.New("the image tokenizer's weights are damaged")

// firstNotFinite returns the index of the first value that is infinite or no
// number, or -1.
func firstNotFinite(values []float32) int {
	var zero float32 // stays 0 while all values are finite
	for _, v := range values {
		zero += v - v
	}
	if zero == 0 {
		return -1
	}
	return slices.IndexFunc(values, func(v float32) bool { return v-v != 0 })
}

// entry reads the first convolution.
func (r *reader) entry(side string, in int) ([]layer, int) {
	c := r.conv3x3(side+".conv_in", in)
	if r.Err != nil {
		return nil, 0
	}
	return []layer{&convLayer{conv: c}}, c.Out
}

// middle reads the three blocks at the coarsest level.
func (r *reader) middle(layers []layer, side string, ch int) ([]layer, int) {
	if r.Err != nil {
		return layers, ch
	}
	var b *resBlock
	b, ch = r.resBlock(side+".mid.0", ch)
	layers = append(layers, b)
	if r.Err == nil {
		layers = append(layers, r.attnBlock(side+".mid.1", ch))
	}
	if r.Err == nil {
		b, ch = r.resBlock(side+".mid.2", ch)
		layers = append(layers, b)
	}
	return layers, ch
}

// level reads the residual blocks of conv block i, each with the attention
// block that may follow it.
func (r *reader) level(layers []layer, side string, i, ch int) ([]layer, int) {
	for j := 0; r.Err == nil; j++ {
		name := blockName(side, i, "res."+strconv.Itoa(j))
		if !r.has(name + ".norm1") {
			break
		}
		var b *resBlock
		b, ch = r.resBlock(name, ch)
		layers = append(layers, b)
		if attn := blockName(side, i, "attn."+strconv.Itoa(j)); r.Err == nil && r.has(attn+".q") {
			layers = append(layers, r.attnBlock(attn, ch))
		}
	}
	return layers, ch
}

// exit reads the last norm and convolution.
func (r *reader) exit(layers []layer, side string, ch int) ([]layer, int) {
	if r.Err != nil {
		return layers, ch
	}
	n := r.norm(side+".norm_out", ch)
	c := r.conv3x3(side+".conv_out", ch)
	if r.Err != nil {
		return layers, ch
	}
	return append(layers, &outLayer{norm: n, conv: c}), c.Out
}

package convert

// An image tokenizer. Source: LlamaGen vq_model.py (VQModel, Encoder, Decoder, ResnetBlock, AttnBlock).
//
//	quantize.embedding.weight [codes, code width]       post_quant_conv 1x1, code width -> z
//	decoder.conv_in 3x3, z -> c    decoder.mid.{0,1,2}: res, attention, res
//	decoder.conv_blocks.I.res.J (and .attn.J), I from the coarsest level; all but the last end in .upsample.conv
//	decoder.norm_out, decoder.conv_out 3x3, c -> 3
//	encoder: the other way round, with .downsample.conv, conv_out -> z, quant_conv 1x1, z -> code width
//
// Every tensor keeps its name, under "vq.". The encoder may be missing as a whole.

import (
	"fmt"
)

// tokenizer is what an image tokenizer's shapes say.
type tokenizer struct {
	codes, codeDim, latent int64
	groups                 int64
	pixels                 int // of a token's side
	encoder                bool
	path                   string // of the checkpoint
}

const vqNormEps = 1e-6 // nn.GroupNorm's eps in vq_model.py; no shape tells it

// maxLevels bounds the levels of a tokenizer: 2^maxLevels pixels a token.
const maxLevels = 10

// vqReader takes layers in order.
type vqReader struct {
	*source
	p      *plan
	groups int64
}

// readTokenizer takes all tensors of an image tokenizer, in the order of the output.
func readTokenizer(s *source, o *Options, p *plan) (*tokenizer, error) {
	r := &vqReader{s, p, int64(or(o.Groups, 32))}
	m := &tokenizer{groups: r.groups, path: s.file.Path}
	p.tokenizer = m
	p.chose("norm groups", m.groups, o.Groups != nil, "the official models")
	if t := s.get(codebook, anySize, anySize); t != nil {
		m.codes, m.codeDim = t.Shape[0], t.Shape[1]
	}
	p.add(s, "vq."+codebook, small, codebook, m.codes, m.codeDim)
	m.latent = r.conv("post_quant_conv", 1, anySize, m.codeDim)
	m.pixels = r.decoder(m.latent)
	if s.err == nil {
		m.encoder = s.has("encoder.conv_in.weight")
	}
	parts := []string{"decoder.", "quantize.", "post_quant_conv."}
	if m.encoder {
		parts = append(parts, "encoder.", "quant_conv.")
		if pixels := r.encoder(m.latent); s.err == nil && pixels != m.pixels {
			s.fail("encoder.conv_in.weight", "the encoder makes a token of %d pixels, the decoder makes %d of it", pixels, m.pixels)
		}
		r.conv("quant_conv", 1, m.codeDim, m.latent)
	}
	p.ignore(s.rest(parts, []string{"quantize.codebook_used"})) // a statistic of the training
	return m, s.err
}

// decoder takes the decoder and returns the pixels of a token's side.
func (r *vqReader) decoder(latent int64) int {
	c := r.conv("decoder.conv_in", 3, anySize, latent)
	c = r.middle("decoder.mid", c)
	levels := r.countLevels("decoder")
	for i := range levels {
		level := fmt.Sprintf("decoder.conv_blocks.%d.", i)
		c = r.blocks(level, c)
		if i < levels-1 {
			c = r.conv(level+"upsample.conv", 3, c, c)
		}
	}
	r.norm("decoder.norm_out", c)
	r.conv("decoder.conv_out", 3, 3, c)
	return 1 << max(0, levels-1)
}

// encoder takes the encoder and returns the pixels that make a token's side.
func (r *vqReader) encoder(latent int64) int {
	c := r.conv("encoder.conv_in", 3, anySize, 3)
	levels := r.countLevels("encoder")
	for i := range levels {
		level := fmt.Sprintf("encoder.conv_blocks.%d.", i)
		c = r.blocks(level, c)
		if i < levels-1 {
			c = r.conv(level+"downsample.conv", 3, c, c)
		}
	}
	c = r.middle("encoder.mid", c)
	r.norm("encoder.norm_out", c)
	r.conv("encoder.conv_out", 3, latent, c)
	return 1 << max(0, levels-1)
}

// countLevels counts conv_blocks. There is at least one.
func (r *vqReader) countLevels(side string) int {
	n := 1
	for n <= maxLevels && r.has(fmt.Sprintf("%s.conv_blocks.%d.res.0.norm1.weight", side, n)) {
		n++
	}
	if n > maxLevels {
		r.fail(side+".conv_blocks", "more than %d levels", maxLevels)
	}
	return n
}

// blocks takes a level's residual blocks, each with the attention block that may follow it, and returns the channels.
func (r *vqReader) blocks(level string, c int64) int64 {
	for j := 0; j == 0 || (r.err == nil && r.has(fmt.Sprintf("%sres.%d.norm1.weight", level, j))); j++ {
		c = r.residual(fmt.Sprintf("%sres.%d", level, j), c)
		if attn := fmt.Sprintf("%sattn.%d", level, j); r.has(attn + ".q.weight") {
			r.attention(attn, c)
		}
	}
	return c
}

// middle takes the three blocks of the coarsest level.
func (r *vqReader) middle(name string, c int64) int64 {
	c = r.residual(name+".0", c)
	r.attention(name+".1", c)
	return r.residual(name+".2", c)
}

// residual takes a block from c channels and returns those it gives. A 1x1 shortcut stands where they differ.
func (r *vqReader) residual(name string, c int64) int64 {
	r.norm(name+".norm1", c)
	out := r.conv(name+".conv1", 3, anySize, c)
	r.norm(name+".norm2", out)
	r.conv(name+".conv2", 3, out, out)
	if out != c {
		r.conv(name+".nin_shortcut", 1, out, c)
	}
	return out
}

func (r *vqReader) attention(name string, c int64) {
	r.norm(name+".norm", c)
	for _, part := range []string{"q", "k", "v", "proj_out"} {
		r.conv(name+"."+part, 1, c, c)
	}
}

// norm takes a GroupNorm over c channels.
func (r *vqReader) norm(name string, c int64) {
	r.p.add(r.source, "vq."+name+".weight", small, name+".weight", c)
	r.p.add(r.source, "vq."+name+".bias", small, name+".bias", c)
	if r.err == nil && c%r.groups != 0 {
		r.err = badOption("--groups", "%d: the %d channels of %q in %s cannot be split into %d groups", r.groups, c, name, r.file.Path, r.groups)
	}
}

// conv takes a size x size convolution with its bias and returns its output channels; out may be anySize.
func (r *vqReader) conv(name string, size, out, in int64) int64 {
	if t := r.get(name+".weight", out, in, size, size); t != nil {
		out = t.Shape[0]
	}
	r.p.add(r.source, "vq."+name+".weight", kernel, name+".weight", out, in, size, size)
	r.p.add(r.source, "vq."+name+".bias", small, name+".bias", out)
	return out
}

func (m *tokenizer) setKeys(p *plan) {
	p.out.SetUint32("vq.embedding_length", uint32(m.latent))
	p.out.SetUint32("vq.codebook_size", uint32(m.codes))
	p.out.SetUint32("vq.codebook_dim", uint32(m.codeDim))
	p.out.SetUint32("vq.norm_groups", uint32(m.groups))
	p.out.SetFloat32("vq.norm_epsilon", vqNormEps)
	p.out.SetUint32("vq.pixels_per_token", uint32(m.pixels))
}

// describe is one line for people.
func (m *tokenizer) describe() string {
	parts := "decoder and encoder"
	if !m.encoder {
		parts = "decoder only"
	}
	return fmt.Sprintf("image tokenizer (VQ): %d codes of %d values, %d pixels a token, %s", m.codes, m.codeDim, m.pixels, parts)
}

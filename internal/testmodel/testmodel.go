// Package testmodel writes random models: every part that a real one has, in
// sizes that run in a blink, or in those of a real one, for measuring. Their
// pictures are coloured noise.
package testmodel

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
)

// Options chooses what a model has. The zero value is a class model with its
// image tokenizer.
type Options struct {
	// Caption makes a caption model of 12 positions with features 24 wide.
	Caption bool
	// NoVQ leaves the image tokenizer out, VQOnly everything else.
	NoVQ, VQOnly bool
	// Preview adds the image tokenizer's map from vectors to colours: red is
	// a vector's first value, green its second, blue its third, plus 0.1.
	Preview bool
	// Text adds a text encoder to a caption model, TextOnly leaves everything
	// else out.
	Text, TextOnly bool
	// Rows and Cols default to 6 and 8, ClassCount to Classes.
	Rows, Cols, ClassCount int
	// Type of the large matrices: F32 (default), F16, BF16 or Q8_0.
	Type ggml.Type
	// Seed of the weights.
	Seed uint64
	// Sizes defaults to Tiny.
	Sizes *Sizes
}

// The sizes of a tiny model. The head size is no power of two, and keys and
// values are shared by two heads each.
const (
	Dim, Layers, Heads, KVHeads, HeadDim = 64, 2, 4, 2, 20
	Hidden                               = 96
	Vocab                                = 64
	Classes                              = 10
	CaptionPositions, CaptionWidth       = 12, 24

	// PixelsPerToken is the side of a token's square.
	PixelsPerToken = 4
)

// Sizes are those of a model's parts.
type Sizes struct {
	// The transformer.
	Dim, Layers, Heads, KVHeads, HeadDim, Hidden, Vocab int
	// A caption and its features.
	CaptionPositions, CaptionWidth int
	// The image tokenizer: the channels of the finest level and their multiples
	// by level, finest first; residual blocks of a level. Each level but the
	// coarsest doubles the pixels of a token.
	Channels                     int
	Levels                       []int
	DecoderBlocks, EncoderBlocks int
	Latent, CodeDim, NormGroups  int
	// The text encoder, a T5 whose features are CaptionWidth wide.
	TextLayers, TextHeads, TextHeadDim, TextHidden int
}

// Tiny is what tests run.
var Tiny = Sizes{
	Dim: Dim, Layers: Layers, Heads: Heads, KVHeads: KVHeads, HeadDim: HeadDim, Hidden: Hidden, Vocab: Vocab,
	CaptionPositions: CaptionPositions, CaptionWidth: CaptionWidth,
	Channels: 8, Levels: []int{1, 1, 2}, DecoderBlocks: 1, EncoderBlocks: 1,
	Latent: 16, CodeDim: 8, NormGroups: 4,
	TextLayers: 2, TextHeads: 3, TextHeadDim: 10, TextHidden: 48,
}

// Write writes a model in GGUF format.
func Write(w io.Writer, o Options) error {
	if o.Rows == 0 {
		o.Rows = 6
	}
	if o.Cols == 0 {
		o.Cols = 8
	}
	if o.ClassCount == 0 {
		o.ClassCount = Classes
	}
	if o.Sizes == nil {
		o.Sizes = &Tiny
	}
	m := &maker{Sizes: o.Sizes, w: gguf.NewWriter(), rng: rand.New(rand.NewPCG(o.Seed, 20240415)), typ: o.Type}
	switch {
	case o.TextOnly:
		m.w.SetString("general.architecture", "t5encoder")
		m.w.SetString("general.name", "tiny random text encoder")
		m.text("token_embd.weight")
		o.NoVQ = true
	case o.VQOnly:
		m.w.SetString("general.architecture", "vqgan")
		m.w.SetString("general.name", "tiny random image tokenizer")
	default:
		m.llamaGen(o)
	}
	if o.Text && !o.TextOnly {
		m.text("enc.token_embd.weight")
	}
	if !o.NoVQ {
		m.vq()
	}
	if o.Preview {
		m.preview()
	}
	_, err := m.w.WriteTo(w)
	return err
}

// maker adds keys and random tensors to a file.
type maker struct {
	*Sizes
	w   *gguf.Writer
	rng *rand.Rand
	typ ggml.Type
}

func (s *Sizes) pixelsPerToken() int { return 1 << (len(s.Levels) - 1) }

func (m *maker) llamaGen(o Options) {
	w := m.w
	w.SetString("general.architecture", "llamagen")
	w.SetString("general.name", "tiny random LlamaGen")
	set := func(key string, v int) { w.SetUint32("llamagen."+key, uint32(v)) }
	prefix := 1
	if o.Caption {
		prefix = m.CaptionPositions
	}
	set("vocab_size", m.Vocab)
	set("context_length", prefix+o.Rows*o.Cols)
	set("block_count", m.Layers)
	set("embedding_length", m.Dim)
	set("feed_forward_length", m.Hidden)
	set("attention.head_count", m.Heads)
	set("attention.head_count_kv", m.KVHeads)
	set("attention.key_length", m.HeadDim)
	w.SetFloat32("llamagen.attention.layer_norm_rms_epsilon", 1e-5)
	w.SetFloat32("llamagen.rope.freq_base", 10000)
	set("image.rows", o.Rows)
	set("image.columns", o.Cols)
	set("image.pixels_per_token", m.pixelsPerToken())
	set("condition.token_count", prefix)
	set("sampling.top_k", 32)
	set("sampling.window", 3)
	if o.Caption {
		w.SetString("llamagen.condition.kind", "caption")
		set("condition.embedding_length", m.CaptionWidth)
		m.matrix("cond.cap_fc1.weight", m.Dim, m.CaptionWidth)
		m.matrix("cond.cap_fc2.weight", m.Dim, m.Dim)
		m.floats("cond.uncond_embd.weight", 1, m.CaptionPositions, m.CaptionWidth)
	} else {
		w.SetString("llamagen.condition.kind", "class")
		set("condition.class_count", o.ClassCount)
		m.matrix("cond.class_embd.weight", o.ClassCount+1, m.Dim)
	}
	m.matrix("token_embd.weight", m.Vocab, m.Dim)
	for i := range m.Layers {
		name := func(s string) string { return fmt.Sprintf("blk.%d.%s.weight", i, s) }
		m.ones(name("attn_norm"), m.Dim)
		m.matrix(name("attn_qkv"), (m.Heads+2*m.KVHeads)*m.HeadDim, m.Dim)
		m.matrix(name("attn_output"), m.Dim, m.Heads*m.HeadDim)
		m.ones(name("ffn_norm"), m.Dim)
		m.matrix(name("ffn_gate"), m.Hidden, m.Dim)
		m.matrix(name("ffn_up"), m.Hidden, m.Dim)
		m.matrix(name("ffn_down"), m.Dim, m.Hidden)
	}
	m.ones("output_norm.weight", m.Dim)
	// Logits far enough apart for guidance and sampling to matter.
	m.scaled("output.weight", m.typ, 3/math.Sqrt(float64(m.Dim)), m.Vocab, m.Dim)
}

func (m *maker) vq() {
	w := m.w
	set := func(key string, v int) { w.SetUint32("vq."+key, uint32(v)) }
	set("codebook_size", m.Vocab)
	set("codebook_dim", m.CodeDim)
	set("embedding_length", m.Latent)
	set("norm_groups", m.NormGroups)
	w.SetFloat32("vq.norm_epsilon", 1e-6)
	set("pixels_per_token", m.pixelsPerToken())
	m.floats("vq.quantize.embedding.weight", 1, m.Vocab, m.CodeDim)
	m.conv("post_quant_conv", m.Latent, m.CodeDim, 1)
	m.conv("quant_conv", m.CodeDim, m.Latent, 1)

	coarse := m.Channels * m.Levels[len(m.Levels)-1]
	m.conv("decoder.conv_in", coarse, m.Latent, 3)
	m.middle("decoder", coarse)
	ch := coarse
	for i := range m.Levels {
		ch = m.level("decoder", i, ch, m.Channels*m.Levels[len(m.Levels)-1-i], m.DecoderBlocks, i == 0)
		if i < len(m.Levels)-1 {
			m.conv(fmt.Sprintf("decoder.conv_blocks.%d.upsample.conv", i), ch, ch, 3)
		}
	}
	m.norm("decoder.norm_out", ch)
	m.conv("decoder.conv_out", 3, ch, 3)

	m.conv("encoder.conv_in", m.Channels, 3, 3)
	ch = m.Channels
	for i, mult := range m.Levels {
		ch = m.level("encoder", i, ch, m.Channels*mult, m.EncoderBlocks, i == len(m.Levels)-1)
		if i < len(m.Levels)-1 {
			m.conv(fmt.Sprintf("encoder.conv_blocks.%d.downsample.conv", i), ch, ch, 3)
		}
	}
	m.middle("encoder", ch)
	m.norm("encoder.norm_out", ch)
	m.conv("encoder.conv_out", m.Latent, ch, 3)
}

// level adds a conv block, with attention after each residual block at the
// coarsest level, and returns its output channels.
func (m *maker) level(side string, i, in, out, blocks int, attention bool) int {
	for block := range blocks {
		m.resBlock(fmt.Sprintf("%s.conv_blocks.%d.res.%d", side, i, block), in, out)
		if attention {
			m.attention(fmt.Sprintf("%s.conv_blocks.%d.attn.%d", side, i, block), out)
		}
		in = out
	}
	return out
}

func (m *maker) preview() {
	w := make([]float32, 3*(m.CodeDim+1))
	for c := range 3 {
		w[c*(m.CodeDim+1)+c], w[c*(m.CodeDim+1)+m.CodeDim] = 1, 0.1
	}
	m.add("vq.preview.weight", ggml.F32, []int{3, m.CodeDim + 1}, w)
}

func (m *maker) middle(side string, ch int) {
	m.resBlock(side+".mid.0", ch, ch)
	m.attention(side+".mid.1", ch)
	m.resBlock(side+".mid.2", ch, ch)
}

func (m *maker) resBlock(name string, in, out int) {
	m.norm(name+".norm1", in)
	m.conv(name+".conv1", out, in, 3)
	m.norm(name+".norm2", out)
	m.conv(name+".conv2", out, out, 3)
	if in != out {
		m.conv(name+".nin_shortcut", out, in, 1)
	}
}

func (m *maker) attention(name string, ch int) {
	m.norm(name+".norm", ch)
	for _, part := range []string{"q", "k", "v", "proj_out"} {
		m.conv(name+"."+part, ch, ch, 1)
	}
}

func (m *maker) norm(name string, ch int) {
	m.ones("vq."+name+".weight", ch)
	m.floats("vq."+name+".bias", 0.1, ch)
}

func (m *maker) conv(name string, out, in, size int) {
	m.floats("vq."+name+".weight", 1/math.Sqrt(float64(in*size*size)), out, in, size, size)
	m.floats("vq."+name+".bias", 0.1, out)
}

// matrix adds random values that keep the size of what they multiply.
func (m *maker) matrix(name string, rows, cols int) {
	m.scaled(name, m.typ, 1/math.Sqrt(float64(cols)), rows, cols)
}

func (m *maker) floats(name string, scale float64, shape ...int) {
	m.scaled(name, ggml.F32, scale, shape...)
}

// maxDrawn is how many values of a tensor are drawn. Larger ones repeat them:
// they are for measuring, which need not wait for a normal deviate a weight. It
// is a multiple of all types' blocks.
const maxDrawn = 1 << 20

// scaled adds normal values of this standard deviation. Rows that do not fit
// a block type become F16.
func (m *maker) scaled(name string, t ggml.Type, scale float64, shape ...int) {
	values := make([]float32, min(product(shape), maxDrawn))
	for i := range values {
		values[i] = float32(m.rng.NormFloat64() * scale)
	}
	m.add(name, t, shape, values)
}

func (m *maker) ones(name string, n int) {
	values := make([]float32, n)
	for i := range values {
		values[i] = 1 + float32(m.rng.NormFloat64())*0.1
	}
	m.add(name, ggml.F32, []int{n}, values)
}

// add adds a tensor of these values, again and again until it is full.
func (m *maker) add(name string, t ggml.Type, shape []int, values []float32) {
	if shape[len(shape)-1]%t.BlockLen() != 0 {
		t = ggml.F16
	}
	dims := make([]uint64, len(shape))
	for i, n := range shape {
		dims[len(shape)-1-i] = uint64(n)
	}
	m.w.AddTensor(name, dims, t, func(dst io.Writer) error {
		data := make([]byte, t.RowSize(len(values)))
		ggml.Quantize(t, data, values)
		for left := t.RowSize(product(shape)); left > 0; left -= len(data) {
			if _, err := dst.Write(data[:min(left, len(data))]); err != nil {
				return err
			}
		}
		return nil
	})
}

func product(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}

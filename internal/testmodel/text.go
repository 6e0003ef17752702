package testmodel

import "fmt"

// textBuckets is how many kinds of distances a T5 tells apart.
const textBuckets = 32

// words are the vocabulary beside single letters. ▁ stands for a space.
var words = []string{"▁a", "▁the", "▁red", "▁green", "▁apple", "▁house", "▁on", "▁and", "▁in"}

// text adds a text encoder with its tokenizer. In a file with other models
// its token embedding has a name of its own.
func (m *maker) text(tokenEmbd string) {
	tokens := []string{"<pad>", "</s>", "<unk>", "▁"}
	for c := '!'; c <= '~'; c++ {
		tokens = append(tokens, string(c))
	}
	tokens = append(tokens, words...)
	scores := make([]float32, len(tokens))
	types := make([]int32, len(tokens))
	for i := range tokens {
		const normal, unknown, control = 1, 2, 3
		switch {
		case i < 2:
			types[i] = control
		case i == 2:
			types[i] = unknown
		default:
			types[i] = normal
			// Longer tokens are likelier than the letters that they replace.
			scores[i] = -10 + float32(len(tokens[i]))/4
		}
	}
	w := m.w
	w.SetString("tokenizer.ggml.model", "t5")
	w.SetStrings("tokenizer.ggml.tokens", tokens)
	w.SetArray("tokenizer.ggml.scores", scores)
	w.SetArray("tokenizer.ggml.token_type", types)

	set := func(key string, v int) { w.SetUint32("t5encoder."+key, uint32(v)) }
	set("block_count", m.TextLayers)
	set("embedding_length", m.CaptionWidth)
	set("feed_forward_length", m.TextHidden)
	set("attention.head_count", m.TextHeads)
	set("attention.key_length", m.TextHeadDim)
	set("attention.value_length", m.TextHeadDim)
	set("attention.relative_buckets_count", textBuckets)
	w.SetFloat32("t5encoder.attention.layer_norm_rms_epsilon", 1e-6)

	m.floats(tokenEmbd, 1, len(tokens), m.CaptionWidth)
	m.floats("enc.blk.0.attn_rel_b.weight", 1, textBuckets, m.TextHeads)
	inner := m.TextHeads * m.TextHeadDim
	for i := range m.TextLayers {
		name := func(s string) string { return fmt.Sprintf("enc.blk.%d.%s.weight", i, s) }
		m.ones(name("attn_norm"), m.CaptionWidth)
		m.matrix(name("attn_q"), inner, m.CaptionWidth)
		m.matrix(name("attn_k"), inner, m.CaptionWidth)
		m.matrix(name("attn_v"), inner, m.CaptionWidth)
		m.matrix(name("attn_o"), m.CaptionWidth, inner)
		m.ones(name("ffn_norm"), m.CaptionWidth)
		m.matrix(name("ffn_gate"), m.TextHidden, m.CaptionWidth)
		m.matrix(name("ffn_up"), m.TextHidden, m.CaptionWidth)
		m.matrix(name("ffn_down"), m.CaptionWidth, m.TextHidden)
	}
	m.ones("enc.output_norm.weight", m.CaptionWidth)
}

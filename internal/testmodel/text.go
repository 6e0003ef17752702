package testmodel

import "fmt"

// The sizes of a caption model's text encoder, a T5 whose features are
// CaptionWidth wide.
const (
	textLayers, textHeads, textHeadDim = 2, 3, 10
	textHidden                         = 48
	textBuckets                        = 32
)

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
	set("block_count", textLayers)
	set("embedding_length", CaptionWidth)
	set("feed_forward_length", textHidden)
	set("attention.head_count", textHeads)
	set("attention.key_length", textHeadDim)
	set("attention.value_length", textHeadDim)
	set("attention.relative_buckets_count", textBuckets)
	w.SetFloat32("t5encoder.attention.layer_norm_rms_epsilon", 1e-6)

	m.floats(tokenEmbd, 1, len(tokens), CaptionWidth)
	m.floats("enc.blk.0.attn_rel_b.weight", 1, textBuckets, textHeads)
	const inner = textHeads * textHeadDim
	for i := range textLayers {
		name := func(s string) string { return fmt.Sprintf("enc.blk.%d.%s.weight", i, s) }
		m.ones(name("attn_norm"), CaptionWidth)
		m.matrix(name("attn_q"), inner, CaptionWidth)
		m.matrix(name("attn_k"), inner, CaptionWidth)
		m.matrix(name("attn_v"), inner, CaptionWidth)
		m.matrix(name("attn_o"), CaptionWidth, inner)
		m.ones(name("ffn_norm"), CaptionWidth)
		m.matrix(name("ffn_gate"), textHidden, CaptionWidth)
		m.matrix(name("ffn_up"), textHidden, CaptionWidth)
		m.matrix(name("ffn_down"), CaptionWidth, textHidden)
	}
	m.ones("enc.output_norm.weight", CaptionWidth)
}

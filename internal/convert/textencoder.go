package convert

// The text encoder of a caption model, a T5: from a folder of Hugging Face or from a GGUF file, into the model's file or a
// file of its own. Names and keys are llama.cpp's for architecture t5encoder.
//
//	shared.weight                                                     [vocab, dim]           token_embd (enc.token_embd in a model's file)
//	encoder.block.N.layer.0.layer_norm.weight                         [dim]                  enc.blk.N.attn_norm
//	encoder.block.N.layer.0.SelfAttention.{q,k,v}.weight              [heads*head size, dim] enc.blk.N.attn_{q,k,v}
//	encoder.block.N.layer.0.SelfAttention.o.weight                    [dim, heads*head size] enc.blk.N.attn_o
//	encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight [buckets, heads]    enc.blk.0.attn_rel_b
//	encoder.block.N.layer.1.layer_norm.weight                         [dim]                  enc.blk.N.ffn_norm
//	encoder.block.N.layer.1.DenseReluDense.{wi_0,wi_1}.weight         [hidden, dim]          enc.blk.N.ffn_{gate,up}
//	encoder.block.N.layer.1.DenseReluDense.wo.weight                  [dim, hidden]          enc.blk.N.ffn_down
//	encoder.final_layer_norm.weight                                   [dim]                  enc.output_norm

import (
	"fmt"
	"os"

	"github.com/zipar/zipar/internal/t5"
)

// textEncoder is a text encoder that is ready to be written.
type textEncoder interface {
	// add plans the tensors. The token embedding gets this name.
	add(p *plan, tokenEmbd string) error
	// setKeys writes the keys of the encoder and of its tokenizer.
	setKeys(p *plan)
	// width is the length of an embedding.
	width() int64
	// describe is one line for people.
	describe() string
	// paths are the files that are read.
	paths() []string
	close()
}

// encoderArch is the architecture under whose name the keys stand, in files of their own and in a model's.
const encoderArch = "t5encoder"

// openTextEncoder opens a folder or a GGUF file.
func openTextEncoder(path string, p *plan) (textEncoder, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return openEncoderFolder(path, p)
	}
	return openEncoderFile(path)
}

// planTextEncoder plans a file that holds a text encoder and nothing else.
func planTextEncoder(e textEncoder, o *Options, p *plan, result *Result) error {
	if _, ok := e.(*encoderFile); ok {
		return badOption("--text-encoder", "%s is a GGUF file already; zipar generate takes it as it is", o.TextEncoder)
	}
	flag := o.forTransformers()
	if flag == "" && o.Groups != nil {
		flag = "--groups"
	}
	if flag != "" {
		return badOption(flag, "without a checkpoint the text encoder is converted alone; this option is for the other parts")
	}
	if err := e.add(p, "token_embd.weight"); err != nil {
		return err
	}
	if err := p.setGeneral(encoderArch, o); err != nil {
		return err
	}
	e.setKeys(p)
	result.Models = []string{e.describe()}
	return nil
}

// bundle plans the text encoder of a caption model for the model's file.
func (m *transformer) bundle(e textEncoder, o *Options, p *plan) error {
	switch {
	case m.kind != captionModel:
		return badOption("--text-encoder", "%s draws classes and takes no text", o.Checkpoint)
	case e.width() != m.captionDim:
		return badOption("--text-encoder", "embeddings of %s have %d numbers, the model takes captions of %d", o.TextEncoder, e.width(), m.captionDim)
	}
	return e.add(p, "enc.token_embd.weight")
}

// encoderShape is what the shapes of a text encoder say, with the numbers that none tells.
type encoderShape struct {
	vocab, dim, hidden, layers, heads, headDim, buckets int64
	positions                                           int64 // of the longest text in training
	eps                                                 float64
}

func (s *encoderShape) setKeys(p *plan) {
	count := func(key string, n int64) { p.out.SetUint32(encoderArch+"."+key, uint32(n)) }
	count("context_length", s.positions)
	count("embedding_length", s.dim)
	count("feed_forward_length", s.hidden)
	count("block_count", s.layers)
	count("attention.head_count", s.heads)
	count("attention.key_length", s.headDim)
	count("attention.value_length", s.headDim)
	count("attention.relative_buckets_count", s.buckets)
	p.out.SetFloat32(encoderArch+".attention.layer_norm_epsilon", float32(s.eps))
	p.out.SetFloat32(encoderArch+".attention.layer_norm_rms_epsilon", float32(s.eps))
}

func (s *encoderShape) describe() string {
	return fmt.Sprintf("T5 text encoder: %d layers, width %d, %d heads of %d values, vocabulary %d", s.layers, s.dim, s.heads, s.headDim, s.vocab)
}

// setTokenizer writes a vocabulary with a token for each of the rows of the embedding. T5's embeddings have some more rows
// than there are tokens; llama.cpp wants a name for each.
func setTokenizer(p *plan, v t5.Vocab, rows int64) {
	for id := int64(len(v.Tokens)); id < rows; id++ {
		v.Tokens = append(v.Tokens, fmt.Sprintf("[PAD%d]", id))
		v.Scores = append(v.Scores, -10000)
		v.Types = append(v.Types, t5.UnusedToken)
	}
	v.SetGGUF(p.out)
}

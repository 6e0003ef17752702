package convert

// A text encoder from a folder as Hugging Face's transformers writes it (T5EncoderModel, T5ForConditionalGeneration):
//
//	config.json                                   what shapes do not tell
//	model.safetensors, pytorch_model.bin          weights; or shards of them with an index,
//	  model.safetensors.index.json ...            {"weight_map": {"TENSOR": "FILE"}}
//	spiece.model, tokenizer.json                  the tokenizer; one of them is needed

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/zipar/zipar/internal/t5"
)

// maxText bounds the text files of a folder: the largest tokenizer.json known has 35 MB.
const maxText = 256 << 20

// encoderFolder is a text encoder in a folder.
type encoderFolder struct {
	folder  string
	weights *shards
	vocab   t5.Vocab
	tokens  string // the file that the tokenizer is from
	shape   encoderShape
}

func openEncoderFolder(folder string, p *plan) (textEncoder, error) {
	config, err := readEncoderConfig(folder)
	if err != nil {
		return nil, err
	}
	e := &encoderFolder{folder: folder}
	if err := e.readTokenizer(); err != nil {
		return nil, err
	}
	if e.weights, err = openShards(folder); err != nil {
		return nil, err
	}
	if err := e.readShape(config, p); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

// encoderConfig is config.json. Where a number is absent, transformers' T5Config has a default.
type encoderConfig struct {
	ModelType   string   `json:"model_type"`
	Vocab       *int64   `json:"vocab_size"`
	Dim         *int64   `json:"d_model"`
	HeadDim     *int64   `json:"d_kv"`
	Hidden      *int64   `json:"d_ff"`
	Layers      *int64   `json:"num_layers"`
	Heads       *int64   `json:"num_heads"`
	Buckets     *int64   `json:"relative_attention_num_buckets"`
	MaxDistance *int64   `json:"relative_attention_max_distance"` // 128
	Positions   *int64   `json:"n_positions"`                     // 512; no limit of the network
	Eps         *float64 `json:"layer_norm_epsilon"`              // 1e-6
	FeedForward *string  `json:"feed_forward_proj"`               // "relu"
	path        string
}

func readEncoderConfig(folder string) (*encoderConfig, error) {
	c := &encoderConfig{path: filepath.Join(folder, "config.json")}
	data, err := readText(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &ModelError{Path: folder, Reason: "the folder has no config.json; a text encoder's folder is as Hugging Face's transformers writes it"}
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, c); err != nil {
		return nil, &ModelError{Path: c.path, Reason: err.Error()}
	}
	wrong := func(format string, args ...any) (*encoderConfig, error) {
		return nil, &ModelError{Path: c.path, Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case c.ModelType != "t5" && c.ModelType != "mt5":
		return wrong("model_type is %.40q, want \"t5\": the text encoder of caption models is a T5", c.ModelType)
	case or(c.FeedForward, "relu") != "gated-gelu":
		return wrong("feed_forward_proj is %.40q, want \"gated-gelu\": FLAN-T5 and T5 v1.1 are supported, T5 v1.0 is not", or(c.FeedForward, "relu"))
	case or(c.MaxDistance, 128) != 128:
		return wrong("relative_attention_max_distance is %d, want 128", *c.MaxDistance)
	case !(or(c.Eps, 1e-6) > 1e-30 && or(c.Eps, 1e-6) < 1):
		return wrong("layer_norm_epsilon is %v, want a small positive number", *c.Eps)
	case or(c.Positions, 512) < 1 || or(c.Positions, 512) > maxSize:
		return wrong("n_positions is %d, want 1 to %d", *c.Positions, maxSize)
	}
	return c, nil
}

// readText reads a whole file of bounded size.
func readText(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &ModelError{Path: path, Reason: "it is not a regular file"}
	case info.Size() > maxText:
		return nil, &ModelError{Path: path, Reason: fmt.Sprintf("it has %d bytes, limit %d", info.Size(), maxText)}
	}
	return io.ReadAll(io.LimitReader(f, maxText))
}

// readTokenizer takes spiece.model or else tokenizer.json.
func (e *encoderFolder) readTokenizer() error {
	for _, c := range []struct {
		name string
		read func([]byte) (*t5.Tokenizer, error)
	}{{"spiece.model", t5.FromSentencePiece}, {"tokenizer.json", t5.FromTokenizerJSON}} {
		path := filepath.Join(e.folder, c.name)
		data, err := readText(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		t, err := c.read(data)
		if err != nil {
			return &ModelError{Path: path, Reason: err.Error()}
		}
		e.vocab, e.tokens = t.Vocab(), path
		return nil
	}
	return &ModelError{Path: e.folder, Reason: "the folder has neither spiece.model nor tokenizer.json; without its tokenizer a text encoder reads no text"}
}

const (
	hfShared   = "shared.weight"
	hfEmbed    = "encoder.embed_tokens.weight" // the same tensor, in files that have only the encoder
	hfRelBias  = "layer.0.SelfAttention.relative_attention_bias"
	hfWideUp   = "layer.1.DenseReluDense.wi_0"
	hfNarrowUp = "layer.1.DenseReluDense.wi" // of T5 v1.0
)

func hfBlock(block int64, part string) string {
	return fmt.Sprintf("encoder.block.%d.%s.weight", block, part)
}

// hfParts are the tensors of a block, in the order of the output. The letters stand for the dimensions of encoderShape.
var hfParts = []struct {
	name, from string
	role       role
	shape      string
}{
	{"attn_norm", "layer.0.layer_norm", small, "d"},
	{"attn_q", "layer.0.SelfAttention.q", matrix, "id"},
	{"attn_k", "layer.0.SelfAttention.k", matrix, "id"},
	{"attn_v", "layer.0.SelfAttention.v", matrix, "id"},
	{"attn_o", "layer.0.SelfAttention.o", matrix, "di"},
	{"ffn_norm", "layer.1.layer_norm", small, "d"},
	{"ffn_gate", hfWideUp, matrix, "hd"},
	{"ffn_up", "layer.1.DenseReluDense.wi_1", matrix, "hd"},
	{"ffn_down", "layer.1.DenseReluDense.wo", matrix, "dh"},
}

// readShape finds all sizes from shapes and checks config.json against them.
func (e *encoderFolder) readShape(c *encoderConfig, p *plan) error {
	w, s := e.weights, &e.shape
	embd := w.get(e.embedding(), anySize, anySize)
	q := w.get(hfBlock(0, "layer.0.SelfAttention.q"), anySize, anySize)
	bias := w.get(hfBlock(0, hfRelBias), anySize, anySize)
	if w.err == nil && !w.has(hfBlock(0, hfWideUp)) && w.has(hfBlock(0, hfNarrowUp)) {
		w.fail(hfBlock(0, hfNarrowUp), "plain ReLU (T5 v1.0); FLAN-T5 and T5 v1.1 are supported")
	}
	up := w.get(hfBlock(0, hfWideUp), anySize, anySize)
	if w.err != nil {
		return w.err
	}
	s.vocab, s.dim = embd.shape[0], embd.shape[1]
	s.buckets, s.heads = bias.shape[0], bias.shape[1]
	s.hidden = up.shape[0]
	if q.shape[0]%s.heads != 0 {
		w.fail(q.name, "shape %v: %d rows cannot be shared by %d heads", q.shape, q.shape[0], s.heads)
		return w.err
	}
	s.headDim = q.shape[0] / s.heads
	for w.has(hfBlock(s.layers, "layer.0.SelfAttention.q")) {
		s.layers++
	}
	s.eps, s.positions = or(c.Eps, 1e-6), or(c.Positions, 512)
	for _, x := range []struct {
		key    string
		stated *int64
		shape  int64
	}{
		{"vocab_size", c.Vocab, s.vocab}, {"d_model", c.Dim, s.dim}, {"d_kv", c.HeadDim, s.headDim}, {"d_ff", c.Hidden, s.hidden},
		{"num_layers", c.Layers, s.layers}, {"num_heads", c.Heads, s.heads}, {"relative_attention_num_buckets", c.Buckets, s.buckets},
	} {
		if x.stated != nil && *x.stated != x.shape {
			return &ModelError{Path: c.path, Reason: fmt.Sprintf("%s is %d, the tensors beside it say %d", x.key, *x.stated, x.shape)}
		}
	}
	if s.buckets%2 != 0 || s.buckets < 4 || s.buckets > 510 {
		w.fail(bias.name, "shape %v: want an even number of rows from 4 to 510", bias.shape)
		return w.err
	}
	if rows := int64(len(e.vocab.Tokens)); rows > s.vocab {
		return &ModelError{Path: e.tokens, Reason: fmt.Sprintf("it has %d tokens, %s has rows for %d", rows, e.embedding(), s.vocab)}
	}
	p.chose("text encoder norm epsilon", s.eps, false, c.from(c.Eps != nil))
	return nil
}

func (c *encoderConfig) from(stated bool) string {
	if stated {
		return c.path
	}
	return "transformers' T5Config"
}

// embedding is the name of the token embedding.
func (e *encoderFolder) embedding() string {
	if e.weights.has(hfShared) {
		return hfShared
	}
	return hfEmbed
}

func (e *encoderFolder) add(p *plan, tokenEmbd string) error {
	w, s := e.weights, &e.shape
	sizes := map[rune]int64{'d': s.dim, 'h': s.hidden, 'i': s.heads * s.headDim}
	w.add(p, tokenEmbd, matrix, e.embedding(), s.vocab, s.dim)
	for block := range s.layers {
		for _, part := range hfParts {
			var shape []int64
			for _, letter := range part.shape {
				shape = append(shape, sizes[letter])
			}
			w.add(p, fmt.Sprintf("enc.blk.%d.%s.weight", block, part.name), part.role, hfBlock(block, part.from), shape...)
		}
		if block == 0 {
			w.add(p, "enc.blk.0.attn_rel_b.weight", small, hfBlock(0, hfRelBias), s.buckets, s.heads)
		}
		if w.err != nil {
			return w.err
		}
	}
	w.add(p, "enc.output_norm.weight", small, "encoder.final_layer_norm.weight", s.dim)
	p.ignore(w.rest([]string{"encoder."}, []string{hfEmbed}))
	return w.err
}

func (e *encoderFolder) setKeys(p *plan) {
	e.shape.setKeys(p)
	setTokenizer(p, e.vocab, e.shape.vocab)
}

func (e *encoderFolder) width() int64    { return e.shape.dim }
func (e *encoderFolder) paths() []string { return append(e.weights.paths(), e.tokens) }
func (e *encoderFolder) close()          { e.weights.close() }

func (e *encoderFolder) describe() string {
	return fmt.Sprintf("%s: %s, tokenizer from %s", e.folder, e.shape.describe(), filepath.Base(e.tokens))
}

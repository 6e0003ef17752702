package convert

// A class or caption model. Source: LlamaGen gpt.py (Transformer, Attention, FeedForward, LabelEmbedder, CaptionEmbedder).
//
//	tok_embeddings.weight                 [vocab, dim]                  token_embd.weight
//	layers.N.attention_norm.weight        [dim]                         blk.N.attn_norm.weight
//	layers.N.attention.wqkv.weight        [(heads+2 kv) head size, dim] blk.N.attn_qkv.weight
//	layers.N.attention.wo.weight          [dim, dim]                    blk.N.attn_output.weight
//	layers.N.ffn_norm.weight              [dim]                         blk.N.ffn_norm.weight
//	layers.N.feed_forward.w1.weight       [hidden, dim]                 blk.N.ffn_gate.weight
//	layers.N.feed_forward.w3.weight       [hidden, dim]                 blk.N.ffn_up.weight
//	layers.N.feed_forward.w2.weight       [dim, hidden]                 blk.N.ffn_down.weight
//	norm.weight                           [dim]                         output_norm.weight
//	output.weight                         [vocab, dim]                  output.weight
//	cls_embedding.embedding_table.weight  [classes+1, dim]              cond.class_embd.weight
//	cls_embedding.cap_proj.fc1.weight     [dim, width]                  cond.cap_fc1.weight
//	cls_embedding.cap_proj.fc2.weight     [dim, dim]                    cond.cap_fc2.weight
//	cls_embedding.uncond_embedding        [tokens, width]               cond.uncond_embd.weight

import (
	"fmt"
	"strconv"
	"strings"
)

// transformer is what a transformer's shapes and options say.
type transformer struct {
	kind                       kind
	vocab, dim, layers, hidden int64
	prefix                     int64 // condition tokens
	classes                    int64 // of a class model
	captionDim                 int64 // of a caption model
	headDim, heads, kvHeads    int64
	grid                       Grid
	ropeBase, normEps          float64
}

// officialHeads are the heads of LlamaGen's models by their width (gpt.py, GPT_models), which no shape tells.
var officialHeads = map[int64]int64{768: 12, 1024: 16, 1280: 20, 1536: 24, 2048: 32, 2560: 40, 3200: 32, 4096: 32}

// readTransformer takes all tensors of a class or caption model, in the order of the output.
func readTransformer(s *source, o *Options, p *plan) (*transformer, error) {
	m := &transformer{kind: s.kind, ropeBase: or(o.RopeBase, 10000), normEps: or(o.NormEps, 1e-5)}
	p.chose("rope base", m.ropeBase, o.RopeBase != nil, "the official models")
	p.chose("norm epsilon", m.normEps, o.NormEps != nil, "the official models")
	if t := s.get(tokEmbeddings, anySize, anySize); t != nil {
		m.vocab, m.dim = t.Shape[0], t.Shape[1]
	}
	m.layers = countLayers(s)
	if t := s.get(layerName(0, "feed_forward.w1"), anySize, m.dim); t != nil {
		m.hidden = t.Shape[0]
	}
	m.readCondition(s)
	var table *rotary
	if s.err == nil && s.has(freqsName) {
		table = s.readRotary(m.prefix, m.ropeBase)
	}
	if s.err != nil {
		return nil, s.err
	}
	if err := m.chooseHeads(s, o, p, table); err != nil {
		return nil, err
	}
	if err := m.chooseGrid(o, p, table); err != nil {
		return nil, err
	}
	m.addTensors(s, p)
	p.ignore(s.rest(
		[]string{"layers.", "tok_embeddings.", "norm.", "output.", "cls_embedding."},
		[]string{".kv_cache."})) // left by a model that has generated before it was saved
	return m, s.err
}

// countLayers is one more than the highest number in "layers.N.". Gaps show as missing tensors.
func countLayers(s *source) int64 {
	most := int64(-1)
	for _, t := range s.dict.Tensors {
		rest, ok := strings.CutPrefix(t.Name, "layers.")
		number, _, dotted := strings.Cut(rest, ".")
		if n, err := strconv.ParseInt(number, 10, 32); ok && dotted && err == nil {
			most = max(most, n)
		}
	}
	return most + 1
}

func layerName(layer int64, part string) string {
	return fmt.Sprintf("layers.%d.%s.weight", layer, part)
}

func (m *transformer) readCondition(s *source) {
	if m.kind == captionModel {
		if s.has(classTable) {
			s.fail(classTable, "the checkpoint has %q too; a model draws classes or captions", captionUncond)
		}
		if t := s.get(captionUncond, anySize, anySize); t != nil {
			m.prefix, m.captionDim = t.Shape[0], t.Shape[1]
		}
		return
	}
	m.prefix = 1
	if t := s.get(classTable, anySize, m.dim); t != nil {
		if m.classes = t.Shape[0] - 1; m.classes < 1 {
			s.fail(classTable, "shape %v: want a row for each class and one more for the unconditional class", t.Shape)
		}
	}
}

// chooseHeads finds head size and heads: by --heads, freqs_cis, --kv-heads (the rows of wqkv then tell), or the table.
func (m *transformer) chooseHeads(s *source, o *Options, p *plan, table *rotary) error {
	qkv := s.get(layerName(0, "attention.wqkv"), anySize, m.dim)
	if qkv == nil {
		return s.err
	}
	rows := qkv.Shape[0]
	var from string
	switch {
	case o.Heads != nil:
		heads := int64(*o.Heads)
		if m.dim%heads != 0 {
			return badOption("--heads", "%d does not divide the width %d of the model", heads, m.dim)
		}
		m.headDim, from = m.dim/heads, "--heads"
		if table != nil && int64(table.headDim) != m.headDim {
			return badOption("--heads", "%d heads of %d values, but freqs_cis in %s has heads of %d values, which makes %d heads",
				heads, m.headDim, s.file.Path, table.headDim, m.dim/int64(table.headDim))
		}
	case table != nil:
		m.headDim, from = int64(table.headDim), "freqs_cis"
	case o.KVHeads != nil:
		kv := int64(*o.KVHeads)
		if rows <= m.dim || (rows-m.dim)%(2*kv) != 0 {
			return badOption("--kv-heads", "%d does not fit wqkv of shape %v at width %d", kv, qkv.Shape, m.dim)
		}
		m.headDim, from = (rows-m.dim)/(2*kv), "--kv-heads and the shape of wqkv"
	case officialHeads[m.dim] != 0:
		m.headDim, from = m.dim/officialHeads[m.dim], fmt.Sprintf("the official models of width %d", m.dim)
	default:
		return badOption("--heads", "not given, and nothing in %s tells how many heads a model of width %d has", s.file.Path, m.dim)
	}
	if m.headDim%4 != 0 || m.dim%m.headDim != 0 {
		return &ModelError{s.file.Path, layerName(0, "attention.wqkv"), fmt.Sprintf(
			"heads of %d values (from %s): want a multiple of 4 that divides the width %d", m.headDim, from, m.dim)}
	}
	m.heads = m.dim / m.headDim
	p.choice("heads", m.heads, from)
	if rows <= m.dim || (rows-m.dim)%(2*m.headDim) != 0 {
		return &ModelError{s.file.Path, layerName(0, "attention.wqkv"), fmt.Sprintf(
			"shape %v: want %d + 2*%d*(key and value heads) rows, for heads of %d values (from %s)", qkv.Shape, m.dim, m.headDim, m.headDim, from)}
	}
	m.kvHeads = (rows - m.dim) / (2 * m.headDim)
	if o.KVHeads != nil && int64(*o.KVHeads) != m.kvHeads {
		return badOption("--kv-heads", "%d, but wqkv of shape %v has %d with heads of %d values (from %s)", *o.KVHeads, qkv.Shape, m.kvHeads, m.headDim, from)
	}
	if m.heads%m.kvHeads != 0 {
		return &ModelError{s.file.Path, layerName(0, "attention.wqkv"), fmt.Sprintf(
			"shape %v: %d query heads cannot share %d key and value heads", qkv.Shape, m.heads, m.kvHeads)}
	}
	p.choice("key and value heads", m.kvHeads, "the shape of wqkv")
	return nil
}

// chooseGrid takes --grid or freqs_cis. There is no default: a model of 16x16 and one of 24x24 tokens look the same.
func (m *transformer) chooseGrid(o *Options, p *plan, table *rotary) error {
	switch {
	case o.Grid != nil && table != nil && *o.Grid != table.grid:
		return badOption("--grid", "%dx%d, but freqs_cis of the checkpoint is that of %dx%d", o.Grid.Rows, o.Grid.Cols, table.grid.Rows, table.grid.Cols)
	case o.Grid != nil:
		m.grid = *o.Grid
	case table != nil:
		m.grid = table.grid
	default:
		return badOption("--grid", "not given, and nothing in the checkpoint tells the grid of image tokens; "+
			"256 pixels are 16x16 tokens of 16 pixels, 384 are 24x24, 512 are 32x32")
	}
	p.chose("grid", fmt.Sprintf("%dx%d", m.grid.Rows, m.grid.Cols), o.Grid != nil, freqsName)
	if o.Window != nil && *o.Window > m.grid.Cols {
		return badOption("--window", "%d, want at most the %d columns of the grid", *o.Window, m.grid.Cols)
	}
	return nil
}

func (m *transformer) addTensors(s *source, p *plan) {
	p.add(s, "token_embd.weight", matrix, tokEmbeddings, m.vocab, m.dim)
	for i := range m.layers {
		for _, t := range []struct {
			name, from string
			role       role
			shape      []int64
		}{
			{"attn_norm", "attention_norm", small, []int64{m.dim}},
			{"attn_qkv", "attention.wqkv", matrix, []int64{m.dim + 2*m.kvHeads*m.headDim, m.dim}},
			{"attn_output", "attention.wo", matrix, []int64{m.dim, m.dim}},
			{"ffn_norm", "ffn_norm", small, []int64{m.dim}},
			{"ffn_gate", "feed_forward.w1", matrix, []int64{m.hidden, m.dim}},
			{"ffn_up", "feed_forward.w3", matrix, []int64{m.hidden, m.dim}},
			{"ffn_down", "feed_forward.w2", matrix, []int64{m.dim, m.hidden}},
		} {
			p.add(s, fmt.Sprintf("blk.%d.%s.weight", i, t.name), t.role, layerName(i, t.from), t.shape...)
		}
		if s.err != nil {
			return // a gap in a hostile file may be a billion layers wide
		}
	}
	p.add(s, "output_norm.weight", small, "norm.weight", m.dim)
	p.add(s, "output.weight", matrix, "output.weight", m.vocab, m.dim)
	if m.kind == classModel {
		p.add(s, "cond.class_embd.weight", matrix, classTable, m.classes+1, m.dim)
		return
	}
	p.add(s, "cond.cap_fc1.weight", matrix, captionFC1, m.dim, m.captionDim)
	p.add(s, "cond.cap_fc2.weight", matrix, "cls_embedding.cap_proj.fc2.weight", m.dim, m.dim)
	p.add(s, "cond.uncond_embd.weight", small, captionUncond, m.prefix, m.captionDim)
}

// setKeys writes the keys of the model; pixels is 0 when no image tokenizer tells.
func (m *transformer) setKeys(p *plan, o *Options, pixels int) {
	const a = "llamagen."
	count := func(key string, n int64) { p.out.SetUint32(a+key, uint32(n)) }
	count("vocab_size", m.vocab)
	count("block_count", m.layers)
	count("embedding_length", m.dim)
	count("feed_forward_length", m.hidden)
	count("context_length", m.prefix+int64(m.grid.Rows)*int64(m.grid.Cols))
	count("attention.head_count", m.heads)
	count("attention.head_count_kv", m.kvHeads)
	count("attention.key_length", m.headDim)
	p.out.SetFloat32(a+"attention.layer_norm_rms_epsilon", float32(m.normEps))
	p.out.SetFloat32(a+"rope.freq_base", float32(m.ropeBase))
	count("image.rows", int64(m.grid.Rows))
	count("image.columns", int64(m.grid.Cols))
	if pixels > 0 {
		count("image.pixels_per_token", int64(pixels))
	}
	scale, topK := 4.0, 2000 // sample_c2i.py
	if m.kind == classModel {
		p.out.SetString(a+"condition.kind", "class")
		count("condition.token_count", m.prefix)
		count("condition.class_count", m.classes)
	} else {
		scale, topK = 7.5, 1000 // sample_t2i.py
		p.out.SetString(a+"condition.kind", "caption")
		count("condition.token_count", m.prefix)
		count("condition.embedding_length", m.captionDim)
	}
	p.out.SetFloat32(a+"sampling.cfg_scale", float32(or(o.CFGScale, scale)))
	p.out.SetInt32(a+"sampling.cfg_interval", int32(or(o.CFGInterval, -1)))
	p.out.SetFloat32(a+"sampling.temperature", float32(or(o.Temperature, 1)))
	p.out.SetUint32(a+"sampling.top_k", uint32(or(o.TopK, topK)))
	p.out.SetFloat32(a+"sampling.top_p", float32(or(o.TopP, 1)))
	if o.Window != nil {
		p.out.SetUint32(a+"sampling.window", uint32(*o.Window))
	}
}

// describe is one line for people.
func (m *transformer) describe() string {
	what := fmt.Sprintf("class model of %d classes", m.classes)
	if m.kind == captionModel {
		what = fmt.Sprintf("caption model of %d caption tokens", m.prefix)
	}
	return fmt.Sprintf("LlamaGen %s: %d layers, width %d, %d heads of %d values, vocabulary %d", what, m.layers, m.dim, m.heads, m.headDim, m.vocab)
}

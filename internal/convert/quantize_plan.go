package convert

// Which type each tensor of a file gets.

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
)

// quantizePlan is what happens to each tensor.
type quantizePlan struct {
	changes   []change // in file order
	classes   []ClassReport
	fallbacks []Fallback
}

// change is a tensor and what becomes of it.
type change struct {
	from  *gguf.Tensor
	typ   ggml.Type
	size  int64 // bytes, in the new type
	class int   // in quantizePlan.classes
}

func planQuantization(f *gguf.File, o *QuantizeOptions) (*quantizePlan, error) {
	p := &quantizePlan{}
	for _, c := range tensorClasses {
		p.classes = append(p.classes, ClassReport{Name: c.name, Types: make(map[ggml.Type]int)})
	}
	used := make([]bool, len(o.Rules))
	for _, t := range f.Tensors {
		typ := p.typeOf(t, o, used)
		if typ != t.Type && t.Type.BlockLen() > 1 && !o.AllowRequantize {
			return nil, badOption("--allow-requantize", "needed: tensor %q of %s is %s already, and turning that into %s "+
				"loses more than the original would", t.Name, f.Path, t.Type, typ)
		}
		size, err := typ.TensorSize(t.Dims)
		if err != nil || size > math.MaxInt64/2 {
			return nil, &ModelError{f.Path, t.Name, fmt.Sprintf("dimensions %v do not fit %s", t.Dims, typ)}
		}
		c := change{t, typ, int64(size), classOf(t.Name)}
		p.changes = append(p.changes, c)
		report := &p.classes[c.class]
		report.Tensors++
		report.Types[typ]++
		report.Before += int64(len(t.Data))
		report.After += c.size
	}
	for i, rule := range o.Rules {
		if !used[i] {
			return nil, badOption("--tensor-type", "%s=%s: it is the first to match for no tensor of %s", rule.Pattern, rule.Type, f.Path)
		}
	}
	return p, nil
}

func (p *quantizePlan) hasBlocks() bool {
	return slices.ContainsFunc(p.changes, func(c change) bool { return c.typ.BlockLen() > 1 })
}

// typeOf chooses the type of a tensor.
func (p *quantizePlan) typeOf(t *gguf.Tensor, o *QuantizeOptions, used []bool) ggml.Type {
	want, ruled := o.Type, false
	for i, rule := range o.Rules {
		if rule.Pattern.MatchString(t.Name) {
			want, ruled, used[i] = rule.Type, true, true
			break
		}
	}
	blocks := want.BlockLen() > 1
	switch r := quantizeRole(t); {
	case r == small && (blocks || !ruled):
		if ruled {
			p.fallBack(t, want, t.Type, 0)
		}
		return t.Type
	case r == kernel && blocks:
		if ruled {
			p.fallBack(t, want, ggml.F16, 0)
		}
		return ggml.F16
	case r == matrix && blocks:
		return p.fit(t, want)
	}
	return want
}

// fit returns want or, where a row of the tensor is no whole number of its blocks, what llama.cpp takes instead
// (llama-quant.cpp, tensor_type_fallback). Each fallback is recorded.
func (p *quantizePlan) fit(t *gguf.Tensor, want ggml.Type) ggml.Type {
	row := t.Dims[0]
	fits := func(x ggml.Type) bool { return row%uint64(x.BlockLen()) == 0 }
	if fits(want) {
		return want
	}
	got := want
	switch want {
	case ggml.Q4_K:
		got = ggml.Q5_0
	case ggml.Q5_K:
		got = ggml.Q5_1
	case ggml.Q6_K:
		got = ggml.Q8_0
	}
	if !fits(got) {
		got = ggml.F16
	}
	p.fallBack(t, want, got, row)
	return got
}

// fallBack notes that a tensor does not get the type that was asked for. row is the length of its rows, or 0 where they are
// not the reason.
func (p *quantizePlan) fallBack(t *gguf.Tensor, want, got ggml.Type, row uint64) {
	same := func(b Fallback) bool { return b.Asked == want && b.Got == got && b.Row == row }
	i := slices.IndexFunc(p.fallbacks, same)
	if i < 0 {
		i = len(p.fallbacks)
		p.fallbacks = append(p.fallbacks, Fallback{Asked: want, Got: got, Row: row})
	}
	p.fallbacks[i].Tensors = append(p.fallbacks[i].Tensors, t.Name)
}

// fewChannels is below which a 1x1 convolution stays as it is: it costs nothing and sits at the codebook, where errors of the
// codes are errors of whole squares of the picture.
const fewChannels = 32

// quantizeRole tells what may become of a tensor: small ones stay as they are, kernels of convolutions go no lower than 16
// bits, matrices take every type.
func quantizeRole(t *gguf.Tensor) role {
	switch t.Name {
	case "vq.quantize.embedding.weight", previewTensor, "cond.uncond_embd.weight", "cond.class_embd.weight": // the last class is no class
		return small
	}
	if len(t.Dims) == 1 || !strings.HasSuffix(t.Name, ".weight") || strings.HasSuffix(t.Name, "attn_rel_b.weight") {
		return small // norms, biases, relative positions
	}
	if len(t.Dims) < 4 {
		return matrix
	}
	pointwise := t.Dims[0] == 1 && t.Dims[1] == 1
	if strings.HasSuffix(t.Name, ".conv_out.weight") || pointwise && min(t.Dims[2], t.Dims[3]) < fewChannels {
		return small
	}
	return kernel
}

// tensorClasses are the classes of the report. A tensor belongs to the first whose test its name passes.
var tensorClasses = []struct {
	name  string
	match func(name string) bool
}{
	{"text encoder: embedding", startsWith("enc.token_embd.")},
	{"text encoder: attention", encoderPart("attn_q.", "attn_k.", "attn_v.", "attn_o.")},
	{"text encoder: feed-forward", encoderPart("ffn_gate.", "ffn_up.", "ffn_down.")},
	{"text encoder: the rest", startsWith("enc.", "dec.")},
	{"image tokenizer", startsWith("vq.")},
	{"condition", startsWith("cond.")},
	{"token embedding", startsWith("token_embd.")},
	{"output", startsWith("output.")},
	{"attention", blockPart("attn_qkv.", "attn_q.", "attn_k.", "attn_v.", "attn_output.")},
	{"feed-forward", blockPart("ffn_gate.", "ffn_up.", "ffn_down.")},
	{"the rest", func(string) bool { return true }},
}

func classOf(name string) int {
	for i, c := range tensorClasses {
		if c.match(name) {
			return i
		}
	}
	panic("convert: the last class takes every name")
}

func startsWith(prefixes ...string) func(string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
	}
}

func blockPart(parts ...string) func(string) bool { return numbered("blk.", parts) }

func encoderPart(parts ...string) func(string) bool { return numbered("enc.blk.", parts) }

// numbered matches {prefix}N.{part}...
func numbered(prefix string, parts []string) func(string) bool {
	part := startsWith(parts...)
	return func(name string) bool {
		rest, ok := strings.CutPrefix(name, prefix)
		_, rest, dotted := strings.Cut(rest, ".")
		return ok && dotted && part(rest)
	}
}

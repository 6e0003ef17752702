package family

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/testmodel"
)

// altered writes a tiny model with some keys set to other values, or left out
// where the value is nil, and some tensors left out or with other dimensions.
func altered(t *testing.T, caption bool, keys map[string]any, dims map[string][]uint64) *gguf.File {
	t.Helper()
	var b bytes.Buffer
	if err := testmodel.Write(&b, testmodel.Options{Caption: caption, NoVQ: true}); err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Parse("tiny.gguf", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	w := gguf.NewWriter()
	set := func(key string, v any) {
		switch v := v.(type) {
		case nil:
		case int:
			w.SetInt32(key, int32(v))
		case float64:
			w.SetFloat64(key, v)
		case string:
			w.SetString(key, v)
		case []string:
			w.SetStrings(key, v)
		default:
			t.Fatalf("%s: a %T", key, v)
		}
	}
	for _, key := range f.Keys() {
		if v, ok := keys[key]; ok {
			set(key, v)
			continue
		}
		v, _ := f.Value(key)
		w.Set(key, v)
	}
	for key, v := range keys {
		if _, ok := f.Value(key); !ok {
			set(key, v)
		}
	}
	for _, x := range f.Tensors {
		d, ok := dims[x.Name]
		if !ok {
			w.AddTensor(x.Name, x.Dims, x.Type, func(dst io.Writer) error { _, err := dst.Write(x.Data); return err })
		} else if d != nil {
			size, err := x.Type.TensorSize(d)
			if err != nil {
				t.Fatal(err)
			}
			w.AddTensor(x.Name, d, x.Type, func(dst io.Writer) error { _, err := dst.Write(make([]byte, size)); return err })
		}
	}
	b.Reset()
	if _, err := w.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if f, err = gguf.Parse("tiny.gguf", b.Bytes()); err != nil {
		t.Fatal(err)
	}
	return f
}

// Every key and tensor that is missing or wrong is an error that names it.
func TestBrokenModelsAreErrors(t *testing.T) {
	const a = "llamagen."
	for _, c := range []struct {
		key  string
		v    any
		want string
	}{
		{"general.architecture", nil, "general.architecture"},
		{"general.architecture", "llama", `architecture "llama", which cannot draw; known: llamagen`},
		{"general.architecture", 3, "general.architecture"},
		{"general.name", 3, "general.name"},
		{a + "vocab_size", nil, a + "vocab_size"},
		{a + "vocab_size", 65, `"token_embd.weight" has shape [64 64], want [65 64]`},
		{a + "block_count", 0, "block_count is 0"},
		{a + "block_count", 3, `"blk.2.attn_norm.weight" is missing`},
		{a + "block_count", "two", a + "block_count"},
		{a + "embedding_length", -1, "embedding_length"},
		{a + "feed_forward_length", 97, "blk.0.ffn_gate.weight"},
		{a + "attention.head_count", 3, "3 query heads cannot share 2"},
		{a + "attention.head_count", 1 << 30, "head_count is 1073741824"},
		{a + "attention.head_count_kv", 4, "blk.0.attn_qkv.weight"},
		{a + "attention.key_length", 19, "head size 19 is odd"},
		{a + "attention.key_length", 18, "head size 18: two-dimensional"},
		{a + "attention.layer_norm_rms_epsilon", nil, "layer_norm_rms_epsilon"},
		{a + "attention.layer_norm_rms_epsilon", 0.0, "norm epsilon 0"},
		{a + "rope.freq_base", nil, "rope.freq_base"},
		{a + "rope.freq_base", 0.5, "rope.freq_base is 0.5"},
		{a + "image.rows", nil, "image.rows"},
		{a + "image.rows", 0, "a grid of 0 rows"},
		{a + "image.columns", 1 << 30, "a grid of 6 rows and 1073741824 columns"},
		{a + "image.columns", nil, "image.columns"},
		{a + "condition.token_count", nil, "condition.token_count"},
		{a + "condition.token_count", 0, "condition.token_count is 0"},
		{a + "condition.token_count", 2, "a class model with 2 condition tokens"},
		{a + "condition.kind", nil, "condition.kind"},
		{a + "condition.kind", "picture", `condition.kind is "picture": want class or caption`},
		{a + "condition.class_count", nil, "condition.class_count"},
		{a + "condition.class_count", 0, "condition.class_count is 0"},
		{a + "condition.class_count", 11, `"cond.class_embd.weight" has shape [11 64], want [12 64]`},
		{a + "condition.class_names", []string{"cat"}, "1 class names for 10 classes"},
		{a + "condition.class_names", 3, "class_names"},
		{a + "sampling.cfg_scale", -1.0, "guidance scale -1"},
		{a + "sampling.cfg_scale", "much", "sampling.cfg_scale"},
		{a + "sampling.top_k", -5, "top-k -1"},
		{a + "sampling.top_p", 2.0, "top-p 2"},
		{a + "sampling.temperature", -1.0, "temperature -1"},
		{a + "sampling.cfg_interval", -7.0, "sampling"},
		{a + "sampling.window", -3, "window -3"},
	} {
		_, err := Open(altered(t, false, map[string]any{c.key: c.v}, nil))
		if c.key == a+"sampling.cfg_interval" {
			// -1 and less mean "always".
			if err != nil {
				t.Errorf("%s = %v: %v", c.key, c.v, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "tiny.gguf") {
			t.Errorf("%s = %v: error %v, want %q", c.key, c.v, err, c.want)
		}
	}
	for _, c := range []struct {
		key  string
		v    any
		want string
	}{
		{a + "condition.embedding_length", nil, "condition.embedding_length"},
		{a + "condition.embedding_length", 0, "condition.embedding_length is 0"},
		{a + "condition.embedding_length", 25, "cond.cap_fc1.weight"},
		{a + "condition.token_count", 13, "cond.uncond_embd.weight"},
	} {
		_, err := Open(altered(t, true, map[string]any{c.key: c.v}, nil))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("caption model, %s = %v: error %v, want %q", c.key, c.v, err, c.want)
		}
	}
	for name, d := range map[string][]uint64{
		"token_embd.weight": nil, "output_norm.weight": {63}, "output.weight": {64, 63}, "blk.1.ffn_down.weight": {64, 96},
		"blk.0.attn_norm.weight": {8, 8}, "cond.class_embd.weight": nil, "blk.1.attn_output.weight": {80, 64, 1},
	} {
		_, err := Open(altered(t, false, nil, map[string][]uint64{name: d}))
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s with dimensions %v: error %v", name, d, err)
		}
	}
}

func TestDefaults(t *testing.T) {
	m, err := Open(altered(t, false, map[string]any{
		"llamagen.sampling.cfg_scale": 2.5, "llamagen.sampling.cfg_interval": 7, "llamagen.sampling.temperature": 0.5,
		"llamagen.sampling.top_k": 5, "llamagen.sampling.top_p": 0.5, "llamagen.sampling.window": 4,
		"general.name": nil, "llamagen.condition.class_names": strings.Fields("a b c d e f g h i j"),
	}, nil))
	if err != nil {
		t.Fatal(err)
	}
	d := m.Defaults()
	if d.Guidance.Scale != 2.5 || d.Guidance.Interval != 7 || d.Sampling.Temperature != 0.5 || d.Sampling.TopK != 5 || d.Sampling.TopP != 0.5 || d.Window != 4 {
		t.Errorf("defaults %+v", d)
	}
	if m.Name() != "LlamaGen" || !slices.Equal(m.ClassNames(), strings.Fields("a b c d e f g h i j")) {
		t.Errorf("name %q, classes %v", m.Name(), m.ClassNames())
	}
	for caption, want := range map[bool]Defaults{false: official(4, 2000), true: official(7.5, 1000)} {
		m, err := Open(altered(t, caption, map[string]any{"llamagen.sampling.top_k": nil, "llamagen.sampling.window": nil}, nil))
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Defaults(); got != want {
			t.Errorf("caption %v: defaults %+v, want %+v", caption, got, want)
		}
	}
}

// official are the settings of LlamaGen's sampling scripts.
func official(scale float32, topK int) (d Defaults) {
	d.Guidance.Scale, d.Guidance.Interval = scale, -1
	d.Sampling.Temperature, d.Sampling.TopK, d.Sampling.TopP = 1, topK, 1
	return d
}

func TestConditionsAreChecked(t *testing.T) {
	p := tensor.NewPool(1)
	defer p.Close()
	class, caption := tiny(t, testmodel.Options{}), tiny(t, testmodel.Options{Caption: true})
	if n, _ := class.CaptionShape(); n != 0 || class.Classes() != testmodel.Classes || caption.Classes() != 0 || caption.ClassNames() != nil {
		t.Error("a class model says that it is a caption model, or the reverse")
	}
	for _, n := range []int{-1, testmodel.Classes} {
		if _, err := class.Class(p, n); err == nil || !strings.Contains(err.Error(), "classes 0 to 9") {
			t.Errorf("class %d: error %v", n, err)
		}
	}
	if _, err := caption.Class(p, 0); err == nil {
		t.Error("a class for a caption model")
	}
	if _, err := class.Caption(p, make([]float32, testmodel.CaptionWidth), 1); err == nil {
		t.Error("a caption for a class model")
	}
	for _, n := range []int{0, testmodel.CaptionPositions + 1} {
		if _, err := caption.Caption(p, make([]float32, n*testmodel.CaptionWidth), n); err == nil {
			t.Errorf("a caption of %d positions", n)
		}
	}
	if _, err := caption.Caption(p, make([]float32, 5), 2); err == nil {
		t.Error("5 values for 2 positions")
	}
}

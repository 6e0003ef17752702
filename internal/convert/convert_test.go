package convert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/torchfile"
	"github.com/zipar/zipar/internal/torchfile/torchtest"
)

// golden is a checkpoint of the official code with what its shapes do not tell.
func golden(name string) Options {
	o := Options{Checkpoint: "../../testdata/golden/" + name + ".pt", Type: ggml.F32}
	if name != "vq-tiny" {
		o.Heads, o.Grid = new(2), &Grid{8, 8}
	}
	return o
}

// convertTo converts into a new folder and opens the result. It wants nothing else in the folder.
func convertTo(t *testing.T, o Options) (*gguf.File, *Result) {
	t.Helper()
	folder := t.TempDir()
	o.Out = filepath.Join(folder, "model.gguf")
	result, err := Convert(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
	f, err := gguf.Open(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if info, err := os.Stat(o.Out); err != nil || info.Size() != result.Size {
		t.Errorf("the file has %v bytes (%v), the result says %d", info.Size(), err, result.Size)
	}
	return f, result
}

// values reads all tensors of a checkpoint.
func values(t *testing.T, path string, keys ...string) []torchtest.Tensor {
	t.Helper()
	f, err := torchfile.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if len(keys) == 0 {
		keys = []string{"model"}
	}
	d, err := f.StateDict(keys...)
	if err != nil {
		t.Fatal(err)
	}
	var out []torchtest.Tensor
	for _, x := range d.Tensors {
		data := make([]float32, x.Len())
		r, err := x.Reader()
		if err != nil {
			t.Fatal(err)
		}
		if n, err := r.Read(data); n != len(data) || err != nil {
			t.Fatal(n, err)
		}
		out = append(out, torchtest.Tensor{Name: x.Name, Shape: x.Shape, Data: data})
	}
	return out
}

// nameIn is the contract of names, written down a second time: the official name -> ours.
func nameIn(official string, vq bool) string {
	if vq {
		return "vq." + official
	}
	switch official {
	case "tok_embeddings.weight":
		return "token_embd.weight"
	case "norm.weight":
		return "output_norm.weight"
	case "output.weight":
		return "output.weight"
	case "cls_embedding.embedding_table.weight":
		return "cond.class_embd.weight"
	case "cls_embedding.cap_proj.fc1.weight":
		return "cond.cap_fc1.weight"
	case "cls_embedding.cap_proj.fc2.weight":
		return "cond.cap_fc2.weight"
	case "cls_embedding.uncond_embedding":
		return "cond.uncond_embd.weight"
	}
	return strings.NewReplacer("layers.", "blk.",
		"attention.wqkv", "attn_qkv", "attention.wo", "attn_output", "attention_norm", "attn_norm",
		"feed_forward.w1", "ffn_gate", "feed_forward.w2", "ffn_down", "feed_forward.w3", "ffn_up").Replace(official)
}

// typeIn is the contract of types, written down a second time.
func typeIn(asked ggml.Type, official string, shape []int64) ggml.Type {
	switch {
	case len(shape) == 1, official == "quantize.embedding.weight", official == "cls_embedding.uncond_embedding":
		return ggml.F32
	case asked == ggml.Q8_0 && (len(shape) == 4 || shape[len(shape)-1]%32 != 0):
		return ggml.F16
	}
	return asked
}

// Every tensor of the official checkpoints arrives, under its name, in its type, with the values of the checkpoint.
func TestGoldenTensors(t *testing.T) {
	for _, typ := range []ggml.Type{ggml.F32, ggml.F16, ggml.BF16, ggml.Q8_0} {
		for _, name := range []string{"c2i-tiny", "t2i-tiny", "vq-tiny"} {
			o := golden(name)
			o.Type = typ
			f, result := convertTo(t, o)
			counts := map[ggml.Type]int{}
			for _, want := range values(t, o.Checkpoint) {
				if want.Name == "quantize.codebook_used" {
					continue
				}
				got, ok := f.Tensor(nameIn(want.Name, name == "vq-tiny"))
				if !ok {
					t.Errorf("%s %s: %q did not arrive", name, typ, want.Name)
					continue
				}
				wantType := typeIn(typ, want.Name, want.Shape)
				counts[wantType]++
				dims := make([]uint64, len(want.Shape))
				for i, d := range want.Shape {
					dims[len(dims)-1-i] = uint64(d)
				}
				if got.Type != wantType || !slices.Equal(got.Dims, dims) {
					t.Errorf("%s: %s is %s %v, want %s %v", name, got.Name, got.Type, got.Dims, wantType, dims)
					continue
				}
				data := make([]byte, wantType.RowSize(len(want.Data)))
				ggml.Quantize(wantType, data, want.Data)
				if !bytes.Equal(got.Data, data) {
					t.Errorf("%s %s: %s has other values", name, typ, got.Name)
				}
			}
			if n := counts[ggml.F32] + counts[ggml.F16] + counts[ggml.BF16] + counts[ggml.Q8_0]; len(f.Tensors) != n {
				t.Errorf("%s %s: %d tensors, want %d", name, typ, len(f.Tensors), n)
			}
			if !maps.Equal(result.Tensors, counts) {
				t.Errorf("%s %s: the result counts %v, want %v", name, typ, result.Tensors, counts)
			}
		}
	}
}

// keys renders all keys of a file.
func keys(f *gguf.File) map[string]string {
	m := make(map[string]string)
	for _, k := range f.Keys() {
		v, _ := f.Value(k)
		m[k] = fmt.Sprintf("%s %s", v.Type(), v)
	}
	return m
}

func TestGoldenKeys(t *testing.T) {
	class := map[string]string{
		"general.architecture":                      `string "llamagen"`,
		"general.type":                              `string "model"`,
		"general.name":                              `string "c2i-tiny"`,
		"general.file_type":                         "u32 0",
		"llamagen.vocab_size":                       "u32 512",
		"llamagen.block_count":                      "u32 3",
		"llamagen.embedding_length":                 "u32 64",
		"llamagen.feed_forward_length":              "u32 256",
		"llamagen.context_length":                   "u32 65",
		"llamagen.attention.head_count":             "u32 2",
		"llamagen.attention.head_count_kv":          "u32 2",
		"llamagen.attention.key_length":             "u32 32",
		"llamagen.attention.layer_norm_rms_epsilon": "f32 1e-05",
		"llamagen.rope.freq_base":                   "f32 10000",
		"llamagen.image.rows":                       "u32 8",
		"llamagen.image.columns":                    "u32 8",
		"llamagen.condition.kind":                   `string "class"`,
		"llamagen.condition.token_count":            "u32 1",
		"llamagen.condition.class_count":            "u32 10",
		"llamagen.sampling.cfg_scale":               "f32 4",
		"llamagen.sampling.cfg_interval":            "i32 -1",
		"llamagen.sampling.temperature":             "f32 1",
		"llamagen.sampling.top_k":                   "u32 2000",
		"llamagen.sampling.top_p":                   "f32 1",
	}
	vq := map[string]string{
		"vq.embedding_length": "u32 32",
		"vq.codebook_size":    "u32 512",
		"vq.codebook_dim":     "u32 8",
		"vq.norm_groups":      "u32 32",
		"vq.norm_epsilon":     "f32 1e-06",
		"vq.pixels_per_token": "u32 4",
	}
	f, _ := convertTo(t, golden("c2i-tiny"))
	wantKeys(t, f, class)

	o := golden("c2i-tiny")
	o.VQ, o.Type, o.Name = golden("vq-tiny").Checkpoint, ggml.Q8_0, "Tiny"
	o.KVHeads, o.RopeBase, o.NormEps = new(2), new(500.0), new(1e-6)
	o.CFGScale, o.CFGInterval, o.Temperature, o.TopK, o.TopP, o.Window = new(2.5), new(7), new(0.5), new(30), new(0.25), new(4)
	f, result := convertTo(t, o)
	both := maps.Clone(class)
	maps.Copy(both, vq)
	maps.Copy(both, map[string]string{
		"general.name":                              `string "Tiny"`,
		"general.file_type":                         "u32 7",
		"general.quantization_version":              "u32 2",
		"llamagen.attention.layer_norm_rms_epsilon": "f32 1e-06",
		"llamagen.rope.freq_base":                   "f32 500",
		"llamagen.image.pixels_per_token":           "u32 4",
		"llamagen.sampling.cfg_scale":               "f32 2.5",
		"llamagen.sampling.cfg_interval":            "i32 7",
		"llamagen.sampling.temperature":             "f32 0.5",
		"llamagen.sampling.top_k":                   "u32 30",
		"llamagen.sampling.top_p":                   "f32 0.25",
		"llamagen.sampling.window":                  "u32 4",
	})
	wantKeys(t, f, both)
	if len(result.Models) != 2 || !slices.Equal(result.Ignored, []string{"quantize.codebook_used"}) {
		t.Errorf("result %+v", result)
	}

	f, _ = convertTo(t, golden("t2i-tiny"))
	caption := maps.Clone(class)
	delete(caption, "llamagen.condition.class_count")
	maps.Copy(caption, map[string]string{
		"general.name":                        `string "t2i-tiny"`,
		"llamagen.context_length":             "u32 76",
		"llamagen.condition.kind":             `string "caption"`,
		"llamagen.condition.token_count":      "u32 12",
		"llamagen.condition.embedding_length": "u32 48",
		"llamagen.sampling.cfg_scale":         "f32 7.5",
		"llamagen.sampling.top_k":             "u32 1000",
	})
	wantKeys(t, f, caption)

	f, _ = convertTo(t, golden("vq-tiny"))
	alone := maps.Clone(vq)
	maps.Copy(alone, map[string]string{
		"general.architecture": `string "vqgan"`,
		"general.type":         `string "model"`,
		"general.name":         `string "vq-tiny"`,
		"general.file_type":    "u32 0",
	})
	wantKeys(t, f, alone)
}

func wantKeys(t *testing.T, f *gguf.File, want map[string]string) {
	t.Helper()
	got := keys(f)
	for k, w := range want {
		if got[k] != w {
			t.Errorf("%s: %s, want %s", k, got[k], w)
		}
		delete(got, k)
	}
	for k, v := range got {
		t.Errorf("%s: %s, not wanted", k, v)
	}
}

// The result tells where every number came from that no shape told.
func TestResult(t *testing.T) {
	o := golden("c2i-tiny")
	o.VQ = golden("vq-tiny").Checkpoint
	_, result := convertTo(t, o)
	var choices []string
	for _, c := range result.Choices {
		choices = append(choices, c.String())
	}
	want := []string{
		"rope base 10000, from the official models",
		"norm epsilon 1e-05, from the official models",
		"heads 2, from --heads",
		"key and value heads 2, from the shape of wqkv",
		"grid 8x8, from the command line",
		"norm groups 32, from the official models",
	}
	if !slices.Equal(choices, want) {
		t.Errorf("choices %q", choices)
	}
	for i, part := range []string{
		`c2i-tiny.pt: LlamaGen class model of 10 classes: 3 layers, width 64, 2 heads of 32 values, vocabulary 512, under "model"`,
		`vq-tiny.pt: image tokenizer (VQ): 512 codes of 8 values, 4 pixels a token, decoder and encoder, under "model"`,
	} {
		if !strings.HasSuffix(result.Models[i], part) {
			t.Errorf("model %q, want %q", result.Models[i], part)
		}
	}
	o = golden("t2i-tiny")
	if _, result = convertTo(t, o); !strings.Contains(result.Models[0], "LlamaGen caption model of 12 caption tokens: 3 layers") {
		t.Errorf("models %q", result.Models)
	}
}

func TestSameBytesTwice(t *testing.T) {
	for _, typ := range []ggml.Type{ggml.F16, ggml.Q8_0} {
		o := golden("t2i-tiny")
		o.Type = typ
		var files [2][]byte
		for i := range files {
			o.Out = filepath.Join(t.TempDir(), fmt.Sprint(i))
			if _, err := Convert(context.Background(), o); err != nil {
				t.Fatal(err)
			}
			var err error
			if files[i], err = os.ReadFile(o.Out); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(files[0], files[1]) {
			t.Errorf("%s: two conversions differ", typ)
		}
	}
}

func TestProgress(t *testing.T) {
	o := golden("vq-tiny")
	var last, total int64
	o.Progress = func(d, n int64) {
		if d <= last || d > n || (total != 0 && n != total) {
			t.Errorf("progress %d of %d after %d of %d", d, n, last, total)
		}
		last, total = d, n
	}
	convertTo(t, o)
	if last == 0 || last != total {
		t.Errorf("it ended at %d of %d", last, total)
	}
}

// checkpoint writes tensors to a file.
func checkpoint(t *testing.T, key string, tensors []torchtest.Tensor) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "made.pt")
	if err := torchtest.Write(path, key, tensors); err != nil {
		t.Fatal(err)
	}
	return path
}

// ramp is n different small values.
func ramp(n int64) []float32 {
	data := make([]float32, n)
	for i := range data {
		data[i] = float32(i%251)/256 - 0.5
	}
	return data
}

func filled(name string, shape ...int64) torchtest.Tensor {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	return torchtest.Tensor{Name: name, Shape: shape, Data: ramp(n)}
}

// classTensors is a class model of two layers.
func classTensors(vocab, dim, qkv, hidden, classes int64) []torchtest.Tensor {
	list := []torchtest.Tensor{
		filled("tok_embeddings.weight", vocab, dim), filled("cls_embedding.embedding_table.weight", classes+1, dim),
		filled("norm.weight", dim), filled("output.weight", vocab, dim),
	}
	for i := range 2 {
		layer := fmt.Sprintf("layers.%d.", i)
		list = append(list,
			filled(layer+"attention.wqkv.weight", qkv, dim), filled(layer+"attention.wo.weight", dim, dim),
			filled(layer+"feed_forward.w1.weight", hidden, dim), filled(layer+"feed_forward.w3.weight", hidden, dim),
			filled(layer+"feed_forward.w2.weight", dim, hidden),
			filled(layer+"attention_norm.weight", dim), filled(layer+"ffn_norm.weight", dim))
	}
	return list
}

// with replaces tensors of the same name, or adds them.
func with(list []torchtest.Tensor, more ...torchtest.Tensor) []torchtest.Tensor {
	return append(without(list, func(name string) bool {
		return slices.ContainsFunc(more, func(m torchtest.Tensor) bool { return m.Name == name })
	}), more...)
}

func without(list []torchtest.Tensor, drop func(name string) bool) []torchtest.Tensor {
	return slices.DeleteFunc(slices.Clone(list), func(x torchtest.Tensor) bool { return drop(x.Name) })
}

func named(name string) func(string) bool { return func(n string) bool { return n == name } }

// tiny are the options for classTensors(16, 32, ...) with 4 heads of 8 values.
func tiny(path string) Options {
	return Options{Checkpoint: path, Type: ggml.F32, Heads: new(4), Grid: &Grid{2, 3}}
}

func wantError(t *testing.T, err error, kind any, parts ...string) {
	t.Helper()
	if !errors.As(err, kind) {
		t.Errorf("got %v, want a %T with %q", err, kind, parts)
		return
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q lacks %q", err, p)
		}
	}
}

// fails converts and wants an error and an empty folder.
func fails(t *testing.T, o Options) error {
	t.Helper()
	folder := t.TempDir()
	o.Out = filepath.Join(folder, "model.gguf")
	result, err := Convert(context.Background(), o)
	if err == nil {
		t.Errorf("no error: %+v", result)
	}
	if entries, readErr := os.ReadDir(folder); readErr != nil || len(entries) != 0 {
		t.Errorf("%v: the folder has %v, %v", err, entries, readErr)
	}
	return err
}

func bad() any    { return new(*ModelError) }
func option() any { return new(*OptionError) }

func TestBadTransformers(t *testing.T) {
	good := classTensors(16, 32, 96, 64, 5)
	caption := with(without(good, named("cls_embedding.embedding_table.weight")), filled("cls_embedding.uncond_embedding", 3, 8),
		filled("cls_embedding.cap_proj.fc1.weight", 32, 8), filled("cls_embedding.cap_proj.fc2.weight", 32, 32))
	long := torchtest.Tensor{Name: "norm.weight", Shape: []int64{32}, Class: "LongStorage", Raw: make([]byte, 8*32)}
	for _, c := range []struct {
		name    string
		tensors []torchtest.Tensor
		want    []string
	}{
		{"missing matrix", without(good, named("layers.1.attention.wo.weight")), []string{`tensor "layers.1.attention.wo.weight": it is missing`}},
		{"missing output", without(good, named("output.weight")), []string{`tensor "output.weight": it is missing`}},
		{"missing layer", with(good, filled("layers.7.ffn_norm.weight", 32)), []string{`tensor "layers.2.attention_norm.weight": it is missing`}},
		{"a billion layers", with(good, filled("layers.999999999.ffn_norm.weight", 32)), []string{`"layers.2.attention_norm.weight": it is missing`}},
		{"no layers", without(good, func(n string) bool { return strings.HasPrefix(n, "layers.") }), []string{`"layers.0.feed_forward.w1.weight": it is missing`}},
		{"missing wqkv", without(good, named("layers.0.attention.wqkv.weight")), []string{`"layers.0.attention.wqkv.weight": it is missing`}},
		{"no condition", without(good, named("cls_embedding.embedding_table.weight")), []string{`"cls_embedding.embedding_table.weight": it is missing`}},
		{"two conditions", with(good, filled("cls_embedding.uncond_embedding", 3, 8)), []string{"the checkpoint has", "classes or captions"}},
		{"caption without uncond", without(caption, named("cls_embedding.uncond_embedding")), []string{`"cls_embedding.uncond_embedding": it is missing`}},
		{"caption without fc2", without(caption, named("cls_embedding.cap_proj.fc2.weight")), []string{`"cls_embedding.cap_proj.fc2.weight": it is missing`}},
		{"caption width", with(caption, filled("cls_embedding.cap_proj.fc1.weight", 32, 9)), []string{"shape [32 9], want [32 8]"}},
		{"shape of a layer", with(good, filled("layers.1.feed_forward.w2.weight", 64, 32)), []string{`"layers.1.feed_forward.w2.weight": shape [64 32], want [32 64]`}},
		{"shape of wqkv", with(good, filled("layers.1.attention.wqkv.weight", 64, 32)), []string{"shape [64 32], want [96 32]"}},
		{"shape of a norm", with(good, filled("norm.weight", 1, 32)), []string{"shape [1 32], want [32]"}},
		{"three dimensions", with(good, filled("tok_embeddings.weight", 16, 32, 1)), []string{"shape [16 32 1], want [any any]"}},
		{"no elements", with(good, filled("tok_embeddings.weight", 0, 32)), []string{"shape [0 32], want [any any]"}},
		{"output of another vocabulary", with(good, filled("output.weight", 17, 32)), []string{"shape [17 32], want [16 32]"}},
		{"one row of classes", with(good, filled("cls_embedding.embedding_table.weight", 1, 32)), []string{"shape [1 32]: want a row for each class and one more"}},
		{"integers", with(good, long), []string{`"norm.weight": its elements are int64, want floats`}},
		{"bias", with(good, filled("layers.0.attention.wqkv.bias", 96)), []string{`"layers.0.attention.wqkv.bias": a bias that no LlamaGen model has`}},
		{"query norm", with(good, filled("layers.0.attention.q_norm.weight", 8)), []string{`"layers.0.attention.q_norm.weight": it belongs to no LlamaGen model`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantError(t, fails(t, tiny(checkpoint(t, "model", c.tensors))), bad(), c.want...)
		})
	}
}

// Tensors outside of the model are left out, and named.
func TestIgnored(t *testing.T) {
	list := with(classTensors(16, 32, 96, 64, 5), filled("causal_mask", 2, 2), filled("loss.weight", 3), filled("layers.0.attention.kv_cache.k_cache", 4))
	f, result := convertTo(t, tiny(checkpoint(t, "", list)))
	want := []string{"causal_mask", "loss.weight", "layers.0.attention.kv_cache.k_cache"}
	if !slices.Equal(result.Ignored, want) || len(f.Tensors) != 18 {
		t.Errorf("ignored %q, converted %d", result.Ignored, len(f.Tensors))
	}
	if !strings.HasSuffix(result.Models[0], ", at the top level") {
		t.Errorf("%q", result.Models)
	}
}

func TestUnknownModel(t *testing.T) {
	o := tiny(checkpoint(t, "model", []torchtest.Tensor{filled("conv1.weight", 2), filled("fc.weight", 3)}))
	wantError(t, fails(t, o), bad(), "it is no LlamaGen model", `of its 2 tensors ("conv1.weight", "fc.weight" ...)`, `"tok_embeddings.weight"`, `"quantize.embedding.weight"`)
	o.Checkpoint = "convert_test.go"
	wantError(t, fails(t, o), new(*torchfile.FormatError), "no checkpoint of torch.save")
	o.Checkpoint = "no such file.pt"
	if err := fails(t, o); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	o = tiny(checkpoint(t, "weights", classTensors(16, 32, 96, 64, 5)))
	wantError(t, fails(t, o), new(*torchfile.FormatError), `no dict of tensors under "model", under "module"`)
}

// A damaged weight is found wherever it stands, and named with its place.
func TestWeightsOutOfRange(t *testing.T) {
	list := classTensors(16, 32, 96, 64, 5)
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	set := func(name string, index int64, v float32) string {
		for _, x := range list {
			if x.Name == name {
				x.Data = slices.Clone(x.Data)
				x.Data[index] = v
				return checkpoint(t, "model", with(list, x))
			}
		}
		t.Fatal(name)
		return ""
	}
	last := int64(16*32 - 1)
	for _, c := range []struct {
		typ   ggml.Type
		name  string
		index int64
		v     float32
		want  string // "" when it fits
	}{
		{ggml.F32, "output.weight", last, nan, `tensor "output.weight": element [15 31] is NaN; the checkpoint is damaged`},
		{ggml.Q8_0, "output.weight", 0, nan, "element [0 0] is NaN"},
		{ggml.F16, "norm.weight", 3, inf, `tensor "norm.weight": element [3] is +Inf`},
		{ggml.BF16, "output.weight", 32, -inf, "element [1 0] is -Inf"},
		{ggml.F16, "output.weight", 33, 65504, ""},
		{ggml.F16, "output.weight", 33, -65504, ""},
		{ggml.F16, "output.weight", 33, 65505, "element [1 1] is 65505, F16 holds at most 65504; use --type bf16 or f32"},
		{ggml.F16, "output.weight", 33, -70000, "element [1 1] is -70000, F16"},
		{ggml.F16, "norm.weight", 3, 70000, ""}, // stays F32
		{ggml.F32, "output.weight", 33, 70000, ""},
		{ggml.Q8_0, "output.weight", 33, 70000, ""},
		{ggml.Q8_0, "output.weight", 33, 1e7, "element [1 1] is 1e+07, Q8_0 holds at most"},
		{ggml.BF16, "output.weight", 33, 3.3e38, ""},
		{ggml.BF16, "output.weight", 33, math.MaxFloat32, "BF16 holds at most"},
	} {
		o := tiny(set(c.name, c.index, c.v))
		o.Type = c.typ
		if c.want != "" {
			wantError(t, fails(t, o), bad(), c.want)
			continue
		}
		f, _ := convertTo(t, o)
		got, _ := f.Tensor(c.name)
		if c.name == "norm.weight" {
			got, _ = f.Tensor("output_norm.weight")
		}
		back := make([]float32, got.Dims[0])
		row := int(c.index) / len(back)
		size := got.Type.RowSize(len(back))
		ggml.Dequantize(got.Type, back, got.Data[row*size:][:size])
		if x := back[int(c.index)%len(back)]; math.Abs(float64(x/c.v)-1) > 0.01 {
			t.Errorf("%s: %v became %v", c.typ, c.v, x)
		}
	}
}

func TestOptionsOutOfRange(t *testing.T) {
	for _, c := range []struct {
		set  func(*Options)
		want string
	}{
		{func(o *Options) { o.Type = ggml.Q4_K }, "--type: Q4_K cannot be written; f32, f16, bf16 and q8_0 can"},
		{func(o *Options) { o.Heads = new(0) }, "--heads: 0, want 1 to"},
		{func(o *Options) { o.KVHeads = new(-1) }, "--kv-heads: -1"},
		{func(o *Options) { o.Groups = new(0) }, "--groups: 0"},
		{func(o *Options) { o.CFGInterval = new(-2) }, "--cfg-interval: -2, want -1 to"},
		{func(o *Options) { o.TopK = new(-1) }, "--top-k: -1"},
		{func(o *Options) { o.Window = new(0) }, "--window: 0"},
		{func(o *Options) { o.RopeBase = new(1.0) }, "--rope-base: 1, want a number above 1"},
		{func(o *Options) { o.RopeBase = new(math.Inf(1)) }, "--rope-base: +Inf"},
		{func(o *Options) { o.NormEps = new(0.0) }, "--norm-eps: 0"},
		{func(o *Options) { o.NormEps = new(math.NaN()) }, "--norm-eps: NaN"},
		{func(o *Options) { o.CFGScale = new(-1.0) }, "--cfg-scale: -1"},
		{func(o *Options) { o.Temperature = new(-0.5) }, "--temp: -0.5"},
		{func(o *Options) { o.TopP = new(1.5) }, "--top-p: 1.5"},
		{func(o *Options) { o.TopP = new(0.0) }, "--top-p: 0"},
		{func(o *Options) { o.Grid = &Grid{0, 3} }, "--grid: 0x3"},
		{func(o *Options) { o.Grid = &Grid{1 << 20, 1 << 20} }, "--grid: 1048576x1048576"},
		{func(o *Options) { o.Window = new(9) }, "--window: 9, want at most the 8 columns"},
		{func(o *Options) { o.Groups = new(16) }, "--groups: it is for image tokenizers"},
		{func(o *Options) { o.VQ = o.Checkpoint }, "--vq: ../../testdata/golden/c2i-tiny.pt is a transformer"},
	} {
		o := golden("c2i-tiny")
		c.set(&o)
		wantError(t, fails(t, o), option(), c.want)
	}
}

func TestOptionsOfTransformersForATokenizer(t *testing.T) {
	for flag, set := range map[string]func(*Options){
		"--vq":           func(o *Options) { o.VQ = o.Checkpoint },
		"--heads":        func(o *Options) { o.Heads = new(2) },
		"--kv-heads":     func(o *Options) { o.KVHeads = new(2) },
		"--grid":         func(o *Options) { o.Grid = &Grid{8, 8} },
		"--rope-base":    func(o *Options) { o.RopeBase = new(100.0) },
		"--norm-eps":     func(o *Options) { o.NormEps = new(1e-5) },
		"--cfg-scale":    func(o *Options) { o.CFGScale = new(1.0) },
		"--cfg-interval": func(o *Options) { o.CFGInterval = new(1) },
		"--temp":         func(o *Options) { o.Temperature = new(1.0) },
		"--top-k":        func(o *Options) { o.TopK = new(1) },
		"--top-p":        func(o *Options) { o.TopP = new(1.0) },
		"--window":       func(o *Options) { o.Window = new(1) },
	} {
		o := golden("vq-tiny")
		set(&o)
		wantError(t, fails(t, o), option(), flag+": ", "vq-tiny.pt is an image tokenizer; this option is for transformers")
	}
}

func TestOutputPaths(t *testing.T) {
	list := classTensors(16, 32, 96, 64, 5)
	o := tiny(checkpoint(t, "model", list))
	before, err := os.ReadFile(o.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link.gguf")
	if err := os.Symlink(o.Checkpoint, link); err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{o.Checkpoint, filepath.Dir(o.Checkpoint) + "/./made.pt", link} {
		o.Out = out
		_, err := Convert(context.Background(), o)
		wantError(t, err, option(), "--out: ", "is an input itself")
	}
	o.VQ, o.Out = golden("vq-tiny").Checkpoint, golden("vq-tiny").Checkpoint
	_, err = Convert(context.Background(), o)
	wantError(t, err, option(), "--out: ", "is an input itself")
	if after, err := os.ReadFile(o.Checkpoint); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the checkpoint was changed: %v", err)
	}
	o.VQ, o.Out = "", filepath.Join(t.TempDir(), "no", "folder.gguf")
	if _, err := Convert(context.Background(), o); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("got %v", err)
	}
}

// An old file survives a conversion that fails or is stopped, and nothing else is left.
func TestOldFileSurvives(t *testing.T) {
	list := classTensors(16, 32, 96, 64, 5)
	folder := t.TempDir()
	o := tiny(checkpoint(t, "model", list))
	o.Out = filepath.Join(folder, "model.gguf")
	if err := os.WriteFile(o.Out, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	calls := 0
	o.Progress = func(done, total int64) {
		if calls++; calls == 5 {
			cancel()
		}
	}
	if _, err := Convert(ctx, o); !errors.Is(err, context.Canceled) || calls != 5 {
		t.Errorf("got %v after %d calls", err, calls)
	}
	check := func() {
		t.Helper()
		got, err := os.ReadFile(o.Out)
		entries, _ := os.ReadDir(folder)
		if err != nil || string(got) != "old" || len(entries) != 1 {
			t.Errorf("%q, %v, %v", got, err, entries)
		}
	}
	check()
	o.Progress = nil
	x := filled("output.weight", 16, 32)
	x.Data[500] = float32(math.NaN())
	o.Checkpoint = checkpoint(t, "model", with(list, x))
	_, err := Convert(context.Background(), o)
	wantError(t, err, bad(), "NaN")
	check()
}

// full is a writer that fails.
type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errors.New("disk full")
	}
	return len(p), nil
}

func TestWriteError(t *testing.T) {
	s, err := openSource(golden("c2i-tiny").Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	x := s.get(tokEmbeddings, 512, 64)
	e := entry{name: "token_embd.weight", from: elementsOf(x.Name, x.Shape, x), path: "x", typ: ggml.F32}
	st := &stream{ctx: context.Background()}
	if err := st.copy(&full{1000}, e); err == nil || err.Error() != "disk full" {
		t.Errorf("got %v", err)
	}
	if err := s.file.Close(); err != nil {
		t.Fatal(err)
	}
	wantError(t, st.copy(io.Discard, e), new(*torchfile.FormatError), "file already closed")
	if got := s.readAll(x); got != nil || s.err == nil {
		t.Errorf("read %d elements of a closed file, %v", len(got), s.err)
	}
}

// A conversion holds a chunk in memory, not a tensor and not the model.
func TestMemory(t *testing.T) {
	const rows, width = 8192, 256 // 8 MB a tensor, 40 MB in all
	list := classTensors(rows, width, 3*width, rows, 5)
	o := Options{Checkpoint: checkpoint(t, "model", list), Type: ggml.Q8_0, Heads: new(4), Grid: &Grid{16, 16}}
	info, err := os.Stat(o.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() < 32<<20 {
		t.Fatalf("the checkpoint has only %d bytes", info.Size())
	}
	list = nil
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	var most uint64
	calls := 0
	o.Progress = func(done, total int64) {
		if calls++; calls%16 == 0 {
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
		}
	}
	convertTo(t, o)
	runtime.ReadMemStats(&now)
	const limit = 6 << 20 // less than one tensor; what is allocated in all is that little, collected or not
	if most > before.HeapAlloc+limit || now.TotalAlloc-before.TotalAlloc > limit {
		t.Errorf("%d bytes on the heap beyond %d, %d allocated in all; the limit is %d of a checkpoint of %d",
			most-before.HeapAlloc, before.HeapAlloc, now.TotalAlloc-before.TotalAlloc, limit, info.Size())
	}
	if calls < 100 {
		t.Errorf("only %d chunks", calls)
	}
}

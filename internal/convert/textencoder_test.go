package convert

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/safetensors"
	"github.com/zipar/zipar/internal/t5"
	"github.com/zipar/zipar/internal/torchfile/torchtest"
)

// encoderFixture is the tiny T5 encoder of internal/t5, under the names that llama.cpp's converter gives its tensors.
func encoderFixture(t *testing.T) *gguf.File {
	t.Helper()
	f, err := gguf.Open("../t5/testdata/encoder.gguf")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// hfName is the contract of names, written down a second time: llama.cpp's name -> Hugging Face's.
func hfName(name string) string {
	switch name {
	case "token_embd.weight":
		return "shared.weight"
	case "enc.output_norm.weight":
		return "encoder.final_layer_norm.weight"
	}
	return strings.NewReplacer("enc.blk.", "encoder.block.",
		"attn_rel_b", "layer.0.SelfAttention.relative_attention_bias", "attn_norm", "layer.0.layer_norm",
		"attn_", "layer.0.SelfAttention.", "ffn_norm", "layer.1.layer_norm",
		"ffn_gate", "layer.1.DenseReluDense.wi_0", "ffn_up", "layer.1.DenseReluDense.wi_1", "ffn_down", "layer.1.DenseReluDense.wo").Replace(name)
}

// hfVocab is the number of rows of the embedding in hfTensors: more than tokens, as T5s have it.
const hfVocab = 160

// hfTensors are the fixture's tensors under Hugging Face's names, the embedding with more rows.
func hfTensors(t *testing.T) []torchtest.Tensor {
	t.Helper()
	var list []torchtest.Tensor
	for _, x := range encoderFixture(t).Tensors {
		shape := make([]int64, len(x.Dims))
		for i, d := range x.Dims {
			shape[len(shape)-1-i] = int64(d)
		}
		data := valuesOf(x)
		if x.Name == "token_embd.weight" {
			more := ramp((hfVocab - shape[0]) * shape[1])
			shape[0], data = hfVocab, append(data, more...)
		}
		list = append(list, torchtest.Tensor{Name: hfName(x.Name), Shape: shape, Data: data})
	}
	return list
}

// hfConfig is the fixture's config.json; changes replace keys, nil removes them.
func hfConfig(changes map[string]any) []byte {
	config := map[string]any{
		"model_type": "t5", "architectures": []string{"T5EncoderModel"}, "vocab_size": hfVocab, "d_model": 32, "d_kv": 16, "d_ff": 96,
		"num_layers": 3, "num_heads": 4, "relative_attention_num_buckets": 32, "relative_attention_max_distance": 128,
		"n_positions": 77, "layer_norm_epsilon": 1e-6, "feed_forward_proj": "gated-gelu", "decoder_start_token_id": 0,
	}
	maps.Copy(config, changes)
	maps.DeleteFunc(config, func(_ string, v any) bool { return v == nil })
	data, err := json.Marshal(config)
	if err != nil {
		panic(err)
	}
	return data
}

// spieceModel is a SentencePiece Unigram model of 50 pieces: a protocol buffer message.
func spieceModel() []byte {
	field := func(b []byte, number int, content []byte) []byte {
		b = binary.AppendUvarint(b, uint64(number<<3|2))
		b = binary.AppendUvarint(b, uint64(len(content)))
		return append(b, content...)
	}
	var model []byte
	for i := range 50 {
		text, typ := fmt.Sprintf("\u2581w%d", i), 1
		if i < 3 {
			text, typ = []string{"<pad>", "</s>", "<unk>"}[i], []int{3, 3, 2}[i]
		}
		piece := field(nil, 1, []byte(text))
		piece = binary.LittleEndian.AppendUint32(append(piece, 2<<3|5), math.Float32bits(-float32(i)))
		piece = append(piece, 3<<3, byte(typ))
		model = field(model, 1, piece)
	}
	model = field(model, 2, []byte{3 << 3, 1})                      // trainer: Unigram
	return field(model, 3, []byte{3 << 3, 1, 4 << 3, 1, 5 << 3, 1}) // normaliser: dummy prefix, collapsed and marked spaces
}

// safetensorsFile is a file with these tensors, as F32.
func safetensorsFile(list []torchtest.Tensor) []byte {
	header, body := map[string]any{"__metadata__": map[string]string{"format": "pt"}}, []byte{}
	for _, x := range list {
		start := len(body)
		for _, v := range x.Data {
			body = binary.LittleEndian.AppendUint32(body, math.Float32bits(v))
		}
		header[x.Name] = map[string]any{"dtype": "F32", "shape": x.Shape, "data_offsets": []int{start, len(body)}}
	}
	text, err := json.Marshal(header)
	if err != nil {
		panic(err)
	}
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...), body...)
}

// writeFolder writes files into a new folder called t5.
func writeFolder(t *testing.T, files map[string][]byte) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "t5")
	if err := os.Mkdir(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// hfFolder is the fixture in one safetensors file, with changes.
func hfFolder(t *testing.T, config map[string]any, tensors []torchtest.Tensor) string {
	t.Helper()
	return writeFolder(t, map[string][]byte{
		"config.json": hfConfig(config), "spiece.model": spieceModel(), "model.safetensors": safetensorsFile(tensors),
	})
}

// wantEncoder checks that a file holds the fixture's encoder, its matrices as F16, and the tokenizer.
func wantEncoder(t *testing.T, f *gguf.File, tokenEmbd string) {
	t.Helper()
	for _, want := range encoderFixture(t).Tensors {
		name, data := want.Name, want.Data
		if name == "token_embd.weight" {
			name = tokenEmbd
		}
		got, ok := f.Tensor(name)
		if !ok {
			t.Errorf("%q did not arrive", name)
			continue
		}
		if name == tokenEmbd {
			got = &gguf.Tensor{Type: got.Type, Dims: []uint64{32, 64}, Data: got.Data[:len(data)]}
		}
		if got.Type != want.Type || !slices.Equal(got.Dims, want.Dims) || !bytes.Equal(got.Data, data) {
			t.Errorf("%q is %s %v, want %s %v, or its data differs", name, got.Type, got.Dims, want.Type, want.Dims)
		}
	}
	e, err := t5.OpenEncoder(f)
	if err != nil {
		t.Fatal(err)
	}
	if want := (t5.EncoderConfig{Vocab: hfVocab, Layers: 3, Dim: 32, Hidden: 96, Heads: 4, HeadDim: 16, Buckets: 32, Eps: 1e-6}); e.EncoderConfig != want {
		t.Errorf("the encoder is %+v, want %+v", e.EncoderConfig, want)
	}
	tokens, err := t5.FromGGUF(f)
	if err != nil {
		t.Fatal(err)
	}
	if got := tokens.Encode("w7 w49 w3"); !slices.Equal(got, []int32{7, 49, 3}) || tokens.Size() != hfVocab || tokens.Piece(50) != "<extra_id_99>" {
		t.Errorf("the tokenizer has %d tokens, token 50 is %q, and the text gives %v", tokens.Size(), tokens.Piece(50), got)
	}
}

// haveKeys checks some keys of a file.
func haveKeys(t *testing.T, f *gguf.File, want map[string]string) {
	t.Helper()
	got := keys(f)
	for key, v := range want {
		if got[key] != v {
			t.Errorf("%s: %s, want %s", key, got[key], v)
		}
	}
}

// A folder in all its forms becomes the same file, byte for byte.
func TestTextEncoderForms(t *testing.T) {
	list := hfTensors(t)
	torch := func(list []torchtest.Tensor) []byte {
		data, err := os.ReadFile(checkpoint(t, "", list))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	decoder := []torchtest.Tensor{filled("decoder.block.0.layer.0.layer_norm.weight", 32), filled("lm_head.weight", 4, 32)}
	index := func(parts ...string) []byte {
		where := map[string]string{"lm_head.weight": "far-away.bin"} // a shard that is not there, with nothing of the encoder in it
		for i, x := range list {
			where[x.Name] = parts[i*len(parts)/len(list)]
		}
		data, err := json.Marshal(map[string]any{"metadata": map[string]any{"total_size": 5}, "weight_map": where})
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	half := len(list) / 2
	if len(list)%2 != 0 {
		half++
	}
	noShared := with(without(list, named("shared.weight")), torchtest.Tensor{Name: "encoder.embed_tokens.weight", Shape: list[0].Shape, Data: list[0].Data})
	var first []byte
	for _, c := range []struct {
		name  string
		files map[string][]byte
	}{
		{"safetensors", map[string][]byte{"model.safetensors": safetensorsFile(list)}},
		{"with a decoder", map[string][]byte{"model.safetensors": safetensorsFile(append(slices.Clone(list), decoder...))}},
		{"embedding under its other name", map[string][]byte{"model.safetensors": safetensorsFile(noShared)}},
		{"embedding under both names", map[string][]byte{"model.safetensors": safetensorsFile(append(slices.Clone(noShared), list[0]))}},
		{"safetensors in shards", map[string][]byte{
			"model.safetensors.index.json": index("a.safetensors", "b.safetensors"), "model.safetensors": []byte("not read"),
			"a.safetensors": safetensorsFile(list[:half]), "b.safetensors": safetensorsFile(list[half:])}},
		{"PyTorch", map[string][]byte{"pytorch_model.bin": torch(list)}},
		{"PyTorch in shards", map[string][]byte{
			"pytorch_model.bin.index.json": index("a.bin", "b.bin"), "a.bin": torch(list[:half]), "b.bin": torch(list[half:])}},
	} {
		c.files["config.json"], c.files["spiece.model"] = hfConfig(nil), spieceModel()
		f, result := convertTo(t, Options{TextEncoder: writeFolder(t, c.files), Type: ggml.F16})
		data, err := os.ReadFile(f.Path)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = data
			wantEncoder(t, f, "token_embd.weight")
			haveKeys(t, f, map[string]string{
				"general.architecture": `string "t5encoder"`, "general.type": `string "model"`, "general.name": `string "t5"`, "general.file_type": "u32 1",
				"t5encoder.context_length": "u32 77", "t5encoder.embedding_length": "u32 32", "t5encoder.feed_forward_length": "u32 96",
				"t5encoder.block_count": "u32 3", "t5encoder.attention.head_count": "u32 4", "t5encoder.attention.key_length": "u32 16",
				"t5encoder.attention.value_length": "u32 16", "t5encoder.attention.relative_buckets_count": "u32 32",
				"t5encoder.attention.layer_norm_epsilon": "f32 1e-06", "t5encoder.attention.layer_norm_rms_epsilon": "f32 1e-06",
			})
			if len(result.Models) != 1 || !strings.HasSuffix(result.Models[0], "T5 text encoder: 3 layers, width 32, 4 heads of 16 values, vocabulary 160, tokenizer from spiece.model") {
				t.Errorf("recognised as %q", result.Models)
			}
		}
		if !bytes.Equal(data, first) {
			t.Errorf("%s: another file", c.name)
		}
	}
}

// tokenizer.json serves where there is no spiece.model. The tokens are those that it lists.
func TestTextEncoderTokenizerJSON(t *testing.T) {
	pieces := [][]any{{"<pad>", 0}, {"</s>", 0}, {"<unk>", 0}, {"\u2581a", -1}, {"b", -2}}
	data, err := json.Marshal(map[string]any{
		"added_tokens":  []any{map[string]any{"id": 1, "content": "</s>", "special": true}, map[string]any{"id": 5, "content": "<extra_id_0>", "special": true}},
		"pre_tokenizer": map[string]any{"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": true},
		"model":         map[string]any{"type": "Unigram", "unk_id": 2, "vocab": pieces},
	})
	if err != nil {
		t.Fatal(err)
	}
	f, _ := convertTo(t, Options{Type: ggml.Q8_0, TextEncoder: writeFolder(t, map[string][]byte{
		"config.json": hfConfig(nil), "tokenizer.json": data, "model.safetensors": safetensorsFile(hfTensors(t))})})
	tokens, err := t5.FromGGUF(f)
	if err != nil {
		t.Fatal(err)
	}
	if got := tokens.Encode("ab"); !slices.Equal(got, []int32{3, 4}) || tokens.Size() != hfVocab || tokens.Piece(5) != "<extra_id_0>" {
		t.Errorf("%d tokens, token 5 is %q, the text gives %v", tokens.Size(), tokens.Piece(5), got)
	}
	if x, _ := f.Tensor("enc.blk.0.attn_q.weight"); x.Type != ggml.Q8_0 {
		t.Errorf("matrices are %s", x.Type)
	}
	if v, err := f.Uint("general.quantization_version"); v != 2 || err != nil {
		t.Errorf("general.quantization_version is %d, %v", v, err)
	}
}

// captionTensors is a caption model that takes captions of this width.
func captionTensors(width int64) []torchtest.Tensor {
	return with(without(classTensors(16, 32, 96, 64, 5), named("cls_embedding.embedding_table.weight")),
		filled("cls_embedding.uncond_embedding", 3, width),
		filled("cls_embedding.cap_proj.fc1.weight", 32, width), filled("cls_embedding.cap_proj.fc2.weight", 32, 32))
}

// A transformer and its text encoder in one file: two token embeddings, the keys of both, and the tensors of both as they are
// when converted alone.
func TestTextEncoderBundle(t *testing.T) {
	o := tiny(checkpoint(t, "model", captionTensors(32)))
	o.Type, o.TextEncoder = ggml.F16, hfFolder(t, nil, hfTensors(t))
	f, result := convertTo(t, o)
	wantEncoder(t, f, "enc.token_embd.weight")
	if len(result.Models) != 2 || !strings.Contains(result.Models[1], "T5 text encoder") {
		t.Errorf("recognised as %q", result.Models)
	}
	haveKeys(t, f, map[string]string{
		"general.architecture": `string "llamagen"`, "llamagen.embedding_length": "u32 32", "t5encoder.embedding_length": "u32 32", "t5encoder.block_count": "u32 3",
	})
	o.TextEncoder = ""
	alone, _ := convertTo(t, o)
	for _, want := range alone.Tensors {
		if got, ok := f.Tensor(want.Name); !ok || !bytes.Equal(got.Data, want.Data) {
			t.Errorf("%q of the transformer is missing or another", want.Name)
		}
	}
	if got, want := len(f.Tensors), len(alone.Tensors)+len(encoderFixture(t).Tensors); got != want {
		t.Errorf("%d tensors, want %d", got, want)
	}
}

// The encoder of a GGUF file goes over with its types, its keys under one architecture whatever it was, without its decoder.
func TestTextEncoderFromGGUF(t *testing.T) {
	made, _ := convertTo(t, Options{TextEncoder: hfFolder(t, nil, hfTensors(t)), Type: ggml.Q8_0})
	w := gguf.NewWriter()
	for _, key := range made.Keys() {
		v, _ := made.Value(key)
		if key == "general.architecture" {
			v = gguf.Of("t5")
		}
		w.Set(strings.Replace(key, "t5encoder.", "t5.", 1), v)
	}
	w.SetUint32("t5.decoder_block_count", 3)
	w.SetUint32("t5.decoder_start_token_id", 0)
	addTensor := func(name string, x *gguf.Tensor) { w.AddTensor(name, x.Dims, x.Type, writeAll(x.Data)) }
	for _, x := range made.Tensors {
		addTensor(x.Name, x)
	}
	addTensor("dec.output_norm.weight", made.Tensors[len(made.Tensors)-1])
	path := filepath.Join(t.TempDir(), "t5.gguf")
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	o := tiny(checkpoint(t, "model", captionTensors(32)))
	o.TextEncoder = path
	f, _ := convertTo(t, o)
	for _, want := range made.Tensors {
		name := want.Name
		if name == "token_embd.weight" {
			name = "enc.token_embd.weight"
		}
		if got, ok := f.Tensor(name); !ok || got.Type != want.Type || !slices.Equal(got.Dims, want.Dims) || !bytes.Equal(got.Data, want.Data) {
			t.Errorf("%q did not arrive as it was", name)
		}
	}
	if _, ok := f.Tensor("dec.output_norm.weight"); ok {
		t.Error("a decoder's tensor arrived")
	}
	got, want := keys(f), keys(made)
	for key, v := range want {
		if !strings.HasPrefix(key, "general.") && got[key] != v {
			t.Errorf("%s is %s, want %s", key, got[key], v)
		}
	}
	for key := range got {
		if strings.HasPrefix(key, "t5.") || strings.Contains(key, "decoder") {
			t.Errorf("%s arrived", key)
		}
	}
	if v, err := f.Uint("general.quantization_version"); v != 2 || err != nil {
		t.Errorf("general.quantization_version is %d, %v", v, err)
	}
	// The bundle in turn is a source of the same encoder.
	o.TextEncoder = f.Path
	again, _ := convertTo(t, o)
	a, errA := os.ReadFile(f.Path)
	bb, errB := os.ReadFile(again.Path)
	if errA != nil || errB != nil || !bytes.Equal(a, bb) {
		t.Errorf("from a bundle: another file (%v, %v)", errA, errB)
	}

	o.Checkpoint, o.Heads, o.Grid = "", nil, nil
	wantError(t, fails(t, o), option(), "--text-encoder", "is a GGUF file already")
}

// Config, weights and tokenizer that do not make an encoder.
func TestTextEncoderRefuses(t *testing.T) {
	list := hfTensors(t)
	q0 := "encoder.block.0.layer.0.SelfAttention.q.weight"
	swap := func(x torchtest.Tensor) []torchtest.Tensor { return with(list, x) }
	lack := func(name string) []torchtest.Tensor { return without(list, named(name)) }
	for _, c := range []struct {
		config  map[string]any
		tensors []torchtest.Tensor
		want    []string
	}{
		{map[string]any{"model_type": "llama"}, list, []string{"config.json", `model_type is "llama", want "t5"`}},
		{map[string]any{"feed_forward_proj": nil}, list, []string{"config.json", `feed_forward_proj is "relu"`, "T5 v1.0 is not"}},
		{map[string]any{"feed_forward_proj": "gated-silu"}, list, []string{`"gated-silu"`}},
		{map[string]any{"relative_attention_max_distance": 64}, list, []string{"relative_attention_max_distance is 64, want 128"}},
		{map[string]any{"layer_norm_epsilon": 0}, list, []string{"layer_norm_epsilon is 0"}},
		{map[string]any{"n_positions": -1}, list, []string{"n_positions is -1"}},
		{map[string]any{"d_model": "32"}, list, []string{"config.json", "d_model"}},
		{map[string]any{"d_model": 64}, list, []string{"config.json", "d_model is 64, the tensors beside it say 32"}},
		{map[string]any{"num_heads": 8}, list, []string{"num_heads is 8, the tensors beside it say 4"}},
		{map[string]any{"num_layers": 2}, list, []string{"num_layers is 2, the tensors beside it say 3"}},
		{map[string]any{"d_ff": 95}, list, []string{"d_ff is 95, the tensors beside it say 96"}},
		{nil, lack("shared.weight"), []string{`"encoder.embed_tokens.weight"`, "it is missing"}},
		{nil, lack("encoder.final_layer_norm.weight"), []string{`"encoder.final_layer_norm.weight"`, "it is missing"}},
		{nil, lack("encoder.block.1.layer.1.DenseReluDense.wo.weight"), []string{`"encoder.block.1.layer.1.DenseReluDense.wo.weight"`, "it is missing"}},
		{map[string]any{"num_layers": nil}, lack("encoder.block.2.layer.0.SelfAttention.q.weight"), []string{`"encoder.block.2.`, "it belongs to no T5 encoder"}},
		{nil, with(lack("encoder.block.0.layer.1.DenseReluDense.wi_0.weight"), filled("encoder.block.0.layer.1.DenseReluDense.wi.weight", 96, 32)),
			[]string{`"encoder.block.0.layer.1.DenseReluDense.wi.weight"`, "plain ReLU (T5 v1.0)"}},
		{nil, with(list, filled("encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight", 32, 4)), []string{"encoder.block.1.", "it belongs to no T5 encoder"}},
		{nil, swap(filled(q0, 66, 32)), []string{q0, "66 rows cannot be shared by 4 heads"}},
		{nil, swap(filled("encoder.block.0.layer.0.SelfAttention.k.weight", 32, 64)), []string{"SelfAttention.k", "shape [32 64], want [64 32]"}},
		{map[string]any{"relative_attention_num_buckets": 33}, swap(filled("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", 33, 4)),
			[]string{"relative_attention_bias", "want an even number of rows"}},
		{map[string]any{"vocab_size": 149}, swap(filled("shared.weight", 149, 32)), []string{"spiece.model", "it has 150 tokens, shared.weight has rows for 149"}},
	} {
		wantError(t, fails(t, Options{TextEncoder: hfFolder(t, c.config, c.tensors), Type: ggml.F32}), bad(), c.want...)
	}
}

// Folders whose files are missing, damaged or lead elsewhere.
func TestTextEncoderFolders(t *testing.T) {
	list := hfTensors(t)
	model := safetensorsFile(list)
	good := map[string][]byte{"config.json": hfConfig(nil), "spiece.model": spieceModel(), "model.safetensors": model}
	index := func(text string) map[string][]byte {
		return map[string][]byte{"model.safetensors": nil, "model.safetensors.index.json": []byte(text)}
	}
	for _, c := range []struct {
		name   string
		change map[string][]byte // nil removes
		kind   any
		want   []string
	}{
		{"no config", map[string][]byte{"config.json": nil}, bad(), []string{"has no config.json"}},
		{"config of no JSON", map[string][]byte{"config.json": []byte("{")}, bad(), []string{"config.json", "unexpected end"}},
		{"no tokenizer", map[string][]byte{"spiece.model": nil}, bad(), []string{"neither spiece.model nor tokenizer.json"}},
		{"damaged tokenizer", map[string][]byte{"spiece.model": []byte("<!DOCTYPE html>")}, bad(), []string{"spiece.model", "not a SentencePiece model"}},
		{"no weights", map[string][]byte{"model.safetensors": nil}, bad(), []string{"has no weights: none of model.safetensors.index.json, model.safetensors"}},
		{"cut weights", map[string][]byte{"model.safetensors": model[:len(model)-1]}, new(*safetensors.FormatError), []string{"model.safetensors", "the download is not complete"}},
		{"a pointer", map[string][]byte{"model.safetensors": []byte("version https://git-lfs.github.com/spec/v1\n")}, new(*safetensors.FormatError), []string{"git-LFS pointer"}},
		{"index of no JSON", index("<html>"), bad(), []string{"index.json", "invalid character"}},
		{"empty index", index("{}"), bad(), []string{"it has no weight_map"}},
		{"index to elsewhere", index(`{"weight_map": {"shared.weight": "../secret.safetensors"}}`), bad(), []string{`"../secret.safetensors"`, "want the name of a file in the same folder"}},
		{"index to the root", index(`{"weight_map": {"shared.weight": "/etc/passwd"}}`), bad(), []string{`"/etc/passwd"`, "want the name of a file in the same folder"}},
		{"index to the folder above", index(`{"weight_map": {"shared.weight": ".."}}`), bad(), []string{`".."`}},
		{"index to the folder", index(`{"weight_map": {"shared.weight": "."}}`), bad(), []string{`"."`, "want the name of a file in the same folder"}},
		{"shard without the tensor", map[string][]byte{"model.safetensors": nil, "a.safetensors": safetensorsFile(list[1:]),
			"model.safetensors.index.json": []byte(`{"weight_map": {"shared.weight": "a.safetensors"}}`)}, bad(), []string{`"shared.weight"`, "in a.safetensors, which has it not"}},
	} {
		files := maps.Clone(good)
		maps.Copy(files, c.change)
		maps.DeleteFunc(files, func(_ string, data []byte) bool { return data == nil })
		t.Run(c.name, func(t *testing.T) {
			wantError(t, fails(t, Options{TextEncoder: writeFolder(t, files), Type: ggml.F32}), c.kind, c.want...)
		})
	}
	missing := writeFolder(t, map[string][]byte{"config.json": hfConfig(nil), "spiece.model": spieceModel(),
		"model.safetensors.index.json": []byte(`{"weight_map": {"shared.weight": "a.safetensors"}}`)})
	if err := fails(t, Options{TextEncoder: missing, Type: ggml.F32}); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "a.safetensors") {
		t.Errorf("a missing shard: %v", err)
	}
	if err := fails(t, Options{TextEncoder: filepath.Join(missing, "none"), Type: ggml.F32}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
}

// What goes with what.
func TestTextEncoderOptions(t *testing.T) {
	folder := hfFolder(t, nil, hfTensors(t))
	text := func(o Options) Options { o.TextEncoder = folder; return o }
	wantError(t, fails(t, text(tiny(checkpoint(t, "model", classTensors(16, 32, 96, 64, 5))))), option(), "--text-encoder", "draws classes and takes no text")
	wantError(t, fails(t, text(tiny(checkpoint(t, "model", captionTensors(48))))), option(), "--text-encoder", "have 32 numbers, the model takes captions of 48")
	wantError(t, fails(t, text(golden("vq-tiny"))), option(), "--text-encoder", "is an image tokenizer")
	wantError(t, fails(t, Options{TextEncoder: folder, Type: ggml.F32, Heads: new(4)}), option(), "--heads", "converted alone")
	wantError(t, fails(t, Options{TextEncoder: folder, Type: ggml.F32, Groups: new(4)}), option(), "--groups", "converted alone")
	wantError(t, fails(t, Options{TextEncoder: folder, Type: ggml.F32, VQ: "x.pt"}), option(), "--vq", "converted alone")
	wantError(t, fails(t, Options{Type: ggml.F32}), option(), "needed, or a text encoder")

	before, err := os.ReadFile(filepath.Join(folder, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Convert(context.Background(), Options{TextEncoder: folder, Type: ggml.F32, Out: filepath.Join(folder, "model.safetensors")})
	wantError(t, err, option(), "--out")
	if after, err := os.ReadFile(filepath.Join(folder, "model.safetensors")); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the weights have been written over (%v)", err)
	}
}

// writeAll fills a tensor with data.
func writeAll(data []byte) func(io.Writer) error {
	return func(dst io.Writer) error {
		_, err := dst.Write(data)
		return err
	}
}

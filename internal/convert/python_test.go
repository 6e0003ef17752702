package convert

// scripts/convert_llamagen.py is this package in Python: the same inputs make the same files, and are refused for the same
// reason. The tests need a Python with PyTorch, NumPy and gguf, which scripts/test finds or installs.

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/safetensors"
	"github.com/zipar/zipar/internal/t5"
	"github.com/zipar/zipar/internal/torchfile"
	"github.com/zipar/zipar/internal/torchfile/torchtest"
)

// python is a command that runs Python with these arguments, or nil if the test has been skipped.
func python(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	interpreter := os.Getenv("ZIPAR_PYTHON")
	if interpreter == "" {
		t.Skip("ZIPAR_PYTHON does not name a Python with PyTorch, NumPy and gguf; scripts/test sets it and runs this test, too")
	}
	cmd := exec.Command(interpreter, args...)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	return cmd
}

// outcome is how a run of the script ended.
type outcome struct {
	Code   int    `json:"code"`
	Stderr string `json:"stderr"`
}

// runScript runs the script for each list of arguments.
func runScript(t *testing.T, runs [][]string) []outcome {
	t.Helper()
	cmd := python(t, "testdata/python_batch.py", "../../scripts")
	in, err := json.Marshal(runs)
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	var outcomes []outcome
	if err := json.Unmarshal(out, &outcomes); err != nil || len(outcomes) != len(runs) {
		t.Fatalf("%d outcomes of %d, %v: %s", len(outcomes), len(runs), err, out)
	}
	return outcomes
}

// arguments are the options as the command line takes them.
func arguments(o Options) []string {
	args := []string{"--type", strings.ToLower(o.Type.String()), "--out", o.Out}
	text := func(flag, v string) {
		if v != "" {
			args = append(args, flag, v)
		}
	}
	integer := func(flag string, v *int) {
		if v != nil {
			args = append(args, flag, strconv.Itoa(*v))
		}
	}
	number := func(flag string, v *float64) {
		if v != nil {
			args = append(args, flag, strconv.FormatFloat(*v, 'g', -1, 64))
		}
	}
	text("--vq", o.VQ)
	text("--text-encoder", o.TextEncoder)
	text("--name", o.Name)
	text("--author", o.Author)
	text("--description", o.Description)
	text("--license", o.License)
	text("--attribution", o.Attribution)
	integer("--heads", o.Heads)
	integer("--kv-heads", o.KVHeads)
	integer("--groups", o.Groups)
	integer("--cfg-interval", o.CFGInterval)
	integer("--top-k", o.TopK)
	integer("--window", o.Window)
	number("--rope-base", o.RopeBase)
	number("--norm-eps", o.NormEps)
	number("--cfg-scale", o.CFGScale)
	number("--temp", o.Temperature)
	number("--top-p", o.TopP)
	if o.Grid != nil {
		args = append(args, "--grid", fmt.Sprintf("%dx%d", o.Grid.Rows, o.Grid.Cols))
	}
	if o.Checkpoint != "" {
		args = append(args, o.Checkpoint)
	}
	return args
}

// pythonCase is an input for both converters.
type pythonCase struct {
	name    string
	options Options // without Type and Out
}

func goldenCases() []pythonCase {
	both := golden("c2i-tiny")
	both.VQ = golden("vq-tiny").Checkpoint
	hd20, gqa, g8 := golden("c2i-hd20"), golden("c2i-gqa"), Options{Checkpoint: golden("vq-g8").Checkpoint, Groups: new(8)}
	hd20.Heads, hd20.Grid = new(3), &Grid{6, 6}
	gqa.Heads, gqa.Grid = new(4), &Grid{6, 6}
	all := both
	all.KVHeads, all.Groups, all.RopeBase, all.NormEps, all.Name = new(2), new(16), new(500.0), new(1e-6), "Tiny: bäum"
	all.CFGScale, all.CFGInterval, all.Temperature, all.TopK, all.TopP, all.Window = new(2.3), new(7), new(0.1), new(30), new(0.7), new(4)
	all.Author, all.Description, all.License, all.Attribution = "Jöns", "Draws\nnoise.", "MIT", "testdata/attribution.txt"
	alone := golden("vq-tiny")
	alone.License = "CC-BY-4.0"
	caption := golden("t2i-tiny")
	caption.VQ = golden("vq-tiny").Checkpoint
	return []pythonCase{
		{"c2i-tiny", golden("c2i-tiny")}, {"t2i-tiny", golden("t2i-tiny")}, {"c2i-hd20", hd20}, {"c2i-gqa", gqa},
		{"vq-tiny", golden("vq-tiny")}, {"vq-g8", g8}, {"c2i and vq", both}, {"t2i and vq", caption}, {"every option", all}, {"vq with a licence", alone},
	}
}

// wrappedCases are checkpoints as training scripts leave them: made by PyTorch, and by hand.
func wrappedCases(t *testing.T) []pythonCase {
	var cases []pythonCase
	for _, name := range []string{"vq", "vq_discriminator", "class", "ema_only"} {
		o := Options{Checkpoint: "testdata/" + name + ".pt"}
		if strings.HasPrefix(name, "vq") {
			o.Groups = new(4)
		} else {
			o.Heads, o.Grid = new(2), &Grid{2, 2}
		}
		cases = append(cases, pythonCase{name, o})
	}
	list := classTensors(16, 32, 96, 64, 5)
	add := func(name, key string, tensors []torchtest.Tensor, change func(*Options)) {
		o := tiny(checkpoint(t, key, tensors))
		if change != nil {
			change(&o)
		}
		cases = append(cases, pythonCase{name, o})
	}
	for _, key := range []string{"", "model", "module", "state_dict", "ema"} {
		add(fmt.Sprintf("under %q", key), key, list, nil)
	}
	for _, prefix := range []string{"module.", "_orig_mod.", "_orig_mod.module.", "module._orig_mod.module."} {
		renamed := slices.Clone(list)
		for i := range renamed {
			renamed[i].Name = prefix + renamed[i].Name
		}
		add("prefix "+prefix, "model", renamed, nil)
	}
	told := func(o *Options) { o.Heads, o.Grid = nil, nil }
	add("freqs_cis", "model", with(list, freqs(1, 3, 5, 8, 10000)), told)
	add("freqs_cis as halves", "", with(list, as16(freqs(1, 2, 6, 8, 10000), "HalfStorage")), told)
	add("freqs_cis as bfloats", "", with(list, as16(freqs(1, 6, 2, 8, 10000), "BFloat16Storage")), told)
	add("freqs_cis of another base", "", with(list, freqs(1, 4, 6, 16, 500)), func(o *Options) { told(o); o.RopeBase = new(500.0) })
	add("official width", "model", classTensors(16, 768, 3*768, 64, 5), func(o *Options) { o.Heads = nil })
	add("key and value heads tell", "model", classTensors(16, 32, 64, 64, 5), func(o *Options) { o.Heads, o.KVHeads = nil, new(2) })
	add("rows of no whole blocks", "model", classTensors(16, 60, 180, 40, 5), func(o *Options) { o.Heads = new(3) })
	add("beside the model", "", with(list, filled("causal_mask", 2, 2), filled("layers.0.attention.kv_cache.k_cache", 4)), nil)
	add("halves", "model", with(list, as16(filled("output.weight", 16, 32), "HalfStorage")), nil)
	add("bfloats", "model", with(list, as16(filled("output.weight", 16, 32), "BFloat16Storage")), nil)
	add("doubles", "model", with(list, doubles("output.weight", 16, 32)), nil)
	add("small numbers", "model", with(list, smallNumbers("output.weight", 16, 32)), nil)
	without := vqTensors(t)
	without = slices.DeleteFunc(without, func(x torchtest.Tensor) bool {
		return strings.HasPrefix(x.Name, "encoder.") || strings.HasPrefix(x.Name, "quant_conv.")
	})
	add("decoder only", "", without, func(o *Options) { o.Heads, o.Grid = nil, nil })
	return cases
}

// doubles are numbers that are no float32: what they are rounded to tells how.
func doubles(name string, shape ...int64) torchtest.Tensor {
	x := filled(name, shape...)
	for i, v := range x.Data {
		x.Raw = binary.LittleEndian.AppendUint64(x.Raw, math.Float64bits(float64(v)*(1+0x1p-25*float64(i%5))))
	}
	x.Class = "DoubleStorage"
	return x
}

// smallNumbers are rows from the edge of a half's range down to the smallest float32, where scales of blocks vanish, and ties
// of every rounding.
func smallNumbers(name string, rows, columns int64) torchtest.Tensor {
	x := filled(name, rows, columns)
	for i := range x.Data {
		row := i / int(columns)
		x.Data[i] *= float32(math.Pow(10, float64(-3*row)))
		if row == 1 {
			x.Data[i] = float32(i%int(columns)) + 0.5 // with a largest element of 127.0, halves of a quantum
		}
	}
	x.Data[columns] = 127
	x.Data[2*columns], x.Data[2*columns+1], x.Data[2*columns+2] = 1+0x1p-11, 1+0x1p-8, 0x1p-25 // ties of halves and bfloats
	for i := range x.Data[3*columns : 4*columns] {
		x.Data[3*columns+int64(i)] = math.SmallestNonzeroFloat32 * float32(i)
	}
	clear(x.Data[4*columns : 5*columns])
	return x
}

// encoderCases have text encoders in all forms.
func encoderCases(t *testing.T) []pythonCase {
	list := hfTensors(t)
	torch, err := os.ReadFile(checkpoint(t, "", list))
	if err != nil {
		t.Fatal(err)
	}
	half := len(list) / 2
	where := map[string]string{"lm_head.weight": "far-away.safetensors"}
	for i, x := range list {
		where[x.Name] = []string{"a.safetensors", "b.safetensors"}[i/half%2]
	}
	where[list[len(list)-1].Name] = "b.safetensors"
	index, err := json.Marshal(map[string]any{"weight_map": where})
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string][]torchtest.Tensor{}
	for _, x := range list {
		parts[where[x.Name]] = append(parts[where[x.Name]], x)
	}
	pieces := [][]any{{"<pad>", 0}, {"</s>", 0}, {"<unk>", 0}, {"▁a", -1.1}, {"b", -2}, {"<0x41>", -3}}
	words, err := json.Marshal(map[string]any{
		"added_tokens":  []any{map[string]any{"id": 1, "content": "</s>", "special": true}, map[string]any{"id": 6, "content": "new", "special": false}},
		"normalizer":    map[string]any{"type": "Sequence", "normalizers": []any{map[string]any{"type": "Strip", "strip_right": true}}},
		"pre_tokenizer": map[string]any{"type": "Sequence", "pretokenizers": []any{map[string]any{"type": "WhitespaceSplit"}, map[string]any{"type": "Metaspace", "replacement": "▁", "add_prefix_space": false}}},
		"model":         map[string]any{"type": "Unigram", "unk_id": 2, "byte_fallback": true, "vocab": pieces},
	})
	if err != nil {
		t.Fatal(err)
	}
	folder := func(config map[string]any, files map[string][]byte) string {
		files["config.json"] = hfConfig(config)
		return writeFolder(t, files)
	}
	plain := folder(nil, map[string][]byte{"spiece.model": spieceModel(), "model.safetensors": safetensorsFile(list)})
	alone, _ := convertTo(t, Options{TextEncoder: plain, Type: ggml.Q8_0})
	bundle := func(encoder string) Options {
		o := tiny(checkpoint(t, "model", captionTensors(32)))
		o.TextEncoder = encoder
		return o
	}
	defaults := map[string]any{"layer_norm_epsilon": nil, "n_positions": nil, "num_layers": nil}
	return []pythonCase{
		{"text encoder", Options{TextEncoder: plain}},
		{"text encoder, PyTorch", Options{TextEncoder: folder(defaults, map[string][]byte{"spiece.model": spieceModel(), "pytorch_model.bin": torch})}},
		{"text encoder, shards, tokenizer.json", Options{TextEncoder: folder(nil, map[string][]byte{"tokenizer.json": words, "model.safetensors.index.json": index,
			"a.safetensors": safetensorsFile(parts["a.safetensors"]), "b.safetensors": safetensorsFile(parts["b.safetensors"])})}},
		{"text encoder and model", bundle(plain)},
		{"text encoder of a GGUF file and model", bundle(withDecoder(t, alone))},
		{"text encoder of a converted file and model", bundle(alone.Path)},
	}
}

// vocabularyCases have the tokenizers of the tests of t5: with a table of normalisation, with bytes, and every form of
// tokenizer.json.
func vocabularyCases(t *testing.T) []pythonCase {
	list := with(hfTensors(t), filled("shared.weight", 1100, 32))
	var cases []pythonCase
	add := func(name, file string, data []byte) {
		folder := writeFolder(t, map[string][]byte{
			"config.json": hfConfig(map[string]any{"vocab_size": 1100}), file: data, "model.safetensors": safetensorsFile(list)})
		cases = append(cases, pythonCase{"vocabulary: " + name, Options{TextEncoder: folder}})
	}
	plain := gunzipped(t, "spiece.model.gz")
	add("table", "spiece.model", plain)
	add("bytes", "spiece.model", gunzipped(t, "spiece_bytes.model.gz"))
	tokenizer, err := t5.FromSentencePiece(plain)
	if err != nil {
		t.Fatal(err)
	}
	v := tokenizer.Vocab()
	var pieces [][2]any
	for i, token := range v.Tokens {
		pieces = append(pieces, [2]any{token, v.Scores[i]})
	}
	var forms map[string]map[string]any
	if err := json.Unmarshal(gunzipped(t, "tokenizer_forms.json.gz"), &forms); err != nil || len(forms) == 0 {
		t.Fatal(len(forms), err)
	}
	for name, form := range forms {
		form["model"].(map[string]any)["vocab"] = pieces
		form["normalizer"].(map[string]any)["normalizers"].([]any)[0].(map[string]any)["precompiled_charsmap"] = v.Charsmap
		for _, token := range form["added_tokens"].([]any) {
			token := token.(map[string]any)
			token["id"] = slices.Index(v.Tokens, token["content"].(string))
		}
		data, err := json.Marshal(form)
		if err != nil {
			t.Fatal(err)
		}
		add("tokenizer.json, "+name, "tokenizer.json", data)
	}
	return cases
}

// gunzipped reads a packed file of the tests of t5.
func gunzipped(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("../t5/testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// withDecoder writes an encoder's file as llama.cpp's converter does with the whole T5.
func withDecoder(t *testing.T, encoder *gguf.File) string {
	t.Helper()
	w := gguf.NewWriter()
	for _, key := range encoder.Keys() {
		v, _ := encoder.Value(key)
		if key == "general.architecture" {
			v = gguf.Of("t5")
		}
		w.Set(strings.Replace(key, "t5encoder.", "t5.", 1), v)
	}
	w.SetUint32("t5.decoder_block_count", 3)
	for _, x := range encoder.Tensors {
		w.AddTensor(x.Name, x.Dims, x.Type, writeAll(x.Data))
	}
	last := encoder.Tensors[len(encoder.Tensors)-1]
	w.AddTensor("dec.output_norm.weight", last.Dims, last.Type, writeAll(last.Data))
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "t5.gguf")
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// Every input makes the same file in every type.
func TestPythonMakesTheSameFiles(t *testing.T) {
	python(t) // or skip, before anything is made
	cases := slices.Concat(goldenCases(), wrappedCases(t), encoderCases(t), vocabularyCases(t))
	var ours, theirs []Options
	var runs [][]string
	folder := t.TempDir()
	for _, c := range cases {
		for _, typ := range []ggml.Type{ggml.F32, ggml.F16, ggml.BF16, ggml.Q8_0} {
			o := c.options
			o.Type = typ
			o.Out = filepath.Join(folder, fmt.Sprintf("go-%d.gguf", len(ours)))
			ours = append(ours, o)
			o.Out = filepath.Join(folder, fmt.Sprintf("python-%d.gguf", len(theirs)))
			theirs = append(theirs, o)
			runs = append(runs, arguments(o))
		}
	}
	for i, got := range runScript(t, runs) {
		t.Run(fmt.Sprintf("%s/%s", cases[i/4].name, ours[i].Type), func(t *testing.T) {
			if _, err := Convert(context.Background(), ours[i]); err != nil {
				t.Fatal(err)
			}
			if got.Code != 0 || got.Stderr != "" {
				t.Fatalf("the script ended with %d: %s", got.Code, got.Stderr)
			}
			sameGGUF(t, theirs[i].Out, ours[i].Out)
		})
	}
}

// sameGGUF compares two files: keys, values, tensors, and if all of these are the same, the bytes.
func sameGGUF(t *testing.T, gotPath, wantPath string) {
	t.Helper()
	got, want := opened(t, gotPath), opened(t, wantPath)
	if !slices.Equal(got.Keys(), want.Keys()) {
		t.Errorf("keys %q\nwant %q", got.Keys(), want.Keys())
	}
	for _, key := range want.Keys() {
		g, ok := got.Value(key)
		w, _ := want.Value(key)
		if ok && (g.Type() != w.Type() || g.String() != w.String()) {
			t.Errorf("%s: %s %s, want %s %s", key, g.Type(), g, w.Type(), w)
		}
	}
	names := func(f *gguf.File) (list []string) {
		for _, x := range f.Tensors {
			list = append(list, fmt.Sprintf("%s %s %v", x.Name, x.Type, x.Dims))
		}
		return list
	}
	if !slices.Equal(names(got), names(want)) {
		t.Fatalf("tensors %q\nwant %q", names(got), names(want))
	}
	for i, w := range want.Tensors {
		if !bytes.Equal(got.Tensors[i].Data, w.Data) {
			t.Errorf("%s: other data", w.Name)
		}
	}
	a, errA := os.ReadFile(gotPath)
	b, errB := os.ReadFile(wantPath)
	if errA != nil || errB != nil || !t.Failed() && !bytes.Equal(a, b) {
		t.Errorf("the same content, but other bytes: %d, want %d (%v, %v)", len(a), len(b), errA, errB)
	}
}

func opened(t *testing.T, path string) *gguf.File {
	t.Helper()
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// refusals are inputs and options that make no file.
func refusals(t *testing.T) []Options {
	good := classTensors(16, 32, 96, 64, 5)
	caption := captionTensors(32)
	class := func(tensors []torchtest.Tensor) Options { return tiny(checkpoint(t, "model", tensors)) }
	long := torchtest.Tensor{Name: "norm.weight", Shape: []int64{32}, Class: "LongStorage", Raw: make([]byte, 8*32)}
	damaged := func(v float32) Options {
		x := filled("output.weight", 16, 32)
		x.Data[40] = v
		return class(with(good, x))
	}
	vq := vqTensors(t)
	codec := func(tensors []torchtest.Tensor) Options { return Options{Checkpoint: checkpoint(t, "model", tensors)} }
	torchfiles := func(name string) Options {
		return Options{Checkpoint: "../torchfile/testdata/" + name + ".pt", Grid: &Grid{2, 2}, Heads: new(2)}
	}
	var list []Options
	change := func(o Options, set func(*Options)) {
		set(&o)
		list = append(list, o)
	}
	list = append(list,
		class(without(good, named("layers.1.attention.wo.weight"))), class(without(good, named("output.weight"))),
		class(with(good, filled("layers.7.ffn_norm.weight", 32))), class(with(good, filled("layers.999999999.ffn_norm.weight", 32))),
		class(without(good, named(classTable))), class(with(good, filled(captionUncond, 3, 8))), class(without(caption, named(captionUncond))),
		class(with(good, filled("layers.1.feed_forward.w2.weight", 64, 32))), class(with(good, filled("tok_embeddings.weight", 16, 32, 1))),
		class(with(good, filled(classTable, 1, 32))), class(with(good, long)), class(with(good, filled("layers.0.attention.wqkv.bias", 96))),
		class(with(good, filled("layers.0.attention.q_norm.weight", 8))), damaged(float32(math.NaN())), damaged(float32(math.Inf(-1))),
		damaged(1e38), // Q8_0 and F16 do not hold it
		class(with(good, filled(freqsName, 7, 3, 2))), class(with(good, freqs(1, 2, 4, 8, 10000))), class(with(good, freqs(1, 2, 3, 8, 100))),
		class(classTensors(16, 32, 90, 64, 5)), class(classTensors(16, 32, 80, 64, 5)), class([]torchtest.Tensor{filled("fc.weight", 2)}),
		tiny(checkpoint(t, "weights", good)), tiny("convert_test.go"), tiny("no such file.pt"),
		codec(without(vq, named("decoder.mid.1.k.bias"))), codec(with(vq, filled("decoder.conv_out.weight", 5, 32, 3, 3))),
		codec(with(vq, filled("decoder.norm_out.running_mean", 32))), codec(without(vq, named("encoder.conv_out.weight"))),
		codec(without(vq, func(n string) bool { return strings.HasPrefix(n, "decoder.conv_blocks.2.") })),
	)
	for _, name := range []string{"bigendian", "compressed", "evil", "expanded", "legacy", "list", "missing_storage", "nested", "prefix_clash", "script", "wholemodule"} {
		list = append(list, torchfiles(name))
	}
	for _, set := range []func(*Options){
		func(o *Options) { o.Heads = new(0) }, func(o *Options) { o.KVHeads = new(-1) }, func(o *Options) { o.Groups = new(0) },
		func(o *Options) { o.CFGInterval = new(-2) }, func(o *Options) { o.TopK = new(-1) }, func(o *Options) { o.Window = new(0) },
		func(o *Options) { o.RopeBase = new(1.0) }, func(o *Options) { o.RopeBase = new(math.Inf(1)) }, func(o *Options) { o.NormEps = new(0.0) },
		func(o *Options) { o.NormEps = new(math.NaN()) }, func(o *Options) { o.CFGScale = new(-1.0) }, func(o *Options) { o.Temperature = new(-0.5) },
		func(o *Options) { o.TopP = new(1.5) }, func(o *Options) { o.Grid = &Grid{0, 3} }, func(o *Options) { o.Grid = &Grid{1 << 20, 1 << 20} },
		func(o *Options) { o.Window = new(9) }, func(o *Options) { o.Groups = new(16) }, func(o *Options) { o.VQ = o.Checkpoint },
		func(o *Options) { o.Heads = nil }, func(o *Options) { o.Grid = nil }, func(o *Options) { o.Heads = new(5) },
		func(o *Options) { o.KVHeads = new(4) }, func(o *Options) { o.Heads, o.KVHeads = nil, new(7) },
		func(o *Options) { o.Checkpoint = "" },
	} {
		change(golden("c2i-tiny"), set)
	}
	for _, set := range []func(*Options){
		func(o *Options) { o.VQ = o.Checkpoint }, func(o *Options) { o.Heads = new(2) }, func(o *Options) { o.Grid = &Grid{8, 8} },
		func(o *Options) { o.TopP = new(1.0) }, func(o *Options) { o.Window = new(1) }, func(o *Options) { o.Groups = new(48) },
	} {
		change(golden("vq-tiny"), set)
	}
	change(class(good), func(o *Options) { o.VQ = golden("vq-tiny").Checkpoint })
	change(golden("c2i-tiny"), func(o *Options) { o.License = strings.Repeat("x", maxAbout+1) })
	for _, text := range []string{"", "a\x00b", "a\xff", strings.Repeat("ä", maxAbout/2) + "a"} {
		path := filepath.Join(t.TempDir(), "credits.txt")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		change(golden("vq-tiny"), func(o *Options) { o.Attribution = path })
	}
	change(golden("vq-tiny"), func(o *Options) { o.Attribution = "no such file.txt" })
	return append(list, encoderRefusals(t)...)
}

func encoderRefusals(t *testing.T) []Options {
	list := hfTensors(t)
	alone := func(config map[string]any, tensors []torchtest.Tensor) Options {
		return Options{TextEncoder: hfFolder(t, config, tensors)}
	}
	files := func(change map[string][]byte) Options {
		all := map[string][]byte{"config.json": hfConfig(nil), "spiece.model": spieceModel(), "model.safetensors": safetensorsFile(list)}
		for name, data := range change {
			if all[name] = data; data == nil {
				delete(all, name)
			}
		}
		return Options{TextEncoder: writeFolder(t, all)}
	}
	good := alone(nil, list)
	with32 := tiny(checkpoint(t, "model", classTensors(16, 32, 96, 64, 5)))
	with48, withVQ, heads := tiny(checkpoint(t, "model", captionTensors(48))), golden("vq-tiny"), good
	with32.TextEncoder, with48.TextEncoder, withVQ.TextEncoder, heads.Heads = good.TextEncoder, good.TextEncoder, good.TextEncoder, new(4)
	return []Options{
		alone(map[string]any{"model_type": "llama"}, list), alone(map[string]any{"feed_forward_proj": nil}, list),
		alone(map[string]any{"relative_attention_max_distance": 64}, list), alone(map[string]any{"layer_norm_epsilon": 0}, list),
		alone(map[string]any{"n_positions": -1}, list), alone(map[string]any{"d_model": 64}, list), alone(map[string]any{"d_model": "32"}, list),
		alone(nil, without(list, named("shared.weight"))), alone(nil, without(list, named("encoder.final_layer_norm.weight"))),
		alone(nil, with(list, filled("encoder.block.0.layer.0.SelfAttention.q.weight", 66, 32))),
		alone(nil, with(list, filled("encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight", 32, 4))),
		alone(nil, with(without(list, named("encoder.block.0.layer.1.DenseReluDense.wi_0.weight")), filled("encoder.block.0.layer.1.DenseReluDense.wi.weight", 96, 32))),
		alone(map[string]any{"vocab_size": 149}, with(list, filled("shared.weight", 149, 32))),
		files(map[string][]byte{"config.json": nil}), files(map[string][]byte{"config.json": []byte("{")}), files(map[string][]byte{"spiece.model": nil}),
		files(map[string][]byte{"spiece.model": []byte("<!DOCTYPE html>")}), files(map[string][]byte{"model.safetensors": nil}),
		files(map[string][]byte{"model.safetensors": safetensorsFile(list)[:5000]}),
		files(map[string][]byte{"model.safetensors.index.json": []byte(`{"weight_map": {"shared.weight": "../x.safetensors"}}`)}),
		with32, with48, withVQ, heads, {TextEncoder: "no such folder"}, {TextEncoder: "convert_test.go"},
	}
}

// What this package refuses, the script refuses: with the exit code of the command, naming the same flag, tensor and file,
// with nothing written and nothing executed.
func TestPythonRefusesTheSame(t *testing.T) {
	python(t)
	list := refusals(t)
	folder := t.TempDir()
	var runs [][]string
	for i := range list {
		list[i].Type, list[i].Out = ggml.F16, filepath.Join(folder, "model.gguf")
		runs = append(runs, arguments(list[i]))
	}
	for i, got := range runScript(t, runs) {
		_, err := Convert(context.Background(), list[i])
		if err == nil {
			t.Errorf("%q: no error", runs[i])
			continue
		}
		var option *OptionError
		var model *ModelError
		var torch *torchfile.FormatError
		code, parts := 1, []string{}
		switch {
		case errors.As(err, &option):
			code, parts = 2, []string{option.Flag + ": "}
		case errors.As(err, &model):
			code, parts = 3, []string{filepath.Base(model.Path), model.Tensor}
		case errors.As(err, &torch):
			code, parts = 3, []string{filepath.Base(torch.Path), torch.Tensor}
		case errors.As(err, new(*safetensors.FormatError)), errors.As(err, new(*gguf.FormatError)):
			code = 3
		}
		if got.Code != code || strings.Contains(got.Stderr, "Traceback") {
			t.Errorf("%q: exit code %d, want %d\n%sHere: %v", runs[i], got.Code, code, got.Stderr, err)
		}
		for _, part := range parts {
			if !strings.Contains(got.Stderr, part) {
				t.Errorf("%q: %q lacks %q", runs[i], got.Stderr, part)
			}
		}
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 0 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
	if _, err := os.Stat("pwned"); err == nil { // what evil.pt asks for
		t.Error("a checkpoint was executed")
	}
}

// The script as people start it: it reports with -v, is silent without, and keeps an old file when it fails.
func TestPythonCommand(t *testing.T) {
	o := golden("c2i-tiny")
	o.Type, o.Out = ggml.Q8_0, filepath.Join(t.TempDir(), "c2i.gguf")
	result, err := Convert(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	want := o.Out
	o.Out = filepath.Join(t.TempDir(), "c2i.gguf")
	if err := os.WriteFile(o.Out, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	script := "../../scripts/convert_llamagen.py"
	broken := o
	broken.Heads = new(5)
	if text, err := python(t, append([]string{script}, arguments(broken)...)...).CombinedOutput(); err == nil || !strings.Contains(string(text), "--heads: ") {
		t.Errorf("%v: %s", err, text)
	}
	if old, err := os.ReadFile(o.Out); err != nil || string(old) != "old" {
		t.Errorf("the old file has %d bytes, %v", len(old), err)
	}
	text, err := python(t, append([]string{script, "-v"}, arguments(o)...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	sameGGUF(t, o.Out, want)
	lines := result.Models
	for _, c := range result.Choices {
		lines = append(lines, c.String())
	}
	for _, line := range append(lines, "wrote "+o.Out) {
		if !strings.Contains(string(text), line) {
			t.Errorf("the report lacks %q:\n%s", line, text)
		}
	}
	if info, err := os.Stat(o.Out); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("permissions %v, %v", info.Mode(), err)
	}
}

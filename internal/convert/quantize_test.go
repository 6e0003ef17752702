package convert

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/testmodel"
)

// quantizeInput is a tensor of a file made for a test.
type quantizeInput struct {
	name string
	typ  ggml.Type
	dims []uint64
	at   map[int]float32 // values that are not random
}

func (x quantizeInput) values() []float32 {
	n := 1
	for _, d := range x.dims {
		n *= int(d)
	}
	r := rand.New(rand.NewPCG(uint64(len(x.name)), uint64(n)))
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(0.02 * r.NormFloat64())
	}
	for i, v := range x.at {
		out[i] = v
	}
	return out
}

// quantizeFile writes a file with these tensors and keys.
func quantizeFile(t *testing.T, keys func(w *gguf.Writer), tensors ...quantizeInput) string {
	t.Helper()
	w := gguf.NewWriter()
	if keys != nil {
		keys(w)
	}
	for _, x := range tensors {
		w.AddTensor(x.name, x.dims, x.typ, func(dst io.Writer) error {
			values := x.values()
			data := make([]byte, x.typ.RowSize(len(values)))
			ggml.Quantize(x.typ, data, values)
			_, err := dst.Write(data)
			return err
		})
	}
	path := filepath.Join(t.TempDir(), "in.gguf")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := w.WriteTo(f); err != nil {
		t.Fatal(err)
	}
	return path
}

// quantized runs Quantize into a new folder and opens the result.
func quantized(t *testing.T, o QuantizeOptions) (*gguf.File, *QuantizeResult) {
	t.Helper()
	folder := t.TempDir()
	o.Out = filepath.Join(folder, "out.gguf")
	result, err := Quantize(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
	f, err := gguf.Open(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, result
}

func mustRule(t *testing.T, s string) TypeRule {
	t.Helper()
	rule, err := ParseTypeRule(s)
	if err != nil {
		t.Fatal(err)
	}
	return rule
}

func valuesOf(x *gguf.Tensor) []float32 {
	out := make([]float32, len(x.Data)/x.Type.BlockSize()*x.Type.BlockLen())
	ggml.Dequantize(x.Type, out, x.Data)
	return out
}

func tinyModel(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := testmodel.Write(&b, testmodel.Options{Caption: true}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "in.gguf")
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// A whole model in every type: names, shapes, order and keys stay, every tensor has the type of the contract, written down
// here a second time, and the bytes that ggml.Quantize makes of its values.
func TestQuantizeModel(t *testing.T) {
	path := tinyModel(t)
	in, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	for _, typ := range ggml.Types() {
		out, result := quantized(t, QuantizeOptions{In: path, Type: typ})
		if len(out.Tensors) != len(in.Tensors) {
			t.Fatalf("%s: %d tensors, want %d", typ, len(out.Tensors), len(in.Tensors))
		}
		var before, after, count int
		for i, x := range in.Tensors {
			got := out.Tensors[i]
			if got.Name != x.Name || !slices.Equal(got.Dims, x.Dims) {
				t.Errorf("%s: tensor %d is %s %v, want %s %v", typ, i, got.Name, got.Dims, x.Name, x.Dims)
				continue
			}
			want := typ
			switch row := int(x.Dims[0]); {
			case len(x.Dims) == 1, x.Name == "vq.quantize.embedding.weight", x.Name == "cond.uncond_embd.weight",
				strings.HasSuffix(x.Name, "conv_out.weight"), strings.Contains(x.Name, "quant_conv"),
				len(x.Dims) == 4 && x.Dims[0] == 1: // this model's channels are few everywhere
				want = x.Type
			case len(x.Dims) == 4 && typ.BlockLen() > 1:
				want = ggml.F16
			case row%32 != 0 && typ.BlockLen() > 1:
				want = ggml.F16
			case typ == ggml.Q4_K: // no row has 256 elements
				want = ggml.Q5_0
			case typ == ggml.Q5_K:
				want = ggml.Q5_1
			case typ == ggml.Q6_K:
				want = ggml.Q8_0
			}
			data := make([]byte, want.RowSize(len(valuesOf(x))))
			ggml.Quantize(want, data, valuesOf(x))
			if got.Type != want || !bytes.Equal(got.Data, data) {
				t.Errorf("%s: %s is %s, want %s, or its data differs", typ, x.Name, got.Type, want)
			}
			before += len(x.Data)
			after += len(got.Data)
		}
		for _, c := range result.Classes {
			before -= int(c.Before)
			after -= int(c.After)
			count += c.Tensors
			if blocks := c.Types[typ] > 0 && typ != ggml.F32; blocks && !(c.Error() > 0 && c.Error() < 0.2) {
				t.Errorf("%s: class %q has the error %v", typ, c.Name, c.Error())
			}
		}
		if before != 0 || after != 0 || count != len(in.Tensors) {
			t.Errorf("%s: the report misses %d bytes before, %d after, %d tensors", typ, before, after, len(in.Tensors)-count)
		}
		if info, err := os.Stat(out.Path); err != nil || info.Size() != result.After {
			t.Errorf("%s: the file has %d bytes (%v), the result says %d", typ, info.Size(), err, result.After)
		}
	}
}

// Keys keep their order, types and values. What tells the types of tensors is replaced where it stands, or added.
func TestQuantizeKeys(t *testing.T) {
	matrix := quantizeInput{"blk.0.ffn_up.weight", ggml.F16, []uint64{256, 2}, nil}
	for _, c := range []struct {
		name string
		keys func(w *gguf.Writer)
		typ  ggml.Type
		want string
	}{
		{"replaced", func(w *gguf.Writer) {
			w.SetString("general.architecture", "llamagen")
			w.SetUint32("general.file_type", 1)
			w.SetStrings("llamagen.condition.class_names", []string{"a", "b"})
			w.SetUint32("general.quantization_version", 1)
			w.SetInt32("llamagen.sampling.cfg_interval", -1)
		}, ggml.Q4_K, `general.architecture="llamagen" general.file_type=14 llamagen.condition.class_names=["a", "b"] general.quantization_version=2 llamagen.sampling.cfg_interval=-1`},
		{"added", func(w *gguf.Writer) { w.SetString("general.architecture", "vqgan") }, ggml.Q8_0,
			`general.architecture="vqgan" general.file_type=7 general.quantization_version=2`},
		{"no blocks", func(w *gguf.Writer) { w.SetFloat32("a.b", 0.5) }, ggml.BF16, `a.b=0.5 general.file_type=32`},
		{"aligned", func(w *gguf.Writer) { w.SetUint32("general.alignment", 256) }, ggml.Q6_K, `general.alignment=256 general.file_type=18 general.quantization_version=2`},
	} {
		f, _ := quantized(t, QuantizeOptions{In: quantizeFile(t, c.keys, matrix), Type: c.typ})
		var got []string
		for _, key := range f.Keys() {
			v, _ := f.Value(key)
			got = append(got, fmt.Sprintf("%s=%s", key, v))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %s\nwant %s", c.name, strings.Join(got, " "), c.want)
		}
	}
}

// The types of tensors, one by one: [name, type before, dims] -> type after.
func TestQuantizeTypes(t *testing.T) {
	for _, c := range []struct {
		typ, rule string
		name      string
		old       ggml.Type
		dims      []uint64
		want      ggml.Type
	}{
		{"q4_k", "", "blk.0.ffn_up.weight", ggml.F32, []uint64{512, 3}, ggml.Q4_K},
		{"q4_k", "", "blk.0.ffn_up.weight", ggml.F32, []uint64{3200, 3}, ggml.Q5_0},
		{"q5_k", "", "blk.0.ffn_up.weight", ggml.F32, []uint64{3200, 3}, ggml.Q5_1},
		{"q6_k", "", "blk.0.ffn_up.weight", ggml.F32, []uint64{3200, 3}, ggml.Q8_0},
		{"q4_k", "", "blk.0.ffn_up.weight", ggml.F32, []uint64{48, 3}, ggml.F16},
		{"q8_0", "", "blk.0.ffn_up.weight", ggml.F32, []uint64{48, 3}, ggml.F16},
		{"f16", "", "blk.0.ffn_up.weight", ggml.F32, []uint64{7, 3}, ggml.F16},
		{"bf16", "", "vq.decoder.conv_in.weight", ggml.F32, []uint64{3, 3, 64, 64}, ggml.BF16},
		{"q8_0", "", "vq.decoder.conv_in.weight", ggml.F32, []uint64{3, 3, 64, 64}, ggml.F16},
		{"q8_0", "", "vq.decoder.conv_in.weight", ggml.BF16, []uint64{3, 3, 64, 64}, ggml.F16},
		{"q8_0", "", "vq.decoder.mid.1.q.weight", ggml.F32, []uint64{1, 1, 64, 64}, ggml.F16},
		{"q8_0", "", "vq.post_quant_conv.weight", ggml.F32, []uint64{1, 1, 8, 256}, ggml.F32},
		{"q8_0", "", "vq.quant_conv.weight", ggml.F16, []uint64{1, 1, 256, 8}, ggml.F16},
		{"f16", "", "vq.decoder.conv_out.weight", ggml.F32, []uint64{3, 3, 64, 3}, ggml.F32},
		{"q8_0", "", "vq.quantize.embedding.weight", ggml.F32, []uint64{32, 64}, ggml.F32},
		{"q8_0", "", "cond.uncond_embd.weight", ggml.F32, []uint64{256, 120}, ggml.F32},
		{"q8_0", "", "cond.cap_fc1.weight", ggml.F32, []uint64{256, 120}, ggml.Q8_0},
		{"q8_0", "", "enc.blk.0.attn_rel_b.weight", ggml.F32, []uint64{32, 32}, ggml.F32},
		{"q8_0", "", "enc.blk.0.attn_q.weight", ggml.F32, []uint64{32, 32}, ggml.Q8_0},
		{"q8_0", "", "blk.0.attn_norm.weight", ggml.F32, []uint64{64}, ggml.F32},
		{"q8_0", "", "blk.0.attn_norm.weight", ggml.F16, []uint64{64}, ggml.F16},
		{"q4_0", "^blk\\.[0-3]\\.=f32", "blk.2.ffn_up.weight", ggml.F32, []uint64{64, 2}, ggml.F32},
		{"q4_0", "up=q6_K", "blk.0.ffn_up.weight", ggml.F32, []uint64{64, 2}, ggml.Q8_0}, // rules fall back, too
		{"q4_0", ".=q5_0", "blk.0.attn_norm.weight", ggml.F32, []uint64{64}, ggml.F32},   // no blocks for norms
		{"q4_0", ".=f16", "blk.0.attn_norm.weight", ggml.F32, []uint64{64}, ggml.F16},
		{"q4_0", ".=q5_0", "vq.decoder.conv_in.weight", ggml.F32, []uint64{3, 3, 64, 64}, ggml.F16},
		{"q4_0", ".=f32", "vq.decoder.conv_in.weight", ggml.F16, []uint64{3, 3, 64, 64}, ggml.F32},
	} {
		typ, err := ggml.ParseType(c.typ)
		if err != nil {
			t.Fatal(err)
		}
		o := QuantizeOptions{In: quantizeFile(t, nil, quantizeInput{c.name, c.old, c.dims, nil}), Type: typ}
		if c.rule != "" {
			o.Rules = []TypeRule{mustRule(t, c.rule)}
		}
		f, _ := quantized(t, o)
		if got := f.Tensors[0].Type; got != c.want {
			t.Errorf("%s %q %s %s %v: got %s, want %s", c.typ, c.rule, c.name, c.old, c.dims, got, c.want)
		}
	}
}

// The first rule that matches a name counts.
func TestQuantizeRuleOrder(t *testing.T) {
	path := quantizeFile(t, nil,
		quantizeInput{"blk.0.ffn_up.weight", ggml.F32, []uint64{64, 2}, nil},
		quantizeInput{"blk.1.ffn_up.weight", ggml.F32, []uint64{64, 2}, nil},
		quantizeInput{"blk.1.ffn_down.weight", ggml.F32, []uint64{64, 2}, nil})
	f, _ := quantized(t, QuantizeOptions{In: path, Type: ggml.Q4_0, Rules: []TypeRule{mustRule(t, `^blk\.1\..*up=q8_0`), mustRule(t, "up=f16")}})
	for i, want := range []ggml.Type{ggml.F16, ggml.Q8_0, ggml.Q4_0} {
		if got := f.Tensors[i].Type; got != want {
			t.Errorf("%s is %s, want %s", f.Tensors[i].Name, got, want)
		}
	}
}

func TestQuantizeFallbacks(t *testing.T) {
	path := quantizeFile(t, nil,
		quantizeInput{"blk.0.ffn_up.weight", ggml.F32, []uint64{96, 2}, nil},
		quantizeInput{"blk.0.ffn_down.weight", ggml.F32, []uint64{512, 2}, nil},
		quantizeInput{"blk.1.ffn_up.weight", ggml.F32, []uint64{96, 2}, nil},
		quantizeInput{"cond.cap_fc1.weight", ggml.F32, []uint64{24, 2}, nil})
	_, result := quantized(t, QuantizeOptions{In: path, Type: ggml.Q4_K})
	var got []string
	for _, b := range result.Fallbacks {
		got = append(got, b.String())
	}
	want := []string{
		"Q4_K -> Q5_0 for rows of 96: blk.0.ffn_up.weight and 1 more",
		"Q4_K -> F16 for rows of 24: cond.cap_fc1.weight",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The report's errors are those of the values; a class that stays as it is has none.
func TestQuantizeReport(t *testing.T) {
	path := quantizeFile(t, nil,
		quantizeInput{"token_embd.weight", ggml.F32, []uint64{256, 5}, nil},
		quantizeInput{"blk.0.attn_qkv.weight", ggml.F32, []uint64{256, 3}, nil},
		quantizeInput{"blk.1.attn_output.weight", ggml.F32, []uint64{256, 4}, nil},
		quantizeInput{"output_norm.weight", ggml.F32, []uint64{256}, nil})
	in, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, result := quantized(t, QuantizeOptions{In: path, Type: ggml.Q4_0, Rules: []TypeRule{mustRule(t, "^token=f32")}})
	var names []string
	for _, c := range result.Classes {
		names = append(names, c.Name)
		var e, n float64
		for i, x := range in.Tensors {
			if tensorClasses[classOf(x.Name)].name != c.Name {
				continue
			}
			back := valuesOf(out.Tensors[i])
			for j, v := range valuesOf(x) {
				e += math.Pow(float64(back[j])-float64(v), 2)
				n += float64(v) * float64(v)
			}
		}
		if want := math.Sqrt(e / n); math.Abs(c.Error()-want) > 1e-12 {
			t.Errorf("%s: error %v, want %v", c.Name, c.Error(), want)
		}
		if exact := c.Name != "attention"; exact != (c.Error() == 0) {
			t.Errorf("%s: error %v", c.Name, c.Error())
		}
	}
	if want := []string{"token embedding", "attention", "the rest"}; !slices.Equal(names, want) {
		t.Errorf("classes %q, want %q", names, want)
	}
}

func TestTensorClasses(t *testing.T) {
	for name, want := range map[string]string{
		"token_embd.weight":           "token embedding",
		"enc.token_embd.weight":       "text encoder: embedding",
		"enc.blk.11.attn_o.weight":    "text encoder: attention",
		"enc.blk.1.ffn_gate.weight":   "text encoder: feed-forward",
		"enc.blk.0.attn_rel_b.weight": "text encoder: the rest",
		"vq.decoder.conv_in.weight":   "image tokenizer",
		"cond.cap_fc1.weight":         "condition",
		"output.weight":               "output",
		"output_norm.weight":          "the rest",
		"blk.3.attn_qkv.weight":       "attention",
		"blk.3.attn_norm.weight":      "the rest",
		"blk.12.ffn_down.weight":      "feed-forward",
	} {
		if got := tensorClasses[classOf(name)].name; got != want {
			t.Errorf("%s is in %q, want %q", name, got, want)
		}
	}
}

// One thread or many, the file and the report have the same bits. The large tensor takes several pieces, the last one short.
func TestQuantizeThreads(t *testing.T) {
	path := quantizeFile(t, nil,
		quantizeInput{"blk.0.ffn_up.weight", ggml.F16, []uint64{512, 3*chunk/512 + 3}, nil},
		quantizeInput{"blk.0.ffn_norm.weight", ggml.F32, []uint64{512}, nil})
	var first []byte
	var firstErrors []float64
	for _, threads := range []int{1, 2, 3, 8} {
		f, result := quantized(t, QuantizeOptions{In: path, Type: ggml.Q4_K, Threads: threads})
		data, err := os.ReadFile(f.Path)
		if err != nil {
			t.Fatal(err)
		}
		var e []float64
		for _, c := range result.Classes {
			e = append(e, c.Error())
		}
		if first == nil {
			first, firstErrors = data, e
		}
		if !bytes.Equal(data, first) || !slices.Equal(e, firstErrors) {
			t.Errorf("%d threads: another file than with one, or other errors: %v, %v", threads, e, firstErrors)
		}
	}
}

// A quantised tensor stays as it is where the type stays. Another type needs to be allowed.
func TestRequantize(t *testing.T) {
	path := quantizeFile(t, nil, quantizeInput{"blk.0.ffn_up.weight", ggml.Q8_0, []uint64{256, 4}, nil},
		quantizeInput{"blk.0.ffn_norm.weight", ggml.F32, []uint64{256}, nil})
	out := filepath.Join(t.TempDir(), "out.gguf")
	_, err := Quantize(context.Background(), QuantizeOptions{In: path, Out: out, Type: ggml.Q4_K})
	var option *OptionError
	if !errors.As(err, &option) || option.Flag != "--allow-requantize" || !strings.Contains(err.Error(), `"blk.0.ffn_up.weight"`) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an output was written: %v", err)
	}
	if f, _ := quantized(t, QuantizeOptions{In: path, Type: ggml.Q8_0}); f.Tensors[0].Type != ggml.Q8_0 {
		t.Errorf("Q8_0 became %s", f.Tensors[0].Type)
	}
	f, _ := quantized(t, QuantizeOptions{In: path, Type: ggml.Q4_K, AllowRequantize: true})
	if f.Tensors[0].Type != ggml.Q4_K || f.Tensors[1].Type != ggml.F32 {
		t.Errorf("types %s, %s", f.Tensors[0].Type, f.Tensors[1].Type)
	}
}

func TestQuantizeRefuses(t *testing.T) {
	up := "blk.0.ffn_up.weight"
	for _, c := range []struct {
		name string
		in   quantizeInput
		o    QuantizeOptions
		want string
	}{
		{"a NaN", quantizeInput{up, ggml.F32, []uint64{256, 300}, map[int]float32{70000: float32(math.NaN())}},
			QuantizeOptions{Type: ggml.Q4_K}, `tensor "blk.0.ffn_up.weight": element [273 112] is NaN; the file is damaged`},
		{"an infinity that stays", quantizeInput{"output_norm.weight", ggml.F32, []uint64{256}, map[int]float32{3: float32(math.Inf(-1))}},
			QuantizeOptions{Type: ggml.Q4_K}, `tensor "output_norm.weight": element [3] is -Inf; the file is damaged`},
		{"too large for a half", quantizeInput{up, ggml.F32, []uint64{32, 2}, map[int]float32{33: 70000}},
			QuantizeOptions{Type: ggml.F16}, `element [1 1] is 70000, or one of its block is as large: more than F16 holds`},
		{"too large for a block", quantizeInput{up, ggml.F32, []uint64{32, 2}, map[int]float32{33: 1e9}},
			QuantizeOptions{Type: ggml.Q4_0}, `more than Q4_0 holds; give it another type with --tensor-type`},
		{"a rule that matches nothing", quantizeInput{up, ggml.F32, []uint64{32, 2}, nil},
			QuantizeOptions{Type: ggml.F16, Rules: []TypeRule{mustRule(t, "up=q8_0"), mustRule(t, "ffn=q4_0")}},
			"--tensor-type: ffn=Q4_0: it is the first to match for no tensor of"},
	} {
		folder := t.TempDir()
		c.o.In, c.o.Out = quantizeFile(t, nil, c.in), filepath.Join(folder, "out.gguf")
		_, err := Quantize(context.Background(), c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want a message with %q", c.name, err, c.want)
		}
		if entries, _ := os.ReadDir(folder); len(entries) != 0 {
			t.Errorf("%s: left behind: %v", c.name, entries)
		}
	}
	in := quantizeFile(t, nil, quantizeInput{up, ggml.F32, []uint64{32, 2}, nil})
	if _, err := Quantize(context.Background(), QuantizeOptions{In: in, Out: in, Type: ggml.F16}); err == nil || !strings.Contains(err.Error(), "is the input itself") {
		t.Errorf("over the input: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	folder := t.TempDir()
	if _, err := Quantize(ctx, QuantizeOptions{In: in, Out: filepath.Join(folder, "x"), Type: ggml.F16}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if entries, _ := os.ReadDir(folder); len(entries) != 0 {
		t.Errorf("cancelled: left behind: %v", entries)
	}
	var format *gguf.FormatError
	page := filepath.Join(folder, "page")
	if err := os.WriteFile(page, []byte("<!DOCTYPE html><html>"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Quantize(context.Background(), QuantizeOptions{In: page, Out: page + "2", Type: ggml.F16}); !errors.As(err, &format) {
		t.Errorf("no GGUF file: %v", err)
	}
}

// A file in memory becomes what the same one on disk does, and can be used afterwards.
func TestQuantizeFile(t *testing.T) {
	folder := t.TempDir()
	in := quantizeFile(t, nil, quantizeInput{"blk.0.ffn_up.weight", ggml.F32, []uint64{64, 6}, nil})
	data, err := os.ReadFile(in)
	if err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Parse("in memory", data)
	if err != nil {
		t.Fatal(err)
	}
	var files [2][]byte
	for i, run := range []func(QuantizeOptions) (*QuantizeResult, error){
		func(o QuantizeOptions) (*QuantizeResult, error) { o.In = in; return Quantize(context.Background(), o) },
		func(o QuantizeOptions) (*QuantizeResult, error) { return QuantizeFile(context.Background(), f, o) },
	} {
		out := filepath.Join(folder, "out.gguf")
		result, err := run(QuantizeOptions{Out: out, Type: ggml.Q8_0})
		if err != nil {
			t.Fatal(err)
		}
		if files[i], err = os.ReadFile(out); err != nil {
			t.Fatal(err)
		}
		if result.Before != int64(len(data)) || result.After != int64(len(files[i])) {
			t.Errorf("run %d: %d bytes before and %d after, want %d and %d", i, result.Before, result.After, len(data), len(files[i]))
		}
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("the files differ")
	}
	if len(f.Tensors) != 1 || f.Tensors[0].Data == nil {
		t.Error("the input was closed")
	}
}

func TestParseTypeRule(t *testing.T) {
	for s, want := range map[string]string{
		"":            `"", want REGEX=TYPE`,
		"=q8_0":       `"=q8_0", want REGEX=TYPE`,
		"ffn":         `"ffn", want REGEX=TYPE`,
		"ffn=":        `type "", want one of F32`,
		"ffn=q3_K":    `type "q3_K", want one of F32`,
		"ffn[=q8_0":   "error parsing regexp",
		"a(b=q8_0":    "error parsing regexp",
		"ffn_up=q8_0": "",
	} {
		_, err := ParseTypeRule(s)
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: got %v, want %q", s, err, want)
		}
	}
	rule := mustRule(t, "a=b|^c=Q4_k")
	if rule.Type != ggml.Q4_K || !rule.Pattern.MatchString("xa=b") || !rule.Pattern.MatchString("cd") || rule.Pattern.MatchString("dc") {
		t.Errorf("the last = does not part expression and type: %v", rule)
	}
}

// A file of 48 MiB is converted with a few MiB of memory.
func TestQuantizeMemory(t *testing.T) {
	w := gguf.NewWriter()
	const rows, cols = 12 << 10, 1 << 10
	w.AddTensor("blk.0.ffn_up.weight", []uint64{cols, rows}, ggml.F32, func(dst io.Writer) error {
		row := binary.LittleEndian.AppendUint32(nil, math.Float32bits(0.25))
		row = bytes.Repeat(row, cols)
		for range rows {
			if _, err := dst.Write(row); err != nil {
				return err
			}
		}
		return nil
	})
	path := filepath.Join(t.TempDir(), "in.gguf")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := w.WriteTo(f); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, result := quantized(t, QuantizeOptions{In: path, Type: ggml.Q8_0, Threads: 2})
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 6<<20 {
		t.Errorf("%d bytes were allocated", used)
	}
	if result.Before < 48<<20 || result.After > 14<<20 {
		t.Errorf("from %d to %d bytes", result.Before, result.After)
	}
}

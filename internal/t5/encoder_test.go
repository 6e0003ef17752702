package t5

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/npy"
	"github.com/zipar/zipar/internal/tensor"
)

// testdata/encoder.gguf and encoder.npz are made by testdata/encoder.py with
// Hugging Face's T5EncoderModel.

func encoderGolden(t *testing.T) map[string]*npy.Array {
	t.Helper()
	arrays, err := npy.OpenZip(filepath.Join("testdata", "encoder.npz"))
	if err != nil {
		t.Fatal(err)
	}
	return arrays
}

func openFixture(t *testing.T) *gguf.File {
	t.Helper()
	f, err := gguf.Open(filepath.Join("testdata", "encoder.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func openEncoder(t *testing.T, f *gguf.File) *Encoder {
	t.Helper()
	if !Present(f) {
		t.Fatal("Present: false")
	}
	e, err := OpenEncoder(f)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func newPool(t *testing.T, threads int) *tensor.Pool {
	t.Helper()
	p := tensor.NewPool(threads)
	t.Cleanup(p.Close)
	return p
}

func encode(t *testing.T, e *Encoder, p *tensor.Pool, ids []int32) []float32 {
	t.Helper()
	out, err := e.Encode(context.Background(), p, ids, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(out) != len(ids)*e.Dim {
		t.Fatalf("%d values for %d tokens, want %d", len(out), len(ids), len(ids)*e.Dim)
	}
	return out
}

// caption is the golden case of length n.
func caption(golden map[string]*npy.Array, n int) []int32 {
	return append(slices.Clone(golden["ids"].Int32()[:n-1]), 1)
}

func maxDiff(a, b []float32) float64 {
	worst := 0.0
	for i := range a {
		d := math.Abs(float64(a[i]) - float64(b[i]))
		if !(d <= worst) { // a NaN stays
			worst = d
		}
	}
	return worst
}

// Every length from 1 to 120 against Hugging Face, without padding and with
// the padding masked.
func TestEncoderEqualsHuggingFace(t *testing.T) {
	const tolerance = 2e-5
	golden := encoderGolden(t)
	e, p := openEncoder(t, openFixture(t)), newPool(t, 2)
	var worst float64
	for n := 1; n <= 120; n++ {
		got := encode(t, e, p, caption(golden, n))
		for i, row := range []int{0, n / 2, n - 1} {
			at := ((n-1)*3 + i) * e.Dim
			for _, name := range []string{"rows", "padded"} {
				d := maxDiff(got[row*e.Dim:][:e.Dim], golden[name].Float32()[at:][:e.Dim])
				if worst = max(worst, d); !(d <= tolerance) {
					t.Errorf("length %d, token %d, %s: differs by %.3g", n, row, name, d)
				}
			}
		}
		if full := golden[fmt.Sprintf("full_%d", n)]; full != nil {
			d := maxDiff(got, full.Float32())
			if worst = max(worst, d); !(d <= tolerance) {
				t.Errorf("length %d: differs by %.3g", n, d)
			}
		}
	}
	t.Logf("largest difference %.3g", worst)
}

func TestEncoderThreads(t *testing.T) {
	golden := encoderGolden(t)
	e := openEncoder(t, openFixture(t))
	ids := caption(golden, 61)
	want := encode(t, e, newPool(t, 1), ids)
	for _, threads := range []int{2, 3, 7} {
		if got := encode(t, e, newPool(t, threads), ids); !slices.Equal(got, want) {
			t.Errorf("%d threads: other bits than one thread", threads)
		}
	}
}

// What an earlier caption leaves behind, longer ones and those that were
// stopped too, must not show.
func TestEncodeAgain(t *testing.T) {
	golden := encoderGolden(t)
	e, fresh := openEncoder(t, openFixture(t)), openEncoder(t, openFixture(t))
	ids := caption(golden, 17)
	want := encode(t, fresh, newPool(t, 1), ids)
	ctx, stop := context.WithCancel(context.Background())
	if _, err := e.Encode(ctx, newPool(t, 2), caption(golden, 90), func(int, int) { stop() }); !errors.Is(err, context.Canceled) {
		t.Fatalf("a stopped Encode: %v", err)
	}
	first := encode(t, e, newPool(t, 1), ids)
	encode(t, e, newPool(t, 3), caption(golden, 120))
	if again := encode(t, e, newPool(t, 2), ids); !slices.Equal(first, want) || !slices.Equal(again, want) {
		t.Error("after other captions: other bits than at first")
	}
}

// rewrite describes how copyModel changes the fixture.
type rewrite struct {
	arch    string                   // general.architecture; "" keeps it
	prefix  string                   // of the encoder's keys; "" keeps it
	rename  func(name string) string // "" drops the tensor
	set     map[string]gguf.Value    // replaces values, or adds keys
	drop    string                   // a key
	tensors []string                 // more tensors, [8, 32] F32 zeros
}

// copyModel returns the changed fixture.
func copyModel(t *testing.T, f *gguf.File, c rewrite) *gguf.File {
	t.Helper()
	w := gguf.NewWriter()
	done := map[string]bool{}
	for _, key := range f.Keys() {
		v, _ := f.Value(key)
		if key == "general.architecture" && c.arch != "" {
			v = gguf.Of(c.arch)
		}
		if rest, ok := strings.CutPrefix(key, "t5encoder."); ok && c.prefix != "" {
			key = c.prefix + "." + rest
		}
		if n, ok := c.set[key]; ok {
			v = n
		}
		if done[key] = true; key != c.drop {
			w.Set(key, v)
		}
	}
	for key, v := range c.set {
		if !done[key] {
			w.Set(key, v)
		}
	}
	for _, x := range f.Tensors {
		name := x.Name
		if c.rename != nil {
			if name = c.rename(name); name == "" {
				continue
			}
		}
		w.AddTensor(name, x.Dims, x.Type, func(dst io.Writer) error { _, err := dst.Write(x.Data); return err })
	}
	for _, name := range c.tensors {
		w.AddTensor(name, []uint64{32, 8}, ggml.F32, func(dst io.Writer) error { _, err := dst.Write(make([]byte, 32*8*4)); return err })
	}
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	g, err := gguf.Parse("copy.gguf", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// The forms in which an encoder comes give the same bits: architecture t5
// with a decoder beside it, and within an image model's file, whose own
// token_embd.weight has another shape.
func TestEncoderForms(t *testing.T) {
	golden, fixture := encoderGolden(t), openFixture(t)
	p, ids := newPool(t, 2), caption(golden, 40)
	want := encode(t, openEncoder(t, fixture), p, ids)
	for name, c := range map[string]rewrite{
		"t5": {arch: "t5", prefix: "t5", tensors: []string{"dec.blk.0.attn_q.weight", "dec.output_norm.weight", "output.weight"}},
		"bundle": {arch: "llamagen", tensors: []string{"token_embd.weight"}, rename: func(name string) string {
			if name == "token_embd.weight" {
				return "enc.token_embd.weight"
			}
			return name
		}},
		"no value length": {drop: "t5encoder.attention.value_length"},
	} {
		if got := encode(t, openEncoder(t, copyModel(t, fixture, c)), p, ids); !slices.Equal(got, want) {
			t.Errorf("%s: other values, by up to %.3g", name, maxDiff(got, want))
		}
	}
}

// wideModel is an encoder with random weights whose rows have 256 elements, a whole block in every type.
func wideModel(t *testing.T, typ ggml.Type) *gguf.File {
	t.Helper()
	const dim, vocab = 256, 16
	w := gguf.NewWriter()
	w.SetString("general.architecture", "t5encoder")
	w.SetUint32("t5encoder.block_count", 2)
	w.SetUint32("t5encoder.embedding_length", dim)
	w.SetUint32("t5encoder.feed_forward_length", dim)
	w.SetUint32("t5encoder.attention.head_count", 4)
	w.SetUint32("t5encoder.attention.key_length", dim/4)
	w.SetUint32("t5encoder.attention.relative_buckets_count", 32)
	w.SetFloat32("t5encoder.attention.layer_norm_rms_epsilon", 1e-6)
	r := rand.New(rand.NewPCG(1, 2))
	add := func(name string, typ ggml.Type, mean, deviation float64, dims ...uint64) {
		n := 1
		for _, d := range dims {
			n *= int(d)
		}
		values, data := make([]float32, n), make([]byte, typ.RowSize(n))
		for i := range values {
			values[i] = float32(mean + deviation*r.NormFloat64())
		}
		ggml.Quantize(typ, data, values)
		w.AddTensor(name, dims, typ, func(dst io.Writer) error { _, err := dst.Write(data); return err })
	}
	add("token_embd.weight", typ, 0, 1, dim, vocab)
	add("enc.output_norm.weight", ggml.F32, 1, 0.1, dim)
	add("enc.blk.0.attn_rel_b.weight", ggml.F32, 0, 1, 4, 32)
	for i := range 2 {
		for _, part := range []string{"attn_q", "attn_k", "attn_v", "attn_o", "ffn_gate", "ffn_up", "ffn_down"} {
			deviation := 1.0 / 16
			if part == "attn_q" {
				deviation /= 8 // T5's scale of the scores
			}
			add(fmt.Sprintf("enc.blk.%d.%s.weight", i, part), typ, 0, deviation, dim, dim)
		}
		add(fmt.Sprintf("enc.blk.%d.attn_norm.weight", i), ggml.F32, 1, 0.1, dim)
		add(fmt.Sprintf("enc.blk.%d.ffn_norm.weight", i), ggml.F32, 1, 0.1, dim)
	}
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Parse("wide.gguf", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Every element type loads and stays as close to the exact model as its precision says. The errors are root mean squares, of
// embeddings whose root mean square is about 1.
func TestEncoderTypes(t *testing.T) {
	bounds := map[ggml.Type]float64{
		ggml.F32: 0, ggml.F16: 0.001, ggml.BF16: 0.01, ggml.Q8_0: 0.03, ggml.Q6_K: 0.06, ggml.Q5_K: 0.12, ggml.Q5_1: 0.12,
		ggml.Q5_0: 0.12, ggml.Q4_K: 0.25, ggml.Q4_1: 0.25, ggml.Q4_0: 0.25,
	}
	p, ids := newPool(t, 2), []int32{3, 14, 15, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4, 6, 1}
	want := encode(t, openEncoder(t, wideModel(t, ggml.F32)), p, ids)
	for _, typ := range ggml.Types() {
		got := encode(t, openEncoder(t, wideModel(t, typ)), p, ids)
		var sum float64
		for i := range got {
			sum += math.Pow(float64(got[i])-float64(want[i]), 2)
		}
		rms := math.Sqrt(sum / float64(len(got)))
		t.Logf("%s: error %.4f", typ, rms)
		if bound, ok := bounds[typ]; !ok || !(rms <= bound) || rms < bound/20 {
			t.Errorf("%s: error %.4f, want about %g at most", typ, rms, bound)
		}
	}
}

// Packed matrices give every token the bits that it has without, for every
// type and number of tokens. Quantised types are packed, and their data given
// back, once.
func TestPackChangesNoBit(t *testing.T) {
	p := newPool(t, 2)
	ids := []int32{3, 14, 15, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4, 6, 1}
	packs := map[ggml.Type]bool{ggml.Q8_0: true, ggml.Q4_0: true, ggml.Q5_0: true, ggml.Q4_K: true, ggml.Q5_K: true, ggml.Q6_K: true}
	for _, typ := range ggml.Types() {
		f := wideModel(t, typ)
		plain, packed := openEncoder(t, f), openEncoder(t, f)
		if takes := packed.PackBytes(); (takes > 0) != packs[typ] {
			t.Errorf("%s: packing takes %d bytes", typ, takes)
		}
		var released, want int64
		pack := func(release func(data []byte)) {
			if err := packed.Pack(t.Context(), p, release); err != nil {
				t.Error(err)
			}
		}
		pack(func(data []byte) { released += int64(len(data)) })
		if packs[typ] {
			want = 2 * 7 * int64(256*typ.RowSize(256))
		}
		if released != want || packed.PackBytes() != 0 {
			t.Errorf("%s: %d bytes released, want %d; another time takes %d", typ, released, want, packed.PackBytes())
		}
		pack(func([]byte) { t.Errorf("%s: released twice", typ) })
		for _, n := range []int{1, 2, 9, 20} {
			want := encode(t, plain, p, ids[:n])
			for i, v := range encode(t, packed, p, ids[:n]) {
				if math.Float32bits(v) != math.Float32bits(want[i]) {
					t.Fatalf("%s, %d tokens: value %d of token %d is %v, without packing %v", typ, n, i%256, i/256, v, want[i])
				}
			}
		}
	}
}

func TestPresent(t *testing.T) {
	w := gguf.NewWriter()
	w.SetString("general.architecture", "llamagen")
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Parse("image.gguf", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if Present(f) {
		t.Error("Present: true for a file without a text encoder")
	}
	if _, err := OpenEncoder(f); err == nil || err.Error() != "image.gguf: the file holds no T5 text encoder" {
		t.Errorf("OpenEncoder: %v", err)
	}
}

func TestOpenEncoderRefuses(t *testing.T) {
	fixture := openFixture(t)
	without := func(tensor string) func(string) string {
		return func(name string) string {
			if name == tensor {
				return ""
			}
			return name
		}
	}
	set := func(key string, v gguf.Value) rewrite { return rewrite{set: map[string]gguf.Value{key: v}} }
	for _, c := range []struct {
		change rewrite
		want   string // in the message
	}{
		{rewrite{drop: "t5encoder.block_count"}, `t5encoder.block_count`},
		{rewrite{drop: "t5encoder.attention.layer_norm_rms_epsilon"}, `t5encoder.attention.layer_norm_rms_epsilon`},
		{set("t5encoder.block_count", gguf.Of(uint32(0))), "t5encoder.block_count is 0: want 1 to 16777216"},
		{set("t5encoder.block_count", gguf.Of(uint32(4))), `tensor "enc.blk.3.attn_norm.weight" is missing`},
		{set("t5encoder.embedding_length", gguf.Of(uint64(1<<40))), "embedding_length is 1099511627776: want 1 to 16777216"},
		{set("t5encoder.embedding_length", gguf.Of("32")), "t5encoder.embedding_length"},
		{set("t5encoder.embedding_length", gguf.Of(uint32(64))), `tensor "token_embd.weight" has shape [64 32], want [64 64]`},
		{set("t5encoder.attention.head_count", gguf.Of(uint32(1<<21))), "2097152 heads of 16 values: more than 16777216 together"},
		{set("t5encoder.attention.head_count", gguf.Of(uint32(8))), `tensor "enc.blk.0.attn_rel_b.weight" has shape [32 4], want [32 8]`},
		{set("t5encoder.attention.value_length", gguf.Of(uint32(8))), "keys of 16 and values of 8 numbers a head"},
		{set("t5encoder.attention.relative_buckets_count", gguf.Of(uint32(33))), "relative_buckets_count is 33: want an even number from 4 to 510"},
		{set("t5encoder.attention.relative_buckets_count", gguf.Of(uint32(2))), "relative_buckets_count is 2"},
		{set("t5encoder.attention.relative_buckets_count", gguf.Of(uint32(512))), "relative_buckets_count is 512"},
		{set("t5encoder.attention.layer_norm_rms_epsilon", gguf.Of(float32(math.NaN()))), "norm epsilon NaN"},
		{set("t5encoder.attention.layer_norm_rms_epsilon", gguf.Of(float32(0))), "norm epsilon 0"},
		{rewrite{rename: without("token_embd.weight")}, `tensor "token_embd.weight" is missing`},
		{rewrite{arch: "llamagen"}, `tensor "enc.token_embd.weight" is missing`},
		{rewrite{rename: without("enc.output_norm.weight")}, `tensor "enc.output_norm.weight" is missing`},
		{rewrite{rename: without("enc.blk.0.attn_rel_b.weight")}, `tensor "enc.blk.0.attn_rel_b.weight" is missing`},
		{rewrite{rename: without("enc.blk.2.ffn_down.weight")}, `tensor "enc.blk.2.ffn_down.weight" is missing`},
		{rewrite{rename: without("enc.blk.0.ffn_gate.weight")}, "plain ReLU"},
		{rewrite{tensors: []string{"enc.blk.1.attn_rel_b.weight"}}, "(UMT5) is not supported"},
	} {
		_, err := OpenEncoder(copyModel(t, fixture, c.change))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "copy.gguf") {
			t.Errorf("got %v, want a message with %q and the file's name", err, c.want)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	e, p := openEncoder(t, openFixture(t)), newPool(t, 1)
	for _, c := range []struct {
		ids  []int32
		want string
	}{
		{nil, "t5: no tokens to encode"},
		{[]int32{3, 64, 1}, "t5: token 1 has id 64, the vocabulary has 64"},
		{[]int32{-1}, "t5: token 0 has id -1, the vocabulary has 64"},
	} {
		if _, err := e.Encode(context.Background(), p, c.ids, nil); err == nil || err.Error() != c.want {
			t.Errorf("%v: got %v, want %q", c.ids, err, c.want)
		}
	}
}

// A context that ends within a layer ends the work before the next one.
func TestEncodeCancelled(t *testing.T) {
	e, p := openEncoder(t, openFixture(t)), newPool(t, 1)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var layers []int
	_, err := e.Encode(ctx, p, []int32{5, 1}, func(layer, of int) {
		if layers = append(layers, layer); of != 3 {
			t.Errorf("%d layers, want 3", of)
		}
		if layer == 2 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || !slices.Equal(layers, []int{1, 2}) {
		t.Errorf("error %v after layers %v", err, layers)
	}
}

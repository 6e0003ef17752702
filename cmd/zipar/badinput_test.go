package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/png"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/memory"
	"github.com/zipar/zipar/internal/npy"
	"github.com/zipar/zipar/internal/testmodel"
	"github.com/zipar/zipar/internal/torchfile/torchtest"
)

// What every refusal of bad input has to keep: one line that names the file or
// the flag, the right exit code, no output, little time and memory. The time
// is the processor's, which other programs change little; the race detector
// makes it several times as long.
const (
	badInputTime   = 100 * time.Millisecond
	badInputMemory = 64 << 20 // beyond the input and what an idle process takes
)

// badInput is a command that must refuse its input.
type badInput struct {
	name string
	args string   // split at spaces; generate and decode get --out out.png unless they say where
	code int      // exit code
	want []string // parts of the message
}

// kitchen is the folder in which bad input is made and tried.
type kitchen struct {
	t    *testing.T
	dir  string
	most *worstCase
}

// worstCase is what the refusals took at most.
type worstCase struct {
	wall, processor time.Duration
	memory          int64
}

// log tells it, for docs/verification.md.
func (w *worstCase) log(t *testing.T, cases int) {
	t.Logf("%d cases: at most %v, %v of processor time, %d MiB beyond the file and an idle process",
		cases, w.wall.Round(time.Millisecond), w.processor.Round(time.Millisecond), w.memory>>20)
}

func (k kitchen) write(name string, data []byte) {
	k.t.Helper()
	path := filepath.Join(k.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		k.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		k.t.Fatal(err)
	}
}

func (k kitchen) read(name string) []byte {
	k.t.Helper()
	data, err := os.ReadFile(filepath.Join(k.dir, name))
	if err != nil {
		k.t.Fatal(err)
	}
	return data
}

// model writes a tiny model, in which spoil may damage the tensors' data.
func (k kitchen) model(name string, o testmodel.Options, spoil func(f *gguf.File)) {
	k.t.Helper()
	var b bytes.Buffer
	if err := testmodel.Write(&b, o); err != nil {
		k.t.Fatal(err)
	}
	if spoil != nil {
		f, err := gguf.Parse(name, b.Bytes())
		if err != nil {
			k.t.Fatal(err)
		}
		spoil(f)
	}
	k.write(name, b.Bytes())
}

// setFloat sets an element of an F32 tensor.
func (k kitchen) setFloat(f *gguf.File, tensor string, i int, v float32) {
	k.t.Helper()
	t, ok := f.Tensor(tensor)
	if !ok || t.Type != ggml.F32 {
		k.t.Fatalf("no F32 tensor %q", tensor)
	}
	binary.LittleEndian.PutUint32(t.Data[4*i:], math.Float32bits(v))
}

// replaced writes a copy of m.gguf with a text of the same length in place of another.
func (k kitchen) replaced(name, old, text string) {
	k.t.Helper()
	data := k.read("m.gguf")
	if !bytes.Contains(data, []byte(old)) || len(old) != len(text) {
		k.t.Fatalf("%q, %q", old, text)
	}
	k.write(name, bytes.Replace(data, []byte(old), []byte(text), 1))
}

// key writes a copy of m.gguf with another value of a uint32 key.
func (k kitchen) key(name, key string, v uint32) {
	k.t.Helper()
	data := k.read("m.gguf")
	at := bytes.Index(data, []byte(key+"\x04\x00\x00\x00"))
	if at < 0 {
		k.t.Fatalf("no uint32 key %s", key)
	}
	binary.LittleEndian.PutUint32(data[at+len(key)+4:], v)
	k.write(name, data)
}

// pickle writes a checkpoint whose pickle is this.
func (k kitchen) pickle(name, pickle string) {
	k.t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateHeader(&zip.FileHeader{Name: "a/data.pkl", Method: zip.Store})
	if err == nil {
		_, err = io.WriteString(w, pickle)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		k.t.Fatal(err)
	}
	k.write(name, b.Bytes())
}

func (k kitchen) npy(name string, shape []int, value float32) {
	k.t.Helper()
	n := 1
	for _, d := range shape {
		n *= d
	}
	data := make([]float32, n)
	data[n-1] = value
	var b bytes.Buffer
	if err := npy.Write(&b, shape, data); err != nil {
		k.t.Fatal(err)
	}
	k.write(name, b.Bytes())
}

// npyHeader is an .npy file of this header and data.
func npyHeader(header, data string) []byte {
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	return append(binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(header))), header+data...)
}

// pngOf is a grey picture.
func pngOf(w, h int) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, w, h))); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// pngSize is a PNG whose header claims another size.
func pngSize(w, h uint32) []byte {
	data := pngOf(8, 8)
	binary.BigEndian.PutUint32(data[16:], w)
	binary.BigEndian.PutUint32(data[20:], h)
	binary.BigEndian.PutUint32(data[29:], crc32.ChecksumIEEE(data[12:29]))
	return data
}

// cook makes good input and bad.
func cook(t *testing.T) kitchen {
	k := kitchen{t, t.TempDir(), new(worstCase)}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	k.model("m.gguf", testmodel.Options{}, nil)
	k.model("caption.gguf", testmodel.Options{Caption: true}, nil)
	k.model("novq.gguf", testmodel.Options{NoVQ: true}, nil)
	k.model("vq.gguf", testmodel.Options{VQOnly: true}, nil)
	k.model("text.gguf", testmodel.Options{TextOnly: true}, nil)

	k.model("nan-out.gguf", testmodel.Options{}, func(f *gguf.File) { k.setFloat(f, "output.weight", 5, nan) })
	k.model("inf-out.gguf", testmodel.Options{}, func(f *gguf.File) { k.setFloat(f, "output.weight", 5, inf) })
	k.model("nan-embd.gguf", testmodel.Options{}, func(f *gguf.File) { k.setFloat(f, "cond.class_embd.weight", 3*testmodel.Dim, nan) })
	k.model("nan-block.gguf", testmodel.Options{}, func(f *gguf.File) { k.setFloat(f, "blk.1.ffn_down.weight", 9, nan) })
	k.model("nan-vq.gguf", testmodel.Options{}, func(f *gguf.File) { k.setFloat(f, "vq.decoder.conv_out.weight", 0, nan) })
	k.model("nan-text.gguf", testmodel.Options{Caption: true, Text: true}, func(f *gguf.File) { k.setFloat(f, "enc.output_norm.weight", 0, nan) })

	k.replaced("arch.gguf", "\x08\x00\x00\x00\x00\x00\x00\x00llamagen", "\x08\x00\x00\x00\x00\x00\x00\x00llamaold")
	k.replaced("kind.gguf", "\x05\x00\x00\x00\x00\x00\x00\x00class", "\x05\x00\x00\x00\x00\x00\x00\x00glass")
	k.replaced("nokey.gguf", "llamagen.block_count", "llamagen.block_coumt")
	k.replaced("notensor.gguf", "blk.1.ffn_up.weight", "blk.1.ffn_op.weight")
	k.replaced("novqtensor.gguf", "vq.decoder.conv_out.weight", "vq.decoder.conv_oot.weight")
	k.key("layers.gguf", "llamagen.block_count", 1<<31)
	k.key("layers0.gguf", "llamagen.block_count", 0)
	k.key("heads.gguf", "llamagen.attention.head_count", 3)
	k.key("heads-huge.gguf", "llamagen.attention.head_count", math.MaxUint32)
	k.key("dim.gguf", "llamagen.embedding_length", 65)
	k.key("dim-huge.gguf", "llamagen.embedding_length", math.MaxUint32)
	k.key("vocab.gguf", "llamagen.vocab_size", 63)
	k.key("rows-huge.gguf", "llamagen.image.rows", math.MaxUint32)
	k.key("rows0.gguf", "llamagen.image.rows", 0)
	k.key("tokens.gguf", "llamagen.condition.token_count", 2)
	k.key("classes.gguf", "llamagen.condition.class_count", math.MaxUint32)
	k.key("topk.gguf", "llamagen.sampling.top_k", math.MaxUint32)
	k.key("groups.gguf", "vq.norm_groups", 3)
	k.key("groups0.gguf", "vq.norm_groups", 0)
	k.key("codebook.gguf", "vq.codebook_size", math.MaxUint32)
	k.key("pixels.gguf", "vq.pixels_per_token", 8)

	k.write("zeros.gguf", make([]byte, 4096))
	data := k.read("m.gguf")
	k.write("cut.gguf", data[:len(data)/2])
	k.write("cut1.gguf", data[:len(data)-1])
	k.write("page.html", []byte("<!DOCTYPE html><html></html>"))
	k.write("empty", nil)
	k.write("prompts-bytes.txt", []byte("a red apple\n\xff\n"))
	k.write("prompts-nul.txt", []byte("a red\x00apple\n"))
	k.write("prompts-none.txt", []byte("# only this\n"))
	if err := os.Mkdir(filepath.Join(k.dir, "folder"), 0o777); err != nil {
		t.Fatal(err)
	}

	k.codes()
	k.arrays(nan)
	k.pictures()
	k.checkpoints(nan)
	k.textEncoders()
	return k
}

func (k kitchen) codes() {
	for name, text := range map[string]string{
		"cut":      `{"rows":1,"cols":2,"codes":[[1,`,
		"text":     "one two three",
		"list":     "[[1,2],[3,4]]",
		"negative": `{"rows":1,"cols":2,"codes":[[1,-2]]}`,
		"float":    `{"rows":1,"cols":2,"codes":[[1,2.5]]}`,
		"large":    `{"rows":1,"cols":2,"codes":[[1,64]]}`,
		"overflow": `{"rows":1,"cols":2,"codes":[[1,99999999999]]}`,
		"ragged":   `{"rows":2,"cols":2,"codes":[[1,2],[3]]}`,
		"rows":     `{"rows":3,"cols":2,"codes":[[1,2],[3,4]]}`,
		"none":     `{"rows":0,"cols":0,"codes":[]}`,
		"minus":    `{"rows":-1,"cols":2,"codes":[[1,2]]}`,
		"after":    `{"rows":1,"cols":2,"codes":[[1,2]]} more`,
		"deep":     `{"rows":1,"cols":1,"codes":` + strings.Repeat("[", 20000),
		"wide":     `{"rows":30,"cols":700000,"codes":[[` + strings.Repeat("1,", 699999) + `1]]}`,
	} {
		k.write("codes-"+name+".json", []byte(text))
	}
	k.write("codes.json", []byte(`{"rows":2,"cols":8,"codes":[[1,2,3,4,5,6,7,8],[1,2,3,4,5,6,7,8]]}`))
}

func (k kitchen) arrays(nan float32) {
	k.npy("nan.npy", []int{3, testmodel.CaptionWidth}, nan)
	k.npy("narrow.npy", []int{3, 5}, 0)
	k.npy("long.npy", []int{testmodel.CaptionPositions + 1, testmodel.CaptionWidth}, 0)
	k.npy("flat.npy", []int{testmodel.CaptionWidth}, 0)
	k.npy("batch.npy", []int{2, 3, testmodel.CaptionWidth}, 0)
	good := k.read("long.npy")
	k.write("cut.npy", good[:len(good)-7])
	k.write("magic.npy", append([]byte("\x93NUMPZ"), good[6:]...))
	k.write("version.npy", append([]byte("\x93NUMPY\x09"), good[7:]...))
	k.write("objects.npy", npyHeader("{'descr': '|O', 'fortran_order': False, 'shape': (2, 24), }", "abc"))
	k.write("huge.npy", npyHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 24), }", ""))
	k.write("overflow.npy", npyHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 24), }", ""))
	k.write("code.npy", npyHeader("{'descr': __import__('os').system('true')}", ""))
	k.write("header.npy", []byte("\x93NUMPY\x02\x00\xff\xff\xff\xff{"))
}

func (k kitchen) pictures() {
	good := pngOf(8, 8)
	k.write("good.png", good)
	k.write("odd.png", pngOf(9, 8))
	k.write("cut.png", good[:len(good)-20])
	k.write("head.png", good[:30])
	k.write("bomb.png", pngSize(1<<30, 1<<30))
	k.write("wide.png", pngSize(1<<31-4, 4))
	k.write("zero.png", pngSize(0, 8))
	bad := slices.Clone(good)
	bad[len(bad)-16] ^= 1 // in the pixels: the checksum is wrong
	k.write("crc.png", bad)
	k.write("photo.png", []byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"))
}

func (k kitchen) checkpoints(nan float32) {
	const end = "."
	k.pickle("opcode.pt", "\x80\x02\xff"+end)
	k.pickle("instance.pt", "(ios\nsystem\n"+end)
	k.pickle("system.pt", "\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R"+end)
	k.pickle("eval.pt", "\x80\x02c__builtin__\neval\nX\x03\x00\x00\x001+1\x85R"+end)
	k.pickle("long.pt", "\x80\x02X\xff\xff\xff\x7fa"+end)
	k.pickle("marks.pt", strings.Repeat("(", 5000)+end)
	k.pickle("stack.pt", "N"+strings.Repeat("2", 1<<20+10)+end)
	k.pickle("objects.pt", strings.Repeat("}0", 1<<20+10)+end)
	k.pickle("memo.pt", "}r\xff\xff\xff\x7f"+end)
	k.pickle("nothing.pt", "")
	k.pickle("list.pt", "]"+end)
	k.pickle("loop.pt", "}q\x00X\x01\x00\x00\x00ah\x00s"+end)
	k.write("text.pt", []byte("hello"))
	k.write("zip.pt", []byte("PK\x03\x04 and no more"))
	// A few bytes that unpack to a gigabyte.
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("a/data.pkl")
	if err == nil {
		zeros := make([]byte, 1<<20)
		for range 128 {
			if _, err = w.Write(zeros); err != nil {
				break
			}
		}
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		k.t.Fatal(err)
	}
	k.write("bomb.pt", b.Bytes())

	golden, err := os.ReadFile("../../testdata/golden/c2i-tiny.pt")
	if err != nil {
		k.t.Fatal(err)
	}
	k.write("good.pt", golden)
	k.write("cut.pt", golden[:len(golden)/2])
	for name, tensors := range map[string][]torchtest.Tensor{
		"foreign": {{Name: "conv1.weight", Shape: []int64{2}, Data: []float32{1, 2}}},
		"shape":   {{Name: "tok_embeddings.weight", Shape: []int64{2}, Data: []float32{1, 2}}, {Name: "cls_embedding.embedding_table.weight", Shape: []int64{2}, Data: []float32{1, 2}}},
	} {
		if err := torchtest.Write(filepath.Join(k.dir, name+".pt"), "model", tensors); err != nil {
			k.t.Fatal(err)
		}
	}
}

// textEncoders makes folders of text encoders that break at one file each.
func (k kitchen) textEncoders() {
	const config = `{"model_type":"t5","vocab_size":8,"d_model":4,"d_kv":2,"d_ff":4,"num_layers":1,"num_heads":2,"feed_forward_proj":"gated-gelu"}`
	folder := func(name string, files map[string]string) {
		for file, text := range files {
			k.write(filepath.Join(name, file), []byte(text))
		}
	}
	tensors := func(header string) string {
		return string(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))) + header
	}
	// A SentencePiece model: two pieces, one of them unknown (type 2).
	const pieces = "\x0a\x0b\x0a\x05<unk>\x15\x00\x00\x00\x00\x18\x02" + "\x0a\x0a\x0a\x04</s>\x15\x00\x00\x00\x00\x18\x03"
	folder("te-config", map[string]string{"config.json": "{"})
	folder("te-kind", map[string]string{"config.json": `{"model_type":"bert"}`})
	folder("te-notokens", map[string]string{"config.json": config})
	folder("te-spiece", map[string]string{"config.json": config, "spiece.model": "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"})
	folder("te-spiececut", map[string]string{"config.json": config, "spiece.model": pieces[:9]})
	folder("te-spieceempty", map[string]string{"config.json": config, "spiece.model": ""})
	folder("te-json", map[string]string{"config.json": config, "tokenizer.json": `{"model":{"type":"BPE"}}`})
	folder("te-jsoncut", map[string]string{"config.json": config, "tokenizer.json": `{"model":{"type":"Uni`})
	for name, text := range map[string]string{
		"empty":    "",
		"short":    "\x01\x02",
		"length":   "\xff\xff\xff\xff\xff\xff\xff\x7f{}",
		"json":     tensors(`{"a":`),
		"offsets":  tensors(`{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}`),
		"overflow": tensors(`{"a":{"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,16]}}`) + strings.Repeat("\x00", 16),
		"dtype":    tensors(`{"shared.weight":{"dtype":"F99","shape":[4],"data_offsets":[0,16]}}`) + strings.Repeat("\x00", 16),
		"html":     "<!DOCTYPE html><html>",
	} {
		folder("st-"+name, map[string]string{"config.json": config, "model.safetensors": text,
			"tokenizer.json": `{"model":{"type":"Unigram","unk_id":2,"vocab":[["<pad>",0],["</s>",0],["<unk>",0],["a",-1]]},"pre_tokenizer":{"type":"Metaspace","replacement":"▁"}}`})
	}
}

var badInputs = []badInput{
	// Damaged and foreign model files. Those of internal/gguf/testdata/bad have a test of their own.
	{"zeros", "generate -m zeros.gguf --class 3", 3, []string{"zeros.gguf", "not a GGUF file"}},
	{"cut in the middle", "generate -m cut.gguf --class 3", 3, []string{"cut.gguf: tensor", "needs"}},
	{"a byte short", "generate -m cut1.gguf --class 3", 3, []string{"cut1.gguf: tensor", "needs"}},
	{"a page of the web", "generate -m page.html --class 3", 3, []string{"page.html", "HTML"}},
	{"nothing", "generate -m empty --class 3", 3, []string{"empty: the file is empty"}},
	{"a folder", "generate -m folder --class 3", 3, []string{"folder: is a directory"}},
	{"no file", "generate -m nothing.gguf --class 3", 1, []string{"nothing.gguf", "no such file"}},
	{"another architecture", "generate -m arch.gguf --class 3", 3, []string{`arch.gguf: holds a model of architecture "llamaold"`, "known: llamagen"}},
	{"another kind", "generate -m kind.gguf --class 3", 3, []string{`kind.gguf: llamagen.condition.kind is "glass": want class or caption`}},
	{"a missing key", "generate -m nokey.gguf --class 3", 3, []string{"nokey.gguf", `"llamagen.block_count"`}},
	{"a missing tensor", "generate -m notensor.gguf --class 3", 3, []string{`notensor.gguf: tensor "blk.1.ffn_up.weight" is missing`}},
	{"a missing tensor of the VQ", "generate -m novqtensor.gguf --class 3", 3, []string{`novqtensor.gguf: tensor "vq.decoder.conv_out.weight" is missing`}},
	{"too many layers", "generate -m layers.gguf --class 3", 3, []string{"layers.gguf", "block_count"}},
	{"no layers", "generate -m layers0.gguf --class 3", 3, []string{"layers0.gguf", "block_count"}},
	{"heads", "generate -m heads.gguf --class 3", 3, []string{"heads.gguf", "head"}},
	{"too many heads", "generate -m heads-huge.gguf --class 3", 3, []string{"heads-huge.gguf", "head"}},
	{"another width", "generate -m dim.gguf --class 3", 3, []string{"dim.gguf"}},
	{"too wide", "generate -m dim-huge.gguf --class 3", 3, []string{"dim-huge.gguf", "embedding_length"}},
	{"another vocabulary", "generate -m vocab.gguf --class 3", 3, []string{"vocab.gguf: tensor"}},
	{"too many rows", "generate -m rows-huge.gguf --class 3", 3, []string{"rows-huge.gguf"}},
	{"no rows", "generate -m rows0.gguf --class 3", 3, []string{"rows0.gguf"}},
	{"condition tokens", "generate -m tokens.gguf --class 3", 3, []string{"tokens.gguf: a class model with 2 condition tokens"}},
	{"too many classes", "generate -m classes.gguf --class 3", 3, []string{"classes.gguf", "class_count"}},
	{"groups", "generate -m groups.gguf --class 3", 3, []string{"groups.gguf", "groups"}},
	{"no groups", "generate -m groups0.gguf --class 3", 3, []string{"groups0.gguf", "groups"}},
	{"a huge codebook", "generate -m codebook.gguf --class 3", 3, []string{"codebook.gguf"}},
	{"pixels", "generate -m pixels.gguf --class 3", 3, []string{"pixels.gguf: the VQ decoder makes 4 pixels of a token, vq.pixels_per_token says 8"}},

	// Weights that are no numbers.
	{"NaN in the head", "generate -m nan-out.gguf --class 3", 3, []string{"nan-out.gguf", "row 0, column 0", "not finite"}},
	{"NaN in the judge's head", "bench -m m.gguf --class 3 --window 4 --details d.jsonl --judge nan-out.gguf", 3, []string{"nan-out.gguf", "row 0, column 0", "not finite"}},
	{"infinity in the head", "generate -m inf-out.gguf --class 3", 3, []string{"inf-out.gguf", "row 0, column 0"}},
	{"NaN in a class", "generate -m nan-embd.gguf --class 3", 3, []string{"nan-embd.gguf", "row 0, column 0"}},
	{"NaN in a block", "generate -m nan-block.gguf --class 3", 3, []string{"nan-block.gguf", "row 0, column 0"}},
	{"NaN in the VQ", "generate -m nan-vq.gguf --class 3", 3, []string{"nan-vq.gguf", "pixel 0 of line 0 is NaN"}},
	{"NaN in the VQ of decode", "decode -m nan-vq.gguf codes.json", 3, []string{"nan-vq.gguf", "pixel 0 of line 0 is NaN"}},
	{"NaN in the text encoder", "generate -m nan-text.gguf --prompt apple", 3, []string{"nan-text.gguf", "NaN"}},
	{"NaN in a benchmark", "bench -m nan-out.gguf --class 3", 3, []string{"nan-out.gguf", "row 0, column 0"}},
	{"NaN for quantize", "quantize nan-out.gguf out.gguf q8_0", 3, []string{"nan-out.gguf", "output.weight", "NaN"}},

	// Files of another kind than the flag wants.
	{"a VQ as the model", "generate -m vq.gguf --class 3", 3, []string{"vq.gguf: holds an image tokenizer (VQ) only: give it as --vae"}},
	{"a text encoder as the model", "generate -m text.gguf --prompt a", 3, []string{`text.gguf: holds a model of architecture "t5encoder", which cannot draw`}},
	{"no VQ", "generate -m novq.gguf --class 3", 3, []string{"novq.gguf: this model has no VQ decoder: give --vae FILE"}},
	{"a model as the VQ", "generate -m m.gguf --vae novq.gguf --class 3", 3, []string{"novq.gguf: has no VQ decoder"}},
	{"a VQ as the text encoder", "generate -m caption.gguf --t5xxl vq.gguf --prompt a", 3, []string{"vq.gguf: has no T5 text encoder"}},
	{"no text encoder", "generate -m caption.gguf --prompt a", 3, []string{"caption.gguf: this model has no text encoder: give --t5xxl FILE"}},
	{"a checkpoint as the model", "generate -m good.pt --class 3", 3, []string{"good.pt", "zipar convert"}},
	{"a class for captions", "generate -m caption.gguf --class 3", 2, []string{"--class 3", "caption model"}},
	{"a prompt for classes", "generate -m m.gguf --prompt apple", 2, []string{"--prompt", "class model"}},
	{"decode without a VQ", "decode -m novq.gguf codes.json", 3, []string{"novq.gguf: this model has no VQ decoder"}},
	{"encode without a VQ", "encode -m novq.gguf --codes out.json good.png", 3, []string{"novq.gguf: this model has no VQ decoder"}},
	{"quantize a picture", "quantize good.png out.gguf q8_0", 3, []string{"good.png", "PNG image"}},
	{"inspect a checkpoint", "inspect good.pt", 3, []string{"good.pt", "zipar convert"}},
	{"inspect a folder", "inspect folder", 3, []string{"folder"}},

	// Codes.
	{"codes cut", "decode -m vq.gguf codes-cut.json", 1, []string{"codes-cut.json: no code file"}},
	{"codes of text", "decode -m vq.gguf codes-text.json", 1, []string{"codes-text.json: no code file"}},
	{"codes as a list", "decode -m vq.gguf codes-list.json", 1, []string{"codes-list.json: no code file"}},
	{"a negative code", "decode -m vq.gguf codes-negative.json", 1, []string{"codes-negative.json: code -2 at row 0, column 1"}},
	{"a fraction", "decode -m vq.gguf codes-float.json", 1, []string{"codes-float.json: no code file"}},
	{"a code beyond the codebook", "decode -m vq.gguf codes-large.json", 1, []string{"codes-large.json", "64"}},
	{"a code beyond all", "decode -m vq.gguf codes-overflow.json", 1, []string{"codes-overflow.json: no code file"}},
	{"a ragged grid", "decode -m vq.gguf codes-ragged.json", 1, []string{`codes-ragged.json: row 1 of "codes" has 1 codes, "cols" says 2`}},
	{"a missing row", "decode -m vq.gguf codes-rows.json", 1, []string{`codes-rows.json: "codes" has 2 rows, "rows" says 3`}},
	{"no codes", "decode -m vq.gguf codes-none.json", 1, []string{`codes-none.json: "rows" is 0`}},
	{"minus one row", "decode -m vq.gguf codes-minus.json", 1, []string{`codes-minus.json: "rows" is -1`}},
	{"text after the codes", "decode -m vq.gguf codes-after.json", 1, []string{"codes-after.json: data after the end of the codes"}},
	{"deep codes", "decode -m vq.gguf codes-deep.json", 1, []string{"codes-deep.json: no code file"}},
	{"more codes than a file can hold", "decode -m vq.gguf codes-wide.json", 1, []string{`codes-wide.json: "rows" is 30 and "cols" is 700000: a code file has at most 4194304 codes`}},
	{"an empty code file", "decode -m vq.gguf empty", 1, []string{"empty: no code file: it is empty"}},
	{"a picture as codes", "decode -m vq.gguf good.png", 1, []string{"good.png: no code file"}},
	{"codes to keep of another grid", "generate -m m.gguf --class 3 --init-codes codes-rows.json --keep-rows 1", 2, []string{"--keep-rows 1 of codes-rows.json, which has 3 rows of 2 tokens"}},
	{"more rows to keep than there are", "generate -m m.gguf --class 3 --init-codes codes.json --keep-rows 3", 2, []string{"--keep-rows 3 of codes.json"}},

	// Features of captions.
	{"NaN in features", "generate -m caption.gguf --caption-embedding nan.npy", 1, []string{"nan.npy: value 23 of position 2 is NaN"}},
	{"narrow features", "generate -m caption.gguf --caption-embedding narrow.npy", 1, []string{"narrow.npy: holds an array of shape [3 5]"}},
	{"too many positions", "generate -m caption.gguf --caption-embedding long.npy", 1, []string{"long.npy: holds an array of shape [13 24]"}},
	{"flat features", "generate -m caption.gguf --caption-embedding flat.npy", 1, []string{"flat.npy: holds an array of shape [24]"}},
	{"features of two captions", "generate -m caption.gguf --caption-embedding batch.npy", 1, []string{"batch.npy: holds an array of shape [2 3 24]"}},
	{"features cut", "generate -m caption.gguf --caption-embedding cut.npy", 1, []string{"cut.npy"}},
	{"features of another format", "generate -m caption.gguf --caption-embedding magic.npy", 1, []string{"magic.npy"}},
	{"features of a later version", "generate -m caption.gguf --caption-embedding version.npy", 1, []string{"version.npy", "version"}},
	{"objects", "generate -m caption.gguf --caption-embedding objects.npy", 1, []string{"objects.npy"}},
	{"a shape beyond the file", "generate -m caption.gguf --caption-embedding huge.npy", 1, []string{"huge.npy"}},
	{"a shape beyond all", "generate -m caption.gguf --caption-embedding overflow.npy", 1, []string{"overflow.npy"}},
	{"code in a header", "generate -m caption.gguf --caption-embedding code.npy", 1, []string{"code.npy"}},
	{"a header of 4 GB", "generate -m caption.gguf --caption-embedding header.npy", 1, []string{"header.npy"}},
	{"empty features", "generate -m caption.gguf --caption-embedding empty", 1, []string{"empty"}},

	// Files of prompts, pictures to repeat.
	{"prompts that are no text", "generate -m caption.gguf --prompt-file prompts-bytes.txt", 1, []string{"prompts-bytes.txt: line 2", "not UTF-8"}},
	{"prompts with NUL", "generate -m caption.gguf --prompt-file prompts-nul.txt", 1, []string{"prompts-nul.txt: line 1", "NUL"}},
	{"no prompts", "generate -m caption.gguf --prompt-file prompts-none.txt", 1, []string{"prompts-none.txt: holds no prompts"}},
	{"a model as prompts", "generate -m caption.gguf --prompt-file m.gguf", 1, []string{"m.gguf: line 1"}},
	{"no file of prompts", "generate -m caption.gguf --prompt-file nothing.txt", 1, []string{"nothing.txt", "no such file"}},
	{"a picture that does not say", "generate -m m.gguf --from good.png", 1, []string{"--from good.png: holds no generation parameters"}},
	{"a picture to repeat that is cut", "generate -m m.gguf --from head.png", 1, []string{"--from head.png"}},
	{"a model to repeat", "generate -m m.gguf --from m.gguf", 1, []string{"--from m.gguf: no PNG picture"}},
	{"two names for one file", "generate -m m.gguf --class 3 -b 2 --step-map ./out.png", 2, []string{"--step-map out-1.png: --out has the same name"}},

	// Pictures.
	{"a picture of odd size", "encode -m vq.gguf --codes out.json odd.png", 1, []string{"9 x 8 pixels", "multiples of 4"}},
	{"a picture cut", "encode -m vq.gguf --codes out.json cut.png", 1, []string{"cut.png"}},
	{"a picture's head", "encode -m vq.gguf --codes out.json head.png", 1, []string{"head.png"}},
	{"a bomb of a picture", "encode -m vq.gguf --codes out.json bomb.png", 1, []string{"bomb.png"}},
	{"a wide picture", "encode -m vq.gguf --codes out.json wide.png", 1, []string{"wide.png"}},
	{"a picture of no width", "encode -m vq.gguf --codes out.json zero.png", 1, []string{"zero.png"}},
	{"a wrong checksum", "encode -m vq.gguf --codes out.json crc.png", 1, []string{"crc.png"}},
	{"a photo", "encode -m vq.gguf --codes out.json photo.png", 1, []string{"photo.png"}},
	{"no picture", "encode -m vq.gguf --codes out.json empty", 1, []string{"empty"}},
	{"a model as the picture", "encode -m vq.gguf --codes out.json m.gguf", 1, []string{"m.gguf"}},

	// Checkpoints.
	{"an unknown opcode", "convert --out out.gguf opcode.pt", 3, []string{"opcode.pt", "opcode 0xff"}},
	{"an instance", "convert --out out.gguf instance.pt", 3, []string{"instance.pt", "opcode 0x69"}},
	{"a call of os.system", "convert --out out.gguf system.pt", 3, []string{"system.pt"}},
	{"a call of eval", "convert --out out.gguf eval.pt", 3, []string{"eval.pt"}},
	{"a long string", "convert --out out.gguf long.pt", 3, []string{"long.pt", "needs 2147483647 bytes"}},
	{"a bomb of marks", "convert --out out.gguf marks.pt", 3, []string{"marks.pt", "marks"}},
	{"a bomb of values", "convert --out out.gguf stack.pt", 3, []string{"stack.pt", "stack"}},
	{"a bomb of objects", "convert --out out.gguf objects.pt", 3, []string{"objects.pt", "objects"}},
	{"a bomb of the memo", "convert --out out.gguf memo.pt", 3, []string{"memo.pt", "memo"}},
	{"a bomb of zeros", "convert --out out.gguf bomb.pt", 3, []string{"bomb.pt"}},
	{"an empty pickle", "convert --out out.gguf nothing.pt", 3, []string{"nothing.pt"}},
	{"a list", "convert --out out.gguf list.pt", 3, []string{"list.pt", "list"}},
	{"a dict of itself", "convert --out out.gguf loop.pt", 3, []string{"loop.pt"}},
	{"text as a checkpoint", "convert --out out.gguf text.pt", 3, []string{"text.pt"}},
	{"half a zip", "convert --out out.gguf zip.pt", 3, []string{"zip.pt"}},
	{"a checkpoint cut", "convert --out out.gguf cut.pt", 3, []string{"cut.pt"}},
	{"another network", "convert --out out.gguf foreign.pt", 3, []string{"foreign.pt", "it is no LlamaGen model", "conv1.weight"}},
	{"wrong shapes", "convert --out out.gguf shape.pt", 3, []string{"shape.pt", "shape [2]"}},
	{"an empty checkpoint", "convert --out out.gguf empty", 3, []string{"empty"}},
	{"a GGUF as a checkpoint", "convert --out out.gguf m.gguf", 3, []string{"m.gguf"}},
	{"a folder as a checkpoint", "convert --out out.gguf folder", 3, []string{"folder"}},
	{"no grid", "convert --out out.gguf --heads 2 good.pt", 2, []string{"--grid"}},

	// Text encoders.
	{"no config.json", "convert --out out.gguf --text-encoder folder", 3, []string{"folder", "config.json"}},
	{"config.json cut", "convert --out out.gguf --text-encoder te-config", 3, []string{"te-config", "config.json"}},
	{"another encoder", "convert --out out.gguf --text-encoder te-kind", 3, []string{"te-kind", `"bert"`}},
	{"no tokenizer", "convert --out out.gguf --text-encoder te-notokens", 3, []string{"te-notokens", "spiece.model"}},
	{"spiece.model with a long field", "convert --out out.gguf --text-encoder te-spiece", 3, []string{"spiece.model"}},
	{"spiece.model cut", "convert --out out.gguf --text-encoder te-spiececut", 3, []string{"spiece.model"}},
	{"spiece.model empty", "convert --out out.gguf --text-encoder te-spieceempty", 3, []string{"spiece.model"}},
	{"tokenizer.json of another kind", "convert --out out.gguf --text-encoder te-json", 3, []string{"tokenizer.json", "BPE"}},
	{"tokenizer.json cut", "convert --out out.gguf --text-encoder te-jsoncut", 3, []string{"tokenizer.json"}},
	{"safetensors empty", "convert --out out.gguf --text-encoder st-empty", 3, []string{"model.safetensors"}},
	{"safetensors short", "convert --out out.gguf --text-encoder st-short", 3, []string{"model.safetensors"}},
	{"safetensors with a long header", "convert --out out.gguf --text-encoder st-length", 3, []string{"model.safetensors"}},
	{"safetensors with a header cut", "convert --out out.gguf --text-encoder st-json", 3, []string{"model.safetensors"}},
	{"safetensors without its data", "convert --out out.gguf --text-encoder st-offsets", 3, []string{"model.safetensors"}},
	{"safetensors with a shape beyond all", "convert --out out.gguf --text-encoder st-overflow", 3, []string{"model.safetensors"}},
	{"safetensors of an unknown type", "convert --out out.gguf --text-encoder st-dtype", 3, []string{"model.safetensors"}},
	{"safetensors that is a page", "convert --out out.gguf --text-encoder st-html", 3, []string{"model.safetensors", "web page"}},

	// Flags out of range.
	{"a window below zero", "generate -m m.gguf --class 3 --window -1", 2, []string{"--window -1"}},
	{"a window of words", "generate -m m.gguf --class 3 --window many", 2, []string{`--window "many": want a whole number`}},
	{"a window beyond all", "generate -m m.gguf --class 3 --window 99999999999999999999", 2, []string{"--window", "out of range"}},
	{"a temperature below zero", "generate -m m.gguf --class 3 --temp -1", 2, []string{"temperature -1"}},
	{"a temperature of NaN", "generate -m m.gguf --class 3 --temp NaN", 2, []string{"temperature NaN"}},
	{"an infinite temperature", "generate -m m.gguf --class 3 --temp Inf", 2, []string{"temperature"}},
	{"top-p above one", "generate -m m.gguf --class 3 --top-p 1.5", 2, []string{"top-p 1.5"}},
	{"top-k below zero", "generate -m m.gguf --class 3 --top-k -5", 2, []string{"top-k -5"}},
	{"infinite guidance", "generate -m m.gguf --class 3 --cfg-scale +Inf", 2, []string{"guidance scale"}},
	{"a seed below -1", "generate -m m.gguf --class 3 --seed -2", 2, []string{"--seed -2"}},
	{"too many threads", "generate -m m.gguf --class 3 --threads 5000", 2, []string{"--threads 5000"}},
	{"too many pictures", "generate -m m.gguf --class 3 -b 99999999", 2, []string{"--batch-count 99999999"}},
	{"a class beyond all", "generate -m m.gguf --class 10", 2, []string{"--class 10", "0 to 9"}},
	{"a class with a name", "generate -m m.gguf --class cat", 2, []string{`--class "cat"`}},
	{"a cache type", "generate -m m.gguf --class 3 --cache-type f8", 2, []string{"--cache-type f8"}},
	{"no prompt", "generate -m caption.gguf", 2, []string{"give --prompt TEXT"}},
	{"a type", "quantize m.gguf out.gguf q9", 2, []string{`"q9"`}},
	{"a rule", "quantize m.gguf out.gguf q8_0 --tensor-type [=f16", 2, []string{"--tensor-type"}},
	{"convert to a type", "convert --out out.gguf --type q1 good.pt", 2, []string{"--type q1"}},
	{"convert to a grid", "convert --out out.gguf --grid 0x8 good.pt", 2, []string{"--grid"}},
	{"a grid for bench", "bench --grid 8x", 2, []string{"8x"}},
	{"a folder that is not there", "generate -m m.gguf --class 3 --out no/x.png", 1, []string{"--out no/x.png: the folder no does not exist"}},
	{"a folder as the output", "generate -m m.gguf --class 3 --out folder", 1, []string{"--out folder: is a folder"}},
	{"an unknown flag", "generate --windows 4", 2, []string{"--windows"}},
	{"an unknown command", "draw", 2, []string{`"draw"`}},
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	k := cook(t)
	idle := k.idle()
	before := namesIn(t, k.dir)
	if len(badInputs) < 60 {
		t.Fatalf("%d kinds of bad input", len(badInputs))
	}
	for _, c := range badInputs {
		t.Run(c.name, func(t *testing.T) {
			args := strings.Fields(c.args)
			if args[0] == "generate" && !slices.Contains(args, "--out") || args[0] == "decode" {
				args = append(args, "--out", "out.png")
			}
			kitchen{t, k.dir, k.most}.refuse(idle, c.code, c.want, args...)
			for _, name := range namesIn(t, k.dir) {
				if !slices.Contains(before, name) {
					t.Errorf("left: %s", name)
					os.Remove(filepath.Join(k.dir, name))
				}
			}
		})
	}
	k.most.log(t, len(badInputs))
}

// Each damaged file of the reader's own tests.
func TestBadModelFiles(t *testing.T) {
	t.Parallel()
	folder, err := filepath.Abs("../../internal/gguf/testdata/bad")
	if err != nil {
		t.Fatal(err)
	}
	k := kitchen{t, t.TempDir(), new(worstCase)}
	idle := k.idle()
	files := namesIn(t, folder)
	if len(files) < 60 {
		t.Fatalf("%d files", len(files))
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(name, ".gguf"), func(t *testing.T) {
			k := kitchen{t, k.dir, k.most}
			path := filepath.Join(folder, name)
			code := exitBadModel
			if name == "png.gguf" {
				code = exitFailed // inspect takes it for what it is
			}
			k.refuseHere(code, []string{name + ": "}, "inspect", path)
			k.refuse(idle, exitBadModel, []string{name + ": "}, "generate", "-m", path, "--class", "3")
			if names := namesIn(t, k.dir); len(names) > 0 {
				t.Fatalf("left: %v", names)
			}
		})
	}
	k.most.log(t, len(files))
}

// idle is the memory of a process that does next to nothing.
func (k kitchen) idle() int64 {
	k.t.Helper()
	cmd := exec.Command("zipar", "bench", "--grid", "2x2")
	if err := cmd.Run(); err != nil {
		k.t.Fatal(err)
	}
	return memory.PeakOf(cmd.ProcessState)
}

// run runs a command, once. It returns what was on its outputs.
func (k kitchen) run(args ...string) (state *os.ProcessState, wall time.Duration, stdout, stderr string) {
	k.t.Helper()
	cmd := exec.Command("zipar", args...)
	cmd.Dir = k.dir
	cmd.Env = append(os.Environ(), modelEnv+"=")
	var out, text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &text
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	kill := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	began := time.Now()
	err := cmd.Wait()
	wall = time.Since(began)
	kill.Stop()
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		k.t.Fatal(err)
	}
	return cmd.ProcessState, wall, out.String(), text.String()
}

// refuse runs a command that has to refuse its input.
func (k kitchen) refuse(idle int64, code int, want []string, args ...string) {
	k.t.Helper()
	state, wall, stdout, text := k.run(args...)
	if got := state.ExitCode(); got != code {
		k.t.Errorf("exit code %d, want %d", got, code)
	}
	if !strings.HasPrefix(text, "zipar: ") || strings.Count(text, "\n") != 1 || len(text) > 600 {
		k.t.Errorf("want one clear line, got %q", text)
	}
	for _, bad := range []string{"panic", "goroutine", "runtime error", "strconv", "json: ", "unmarshal", "%!(", "invalid syntax"} {
		if strings.Contains(strings.ReplaceAll(text, ".json: ", ""), bad) {
			k.t.Errorf("want plain words, got %q", text)
		}
	}
	for _, w := range want {
		if !strings.Contains(text, w) {
			k.t.Errorf("want %q in %q", w, text)
		}
	}
	if stdout != "" {
		k.t.Errorf("on standard output: %.100q", stdout)
	}
	limit := badInputTime
	if raceDetector {
		limit *= 20
	}
	took := state.UserTime() + state.SystemTime()
	for try := 0; took > limit && try < 4; try++ { // something else may have been at work
		s, w, _, _ := k.run(args...)
		took, wall = min(took, s.UserTime()+s.SystemTime()), min(wall, w)
	}
	if took > limit {
		k.t.Errorf("it took %v of processor time, limit %v", took, limit)
	}
	beyond := memory.PeakOf(state) - idle - k.sizeOf(args)
	if beyond > badInputMemory {
		k.t.Errorf("it took %d MiB of memory", beyond>>20)
	}
	k.most.wall, k.most.processor, k.most.memory = max(k.most.wall, wall), max(k.most.processor, took), max(k.most.memory, beyond)
}

// refuseHere does the same in this process, which takes less time.
func (k kitchen) refuseHere(code int, want []string, args ...string) {
	k.t.Helper()
	var stdout bytes.Buffer
	cmd := newRootCommand()
	cmd.SetArgs(args)
	cmd.SetOut(&stdout)
	err := cmd.Execute()
	if err == nil {
		k.t.Fatal("no error")
	}
	if got := exitCode(k.t.Context(), err); got != code {
		k.t.Errorf("exit code %d, want %d", got, code)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			k.t.Errorf("want %q in %q", w, err)
		}
	}
	if stdout.Len() > 0 {
		k.t.Errorf("on standard output: %.100q", stdout.String())
	}
}

// sizeOf is the size of the files among the arguments.
func (k kitchen) sizeOf(args []string) int64 {
	var n int64
	for _, a := range args {
		if !filepath.IsAbs(a) {
			a = filepath.Join(k.dir, a)
		}
		if info, err := os.Stat(a); err == nil && info.Mode().IsRegular() {
			n += info.Size()
		}
	}
	return n
}

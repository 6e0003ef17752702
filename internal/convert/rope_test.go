package convert

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/x448/float16"

	"github.com/zipar/zipar/internal/torchfile/torchtest"
)

// freqs is the table of the official code for a grid, in float32 steps as PyTorch computes it.
func freqs(prefix, rows, cols, headDim int64, base float64) torchtest.Tensor {
	half := headDim / 2
	data := make([]float32, 0, (prefix+rows*cols)*headDim)
	data = append(data, make([]float32, prefix*headDim)...)
	for n := range rows * cols {
		for _, at := range []int64{n / cols, n % cols} {
			for k := int64(0); k < half; k += 2 {
				f := 1 / float32(math.Pow(base, float64(float32(k)/float32(half))))
				sin, cos := math.Sincos(float64(float32(at) * f))
				data = append(data, float32(cos), float32(sin))
			}
		}
	}
	return torchtest.Tensor{Name: freqsName, Shape: []int64{prefix + rows*cols, half, 2}, Data: data}
}

// as16 stores a table in 16 bits.
func as16(x torchtest.Tensor, class string) torchtest.Tensor {
	x.Class = class
	for _, v := range x.Data {
		bits := float16.Fromfloat32(v).Bits()
		if class == "BFloat16Storage" {
			b := math.Float32bits(v)
			bits = uint16((b + 0x7fff + b>>16&1) >> 16)
		}
		x.Raw = binary.LittleEndian.AppendUint16(x.Raw, bits)
	}
	return x
}

// freqs_cis tells heads and grid, of any shape and in any type.
func TestFreqsTell(t *testing.T) {
	list := classTensors(16, 32, 96, 64, 5)
	for _, c := range []struct {
		table      torchtest.Tensor
		base       *float64
		heads      string
		rows, cols string
	}{
		{freqs(1, 4, 4, 8, 10000), nil, "u32 4", "u32 4", "u32 4"},
		{freqs(1, 3, 5, 8, 10000), nil, "u32 4", "u32 3", "u32 5"},
		{freqs(1, 5, 3, 8, 10000), nil, "u32 4", "u32 5", "u32 3"},
		{freqs(1, 1, 6, 8, 10000), nil, "u32 4", "u32 1", "u32 6"},
		{freqs(1, 6, 1, 8, 10000), nil, "u32 4", "u32 6", "u32 1"},
		{freqs(1, 1, 1, 8, 10000), nil, "u32 4", "u32 1", "u32 1"},
		{freqs(1, 48, 49, 16, 10000), nil, "u32 2", "u32 48", "u32 49"},
		{freqs(1, 90, 91, 32, 10000), nil, "u32 1", "u32 90", "u32 91"},
		{freqs(1, 6, 4, 4, 10000), nil, "u32 8", "u32 6", "u32 4"},
		{freqs(1, 4, 6, 16, 500), new(500.0), "u32 2", "u32 4", "u32 6"},
		{as16(freqs(1, 24, 24, 16, 10000), "HalfStorage"), nil, "u32 2", "u32 24", "u32 24"},
		{as16(freqs(1, 32, 18, 16, 10000), "BFloat16Storage"), nil, "u32 2", "u32 32", "u32 18"},
	} {
		o := tiny(checkpoint(t, "model", with(list, c.table)))
		o.Heads, o.Grid, o.RopeBase = nil, nil, c.base
		f, result := convertTo(t, o)
		got := keys(f)
		if got["llamagen.attention.head_count"] != c.heads || got["llamagen.image.rows"] != c.rows || got["llamagen.image.columns"] != c.cols {
			t.Errorf("%v: %s heads, %s x %s; want %s, %s x %s", c.table.Shape, got["llamagen.attention.head_count"],
				got["llamagen.image.rows"], got["llamagen.image.columns"], c.heads, c.rows, c.cols)
		}
		text := ""
		for _, choice := range result.Choices {
			text += choice.String() + "\n"
		}
		for _, want := range []string{"heads " + strings.TrimPrefix(c.heads, "u32 ") + ", from freqs_cis\n", ", from freqs_cis\n"} {
			if !strings.Contains(text, want) {
				t.Errorf("choices lack %q:\n%s", want, text)
			}
		}
		if _, ok := f.Tensor(freqsName); ok || len(result.Ignored) != 0 {
			t.Errorf("freqs_cis was converted, or ignored: %q", result.Ignored)
		}
	}
}

// An option that says the same as freqs_cis is welcome, one that does not is an error that says both.
func TestFreqsAndOptions(t *testing.T) {
	o := tiny(checkpoint(t, "model", with(classTensors(16, 32, 96, 64, 5), freqs(1, 2, 3, 8, 10000))))
	f, _ := convertTo(t, o)
	if got := keys(f)["llamagen.image.columns"]; got != "u32 3" {
		t.Errorf("columns %s", got)
	}
	o.Grid = &Grid{3, 2}
	wantError(t, fails(t, o), option(), "--grid: 3x2, but freqs_cis of the checkpoint is that of 2x3")
	o.Grid, o.Heads = nil, new(8)
	wantError(t, fails(t, o), option(), "--heads: 8 heads of 4 values, but freqs_cis in", "has heads of 8 values, which makes 4 heads")
	o.Heads, o.RopeBase = nil, new(100.0)
	wantError(t, fails(t, o), bad(), `tensor "freqs_cis": its values are not those of any grid of 6 tokens with --rope-base 100; they look like a base of about 1e+04`)
}

func TestBadFreqs(t *testing.T) {
	list := classTensors(16, 32, 96, 64, 5)
	spoil := func(index int, v float32) torchtest.Tensor {
		x := freqs(1, 2, 3, 8, 10000)
		x.Data[index] = v
		return x
	}
	for _, c := range []struct {
		table torchtest.Tensor
		want  string
	}{
		{filled(freqsName, 7, 8), "shape [7 8], want [any any 2]"},
		{filled(freqsName, 7, 3, 2), "a head of 6 values cannot turn by row and by column"},
		{filled(freqsName, 1, 4, 2), "1 positions with a prefix of 1, want at least one image token"},
		{spoil(3, 0.5), "position 0 of the prefix of 1 is not zero"},
		{spoil(20, 0.5), "not those of any grid of 6 tokens with --rope-base 10000"},
		{spoil(20, float32(math.NaN())), "not those of any grid of 6 tokens"},
		{freqs(1, 2, 3, 4, 10000), ""}, // 8 heads of 4
		{freqs(1, 2, 3, 24, 10000), "heads of 24 values (from freqs_cis): want a multiple of 4 that divides the width 32"},
		{freqs(1, 2, 3, 64, 10000), "heads of 64 values (from freqs_cis)"},
		{freqs(2, 2, 3, 8, 10000), "not those of any grid of 7 tokens"},
	} {
		o := tiny(checkpoint(t, "model", with(list, c.table)))
		o.Heads, o.Grid = nil, nil
		if c.want == "" {
			convertTo(t, o)
			continue
		}
		wantError(t, fails(t, o), bad(), `tensor "`, c.want)
	}
}

func TestHeads(t *testing.T) {
	for _, c := range []struct {
		name        string
		dim, qkv    int64
		set         func(*Options)
		heads, kv   string
		from        string
		wrong, flag string // an error instead, and the flag it is about ("" for the checkpoint)
	}{
		{"flag", 32, 96, func(o *Options) {}, "u32 4", "u32 4", "heads 4, from --heads", "", ""},
		{"grouped queries", 32, 64, func(o *Options) {}, "u32 4", "u32 2", "key and value heads 2, from the shape of wqkv", "", ""},
		{"one key head", 32, 48, func(o *Options) { o.KVHeads = new(1) }, "u32 4", "u32 1", "heads 4, from --heads", "", ""},
		{"official width", 768, 3 * 768, func(o *Options) { o.Heads = nil }, "u32 12", "u32 12", "heads 12, from the official models of width 768", "", ""},
		{"a flag wins over the official width", 768, 3 * 768, func(o *Options) { o.Heads = new(6) }, "u32 6", "u32 6", "heads 6, from --heads", "", ""},
		{"key heads tell", 32, 64, func(o *Options) { o.Heads, o.KVHeads = nil, new(2) }, "u32 4", "u32 2", "heads 4, from --kv-heads and the shape of wqkv", "", ""},
		{"nothing tells", 32, 96, func(o *Options) { o.Heads = nil }, "", "", "", "not given, and nothing in", "--heads"},
		{"no divisor", 32, 96, func(o *Options) { o.Heads = new(5) }, "", "", "", "5 does not divide the width 32", "--heads"},
		{"too many heads", 32, 96, func(o *Options) { o.Heads = new(64) }, "", "", "", "64 does not divide", "--heads"},
		{"head size 2", 32, 96, func(o *Options) { o.Heads = new(16) }, "", "", "", "heads of 2 values (from --heads): want a multiple of 4", ""},
		{"rows of no heads", 32, 90, func(o *Options) {}, "", "", "", "shape [90 32]: want 32 + 2*8*(key and value heads) rows", ""},
		{"no keys", 32, 32, func(o *Options) {}, "", "", "", "shape [32 32]: want 32 + 2*8*", ""},
		{"fewer rows than queries", 32, 16, func(o *Options) {}, "", "", "", "shape [16 32]: want", ""},
		{"heads that cannot share", 32, 80, func(o *Options) {}, "", "", "", "4 query heads cannot share 3 key and value heads", ""},
		{"more key heads than heads", 32, 160, func(o *Options) {}, "", "", "", "4 query heads cannot share 8", ""},
		{"key heads against heads", 32, 64, func(o *Options) { o.KVHeads = new(4) }, "", "", "", "4, but wqkv of shape [64 32] has 2 with heads of 8 values (from --heads)", "--kv-heads"},
		{"key heads of no size", 32, 96, func(o *Options) { o.Heads, o.KVHeads = nil, new(3) }, "", "", "", "3 does not fit wqkv of shape [96 32]", "--kv-heads"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := tiny(checkpoint(t, "model", classTensors(16, c.dim, c.qkv, 64, 5)))
			c.set(&o)
			if c.wrong != "" {
				kind := bad()
				if c.flag != "" {
					kind = option()
				}
				wantError(t, fails(t, o), kind, c.flag, c.wrong)
				return
			}
			f, result := convertTo(t, o)
			got := keys(f)
			if got["llamagen.attention.head_count"] != c.heads || got["llamagen.attention.head_count_kv"] != c.kv {
				t.Errorf("%s heads, %s key heads", got["llamagen.attention.head_count"], got["llamagen.attention.head_count_kv"])
			}
			text := ""
			for _, choice := range result.Choices {
				text += choice.String() + "\n"
			}
			if !strings.Contains(text, c.from+"\n") {
				t.Errorf("choices lack %q:\n%s", c.from, text)
			}
		})
	}
}

// The official widths have the official head sizes.
func TestOfficialHeads(t *testing.T) {
	for dim, size := range map[int64]int64{768: 64, 1024: 64, 1280: 64, 1536: 64, 2048: 64, 2560: 64, 3200: 100, 4096: 128} {
		if heads := officialHeads[dim]; heads == 0 || dim/heads != size || dim%heads != 0 {
			t.Errorf("width %d: %d heads, want heads of %d", dim, heads, size)
		}
	}
}

func TestGridIsNeverGuessed(t *testing.T) {
	o := golden("c2i-tiny")
	o.Grid = nil
	wantError(t, fails(t, o), option(), "--grid: not given, and nothing in the checkpoint tells the grid", "256 pixels are 16x16 tokens")
	o.VQ = golden("vq-tiny").Checkpoint
	wantError(t, fails(t, o), option(), "--grid: not given, and nothing in the checkpoint tells the grid")
}

func TestBaseHint(t *testing.T) {
	if got := baseHint(freqs(0, 2, 3, 16, 500).Data, 8); got != "; they look like a base of about 500" {
		t.Errorf("got %q", got)
	}
	for _, c := range []struct {
		data  []float32
		pairs int
	}{
		{freqs(0, 2, 3, 4, 500).Data, 2},  // one frequency tells no base
		{freqs(0, 1, 1, 16, 500).Data, 8}, // one token neither
		{make([]float32, 64), 8},
	} {
		if got := baseHint(c.data, c.pairs); got != "" {
			t.Errorf("got %q", got)
		}
	}
}

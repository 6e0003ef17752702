package convert

import (
	"strings"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/torchfile/torchtest"
)

func vqTensors(t *testing.T) []torchtest.Tensor { return values(t, golden("vq-tiny").Checkpoint) }

func TestBadTokenizers(t *testing.T) {
	good := vqTensors(t)
	deep := good
	for _, i := range []string{"3", "4", "5", "6", "7", "8", "9", "10"} {
		deep = with(deep, filled("decoder.conv_blocks."+i+".res.0.norm1.weight", 32))
	}
	for _, c := range []struct {
		name    string
		tensors []torchtest.Tensor
		want    string
	}{
		{"codebook", with(good, filled("quantize.embedding.weight", 512)), `"quantize.embedding.weight": shape [512], want [any any]`},
		{"code width", with(good, filled("post_quant_conv.weight", 32, 4, 1, 1)), `"post_quant_conv.weight": shape [32 4 1 1], want [any 8 1 1]`},
		{"latent", with(good, filled("decoder.conv_in.weight", 64, 16, 3, 3)), "shape [64 16 3 3], want [any 32 3 3]"},
		{"missing middle", without(good, named("decoder.mid.1.k.bias")), `"decoder.mid.1.k.bias": it is missing`},
		{"missing shortcut", without(good, named("decoder.conv_blocks.1.res.0.nin_shortcut.weight")), "nin_shortcut.weight\": it is missing"},
		{"missing upsample", without(good, named("decoder.conv_blocks.0.upsample.conv.weight")), "upsample.conv.weight\": it is missing"},
		{"missing first level", without(good, func(n string) bool { return strings.HasPrefix(n, "decoder.conv_blocks.0.") }), `"decoder.conv_blocks.0.res.0.norm1.weight": it is missing`},
		{"missing last level", without(good, func(n string) bool { return strings.HasPrefix(n, "decoder.conv_blocks.2.") }), "the encoder makes a token of 4 pixels, the decoder makes 2 of it"},
		{"second upsample", with(good, filled("decoder.conv_blocks.2.upsample.conv.weight", 32, 32, 3, 3)), "belongs to no LlamaGen model"},
		{"missing part of attention", without(good, named("decoder.conv_blocks.0.attn.1.k.weight")), `"decoder.conv_blocks.0.attn.1.k.weight": it is missing`},
		{"orphan attention", without(good, named("decoder.conv_blocks.0.attn.1.q.weight")), `attn.1.norm.weight": it belongs to no`},
		{"five channels out", with(good, filled("decoder.conv_out.weight", 5, 32, 3, 3)), "shape [5 32 3 3], want [3 32 3 3]"},
		{"norm", with(good, filled("decoder.norm_out.bias", 31)), "shape [31], want [32]"},
		{"kernel", with(good, filled("decoder.mid.0.conv1.weight", 64, 64, 5, 5)), "shape [64 64 5 5], want [any 64 3 3]"},
		{"batch norm", with(good, filled("decoder.norm_out.running_mean", 32)), `running_mean": it belongs to no`},
		{"encoder in half", without(good, named("encoder.conv_out.weight")), `"encoder.conv_out.weight": it is missing`},
		{"no quant_conv", without(good, named("quant_conv.bias")), `"quant_conv.bias": it is missing`},
		{"many levels", deep, "more than 10 levels"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := golden("vq-tiny")
			o.Checkpoint = checkpoint(t, "model", c.tensors)
			wantError(t, fails(t, o), bad(), c.want)
		})
	}
}

// An encoder of two levels before a decoder of three.
func TestEncoderOfOtherSize(t *testing.T) {
	list := without(vqTensors(t), func(n string) bool { return strings.HasPrefix(n, "encoder.conv_blocks.1.") })
	for i, x := range list {
		list[i].Name = strings.Replace(x.Name, "encoder.conv_blocks.2.", "encoder.conv_blocks.1.", 1)
	}
	o := golden("vq-tiny")
	o.Checkpoint = checkpoint(t, "model", list)
	wantError(t, fails(t, o), bad(), "the encoder makes a token of 2 pixels, the decoder makes 4 of it")
}

// A checkpoint without encoder makes a file that can draw.
func TestDecoderOnly(t *testing.T) {
	list := without(vqTensors(t), func(n string) bool { return strings.HasPrefix(n, "encoder.") || strings.HasPrefix(n, "quant_conv.") })
	o := golden("vq-tiny")
	o.Checkpoint = checkpoint(t, "", list)
	f, result := convertTo(t, o)
	if !strings.Contains(result.Models[0], "decoder only, at the top level") || len(f.Tensors) != len(list)-1 {
		t.Errorf("%q, %d tensors of %d", result.Models, len(f.Tensors), len(list))
	}
}

func TestGroups(t *testing.T) {
	o := golden("vq-tiny")
	o.Groups = new(48)
	wantError(t, fails(t, o), option(), `--groups: 48: the 64 channels of "decoder.mid.0.norm1" in`, "cannot be split into 48 groups")
	o.Groups = new(16)
	f, result := convertTo(t, o)
	if got := keys(f)["vq.norm_groups"]; got != "u32 16" {
		t.Errorf("groups %s", got)
	}
	if got := result.Choices[0].String(); got != "norm groups 16, from the command line" {
		t.Errorf("choice %q", got)
	}
}

// The moving average is what the official code takes of an image tokenizer, the model itself of a transformer.
func TestMovingAverage(t *testing.T) {
	for _, c := range []struct{ file, key string }{
		{"vq.pt", "ema"}, {"class.pt", "model"}, {"vq_discriminator.pt", "model"}, {"ema_only.pt", "ema"},
	} {
		o := Options{Checkpoint: "testdata/" + c.file, Type: ggml.F32, Groups: new(4)}
		if c.file == "class.pt" || c.file == "ema_only.pt" {
			o.Groups, o.Heads, o.Grid = nil, new(2), &Grid{2, 2}
		}
		f, result := convertTo(t, o)
		if !strings.HasSuffix(result.Models[0], `, under "`+c.key+`"`) {
			t.Errorf("%s: %q", c.file, result.Models)
		}
		for _, want := range values(t, o.Checkpoint, c.key) {
			got, ok := f.Tensor(nameIn(want.Name, o.Groups != nil))
			if !ok {
				if !strings.Contains(want.Name, "codebook_used") {
					t.Errorf("%s: no %s", c.file, want.Name)
				}
				continue
			}
			back := make([]float32, len(want.Data))
			ggml.Dequantize(got.Type, back, got.Data)
			for i := range back {
				if back[i] != want.Data[i] {
					t.Fatalf("%s: %s is not that of %q", c.file, want.Name, c.key)
				}
			}
		}
	}
}

func TestVocabularyAndCodes(t *testing.T) {
	o := tiny(checkpoint(t, "model", classTensors(16, 32, 96, 64, 5)))
	o.VQ = golden("vq-tiny").Checkpoint
	wantError(t, fails(t, o), option(), "--vq: ../../testdata/golden/vq-tiny.pt has 512 codes, the transformer writes 16")
	o.VQ = "no such file.pt"
	if err := fails(t, o); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v", err)
	}
	o = golden("c2i-tiny")
	o.VQ = checkpoint(t, "model", without(vqTensors(t), named("decoder.conv_out.bias")))
	wantError(t, fails(t, o), bad(), "made.pt", `"decoder.conv_out.bias": it is missing`)
}

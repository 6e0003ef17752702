package family

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/testmodel"
	"github.com/zipar/zipar/internal/vqgan"
	"github.com/zipar/zipar/internal/zipar"
)

// FuzzOpen damages the head of a model file, keys and descriptions of tensors,
// and uses what can be opened all the same.
func FuzzOpen(f *testing.F) {
	var bases [][]byte
	for _, o := range []testmodel.Options{
		{}, {Type: ggml.Q8_0, Preview: true}, {Caption: true, Text: true}, {VQOnly: true}, {TextOnly: true},
	} {
		var b bytes.Buffer
		o.Rows, o.Cols = 2, 3
		if err := testmodel.Write(&b, o); err != nil {
			f.Fatal(err)
		}
		bases = append(bases, b.Bytes())
	}
	// Values of keys that shape what is computed, and what is not damaged.
	for base, data := range bases {
		f.Add(uint8(base), uint16(0), []byte("GGUF"))
		for _, key := range []string{
			"llamagen.block_count", "llamagen.image.rows", "llamagen.attention.head_count", "llamagen.attention.key_length",
			"llamagen.sampling.top_k", "vq.norm_groups", "vq.pixels_per_token", "t5encoder.block_count", "t5encoder.attention.relative_buckets_count",
		} {
			if at := bytes.Index(data, []byte(key)); at >= 0 {
				for _, v := range []byte{0, 1, 2, 0xff} {
					f.Add(uint8(base), uint16(at+len(key)+4), []byte{v})
				}
			}
		}
	}
	p := tensor.NewPool(1)
	f.Cleanup(p.Close)
	f.Fuzz(func(t *testing.T, base uint8, at uint16, patch []byte) {
		if len(patch) > 64 {
			return
		}
		data := bytes.Clone(bases[int(base)%len(bases)])
		copy(data[min(int(at), len(data)):], patch)
		file, err := gguf.Parse("fuzz.gguf", data)
		if err != nil {
			return
		}
		useModel(t, p, file)
		useTokenizer(t, p, file)
		if encoder, err := OpenTextEncoder(file); err == nil {
			if prompt, err := encoder.Tokenize("a red apple", true, 12); err == nil {
				encoder.Features(context.Background(), p, prompt, testmodel.CaptionWidth, nil)
			}
		}
	})
}

// useModel decodes a small picture.
func useModel(t *testing.T, p *tensor.Pool, file *gguf.File) {
	m, err := Open(file)
	if err != nil || m.Grid().Tokens() > 20 {
		return
	}
	var c *Condition
	if positions, width := m.CaptionShape(); positions > 0 {
		if positions*width > 1<<12 {
			return
		}
		c, err = m.Caption(p, make([]float32, positions*width), positions)
	} else {
		c, err = m.Class(p, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Prepare(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	d := m.Defaults()
	o := zipar.Options{Grid: m.Grid(), Window: m.Grid().Window(d.Window), Guidance: d.Guidance, Sampling: d.Sampling, Noise: []zipar.Noise{{Seed: 1}}}
	if _, err := zipar.Decode(context.Background(), m.Decoder(p, []*Condition{c}), o); err != nil && !errors.Is(err, zipar.ErrNotFinite) {
		t.Fatal(err)
	}
}

// useTokenizer decodes a few codes and encodes the pixels.
func useTokenizer(t *testing.T, p *tensor.Pool, file *gguf.File) {
	const rows, cols = 1, 2
	d, err := vqgan.NewDecoder(file)
	if err != nil || d.PixelsPerToken > 64 {
		return
	}
	im, err := d.Decode(context.Background(), p, make([]int32, rows*cols), rows, cols, nil)
	if errors.Is(err, vqgan.ErrDamaged) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	e, err := vqgan.NewEncoder(file)
	if err != nil {
		return
	}
	if _, _, _, err := e.Encode(context.Background(), p, im, nil); err != nil && !errors.Is(err, vqgan.ErrDamaged) {
		t.Fatal(err)
	}
}

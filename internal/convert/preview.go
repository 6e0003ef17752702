package convert

// The colours of an image tokenizer's codes, which take a run of its decoder. That is the caller's business: it is given the
// decoder's part of the output, in memory, and gives the tensor that is added to it.

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
)

// addPreview adds what o.Preview makes of the planned image tokenizer.
func addPreview(ctx context.Context, o *Options, p *plan) error {
	m := p.tokenizer
	if m == nil {
		return badOption("--fit-preview", "needed for that: an image tokenizer, as the checkpoint or with --vq")
	}
	part := &plan{out: gguf.NewWriter()}
	m.setKeys(part)
	s := &stream{ctx: ctx}
	for _, e := range p.entries {
		if !strings.HasPrefix(e.name, "vq.") || strings.HasPrefix(e.name, "vq.encoder.") || strings.HasPrefix(e.name, "vq.quant_conv.") {
			continue
		}
		s.addTo(part.out, e, nil)
	}
	var b bytes.Buffer
	if _, err := part.out.WriteTo(&b); err != nil {
		return err
	}
	f, err := gguf.Parse(m.path, b.Bytes())
	if err != nil {
		return err
	}
	weights, err := o.Preview(ctx, f)
	if err != nil {
		return err
	}
	shape := []int64{3, m.codeDim + 1}
	if int64(len(weights)) != shape[0]*shape[1] {
		panic(fmt.Sprintf("convert: %d values for a tensor of %v", len(weights), shape))
	}
	raw := make([]byte, 0, 4*len(weights))
	for _, v := range weights {
		if firstBeyond([]float32{v}, limitOf(ggml.F32)) >= 0 {
			return &ModelError{m.path, codebook, "the colours of its codes are not finite; the checkpoint is damaged, or its training has diverged"}
		}
		if raw, err = binary.Append(raw, binary.LittleEndian, v); err != nil {
			return err
		}
	}
	p.entries = append(p.entries, entry{name: previewTensor, from: elements{Name: previewTensor, Shape: shape}, path: m.path, typ: ggml.F32, raw: raw})
	return nil
}

// previewTensor is the name under which package vqgan looks for the colours.
const previewTensor = "vq.preview.weight"

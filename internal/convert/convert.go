// Package convert turns LlamaGen's checkpoints (class and caption transformers, VQ image tokenizers) and the text encoders of
// caption models into GGUF files, and GGUF files into smaller ones.
//
//	.pt ──torchfile──▶ state dict ──source──▶ checked tensors ──plan──▶ names, types, keys ──stream──▶ .gguf
//	folder of a T5 ──shards──▶ checked tensors ──textencoder──▶ the same plan
//	.gguf ──quantize──▶ .gguf
//
// Everything that shapes tell comes from shapes. For the rest there are, in this order: the caller's options, the table
// of rotary positions where the checkpoint carries one, and what all official models have in common; an option that
// contradicts the checkpoint is an error, and so is a number that nothing tells. The result says where each came from.
//
// Tensors are converted in chunks, so memory does not grow with the model. Options.Preview alone takes a whole image
// tokenizer into memory.
package convert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/zipar/zipar/internal/atomicfile"
	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
)

// Result says what was converted.
type Result struct {
	Models  []string // a line for each: what it was recognised as
	Choices []Choice
	Ignored []string // tensors that are not part of the model
	Tensors map[ggml.Type]int
	Size    int64 // of the file, in bytes
}

// Convert makes the file o.Out, whole or not at all: an error and the end of the context leave what was there before.
// The errors of the inputs' content are *ModelError and the FormatErrors of torchfile, safetensors and gguf, those of the
// options *OptionError.
func Convert(ctx context.Context, o Options) (*Result, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	p := &plan{asked: o.Type, out: gguf.NewWriter()}
	result := &Result{Tensors: make(map[ggml.Type]int)}
	var text textEncoder
	if o.TextEncoder != "" {
		var err error
		if text, err = openTextEncoder(o.TextEncoder, p); err != nil {
			return nil, err
		}
		defer text.close()
	}
	if err := checkPaths(o, text); err != nil {
		return nil, err
	}
	if o.Checkpoint == "" {
		if text == nil {
			return nil, badOption("CHECKPOINT", "needed, or a text encoder")
		}
		if err := planTextEncoder(text, &o, p, result); err != nil {
			return nil, err
		}
		return finish(ctx, &o, p, result)
	}
	s, err := openSource(o.Checkpoint)
	if err != nil {
		return nil, err
	}
	defer s.file.Close()
	if s.kind == imageTokenizer {
		err = planTokenizer(s, &o, p, result)
	} else {
		var vq *source
		if o.VQ != "" {
			if vq, err = openSource(o.VQ); err != nil {
				return nil, err
			}
			defer vq.file.Close()
		}
		err = planTransformer(s, vq, text, &o, p, result)
	}
	if err != nil {
		return nil, err
	}
	return finish(ctx, &o, p, result)
}

// finish writes what has been planned.
func finish(ctx context.Context, o *Options, p *plan, result *Result) (*Result, error) {
	if o.Preview != nil {
		if err := addPreview(ctx, o, p); err != nil {
			return nil, err
		}
	}
	if err := write(ctx, o, p, result); err != nil {
		return nil, err
	}
	result.Choices, result.Ignored = p.choices, p.ignored
	return result, nil
}

// checkPaths refuses to write over what is read.
func checkPaths(o Options, text textEncoder) error {
	out, err := os.Stat(o.Out)
	if err != nil {
		return nil // a new file; what keeps it from being written shows when it is
	}
	inputs := []string{o.Checkpoint, o.VQ, o.Attribution}
	if text != nil {
		inputs = append(inputs, text.paths()...)
	}
	for _, in := range inputs {
		if in == "" {
			continue
		}
		if info, err := os.Stat(in); err == nil && os.SameFile(out, info) {
			return badOption("--out", "%s is an input itself", o.Out)
		}
	}
	return nil
}

func planTokenizer(s *source, o *Options, p *plan, result *Result) error {
	if o.TextEncoder != "" {
		return badOption("--text-encoder", "%s is an image tokenizer; a text encoder goes with a caption model, or alone", o.Checkpoint)
	}
	if flag := o.forTransformers(); flag != "" {
		return badOption(flag, "%s is an image tokenizer; this option is for transformers", o.Checkpoint)
	}
	m, err := readTokenizer(s, o, p)
	if err != nil {
		return err
	}
	if err := p.setGeneral("vqgan", o); err != nil {
		return err
	}
	m.setKeys(p)
	result.Models = []string{found(s, m.describe())}
	return nil
}

func planTransformer(s, vq *source, text textEncoder, o *Options, p *plan, result *Result) error {
	switch {
	case vq == nil && o.Groups != nil:
		return badOption("--groups", "it is for image tokenizers, and %s is a transformer; give one with --vq", o.Checkpoint)
	case vq != nil && vq.kind != imageTokenizer:
		return badOption("--vq", "%s is a transformer, not an image tokenizer", o.VQ)
	}
	m, err := readTransformer(s, o, p)
	if err != nil {
		return err
	}
	result.Models = []string{found(s, m.describe())}
	var t *tokenizer
	pixels := 0
	if vq != nil {
		if t, err = readTokenizer(vq, o, p); err != nil {
			return err
		}
		if t.codes != m.vocab {
			return badOption("--vq", "%s has %d codes, the transformer writes %d", o.VQ, t.codes, m.vocab)
		}
		pixels = t.pixels
		result.Models = append(result.Models, found(vq, t.describe()))
	}
	if text != nil {
		if err := m.bundle(text, o, p); err != nil {
			return err
		}
		result.Models = append(result.Models, text.describe())
	}
	if err := p.setGeneral("llamagen", o); err != nil {
		return err
	}
	m.setKeys(p, o, pixels)
	if t != nil {
		t.setKeys(p)
	}
	if text != nil {
		text.setKeys(p)
	}
	return nil
}

// found tells where in the file a model was.
func found(s *source, what string) string {
	where := "at the top level"
	if s.dict.Key != "" {
		where = fmt.Sprintf("under %q", s.dict.Key)
	}
	return fmt.Sprintf("%s: %s, %s", s.file.Path, what, where)
}

// nameOf is the model's name: the checkpoint's without folder and extension, unless there is one.
func nameOf(o *Options) string {
	base := filepath.Base(cmp.Or(o.Checkpoint, o.TextEncoder))
	return strings.ToValidUTF8(cmp.Or(o.Name, strings.TrimSuffix(base, filepath.Ext(base)), base), "_")
}

func write(ctx context.Context, o *Options, p *plan, result *Result) error {
	s := &stream{ctx: ctx, progress: o.Progress}
	var failed error // what a tensor failed with, without the writer's name for it around it
	for _, e := range p.entries {
		size, err := e.typ.TensorSize(dims(e.from.Shape))
		if err != nil {
			return &ModelError{e.path, e.from.Name, err.Error()}
		}
		s.total += int64(size)
		result.Tensors[e.typ]++
		s.addTo(p.out, e, &failed)
	}
	err := atomicfile.Write(o.Out, func(w io.Writer) error {
		n, err := p.out.WriteTo(w)
		result.Size = n
		return err
	})
	if err != nil && failed != nil && errors.Is(err, failed) {
		return failed
	}
	return err
}

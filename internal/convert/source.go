package convert

// A checkpoint as a source of tensors: which kind of model it is, and a check of the shape of every tensor taken.

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zipar/zipar/internal/torchfile"
)

// kind is what a checkpoint holds.
type kind int

const (
	unknown kind = iota
	classModel
	captionModel
	imageTokenizer
)

// source hands out tensors. The first failure is kept in err and makes every later call return nil, so that a model's
// tensors can be asked for in one go and checked once.
type source struct {
	file *torchfile.File
	dict *torchfile.StateDict
	kind kind

	used map[string]bool
	err  error
}

// places of the state dict, in order. An exponential moving average is the better half of an image tokenizer's
// checkpoint, where the official code takes it first; of a transformer's it takes the model itself.
var (
	places   = []string{"model", "module", "state_dict", "", "ema"}
	vqPlaces = append([]string{"ema"}, places[:4]...)
)

func openSource(path string) (*source, error) {
	f, err := torchfile.Open(path)
	if err != nil {
		return nil, err
	}
	s := &source{file: f, used: make(map[string]bool)}
	if err := s.recognise(); err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

func (s *source) recognise() error {
	var err error
	if s.dict, err = s.file.StateDict(places...); err != nil {
		return err
	}
	s.kind = kindOf(s.dict)
	switch s.kind {
	case imageTokenizer:
		ema, err := s.file.StateDict(vqPlaces...)
		if err != nil {
			return err
		}
		if kindOf(ema) == imageTokenizer {
			s.dict = ema
		}
	case unknown:
		return &ModelError{Path: s.file.Path, Reason: fmt.Sprintf(
			"it is no LlamaGen model: of its %d tensors%s none is %q (a transformer; with %q or %q), nor are there %q and %q (an image tokenizer)",
			len(s.dict.Tensors), sample(s.dict), tokEmbeddings, classTable, captionUncond, codebook, vqEntry)}
	}
	return nil
}

const (
	tokEmbeddings = "tok_embeddings.weight"
	classTable    = "cls_embedding.embedding_table.weight"
	captionUncond = "cls_embedding.uncond_embedding"
	captionFC1    = "cls_embedding.cap_proj.fc1.weight"
	codebook      = "quantize.embedding.weight"
	vqEntry       = "decoder.conv_in.weight"
)

func kindOf(d *torchfile.StateDict) kind {
	has := func(name string) bool { _, ok := d.Tensor(name); return ok }
	switch {
	case has(tokEmbeddings) && (has(captionUncond) || has(captionFC1)):
		return captionModel
	case has(tokEmbeddings): // without a class table either, that is the tensor reported as missing
		return classModel
	case has(codebook) && has(vqEntry):
		return imageTokenizer
	}
	return unknown
}

// sample names the first tensors, to tell the reader what file this is.
func sample(d *torchfile.StateDict) string {
	var names []string
	for _, t := range d.Tensors[:min(3, len(d.Tensors))] {
		names = append(names, fmt.Sprintf("%.60q", t.Name))
	}
	return " (" + strings.Join(names, ", ") + " ...)"
}

func (s *source) has(name string) bool {
	_, ok := s.dict.Tensor(name)
	return ok
}

// anySize stands for a dimension that may have any size above 0.
const anySize = -1

// get takes a tensor of this shape. It returns nil after an error.
func (s *source) get(name string, want ...int64) *torchfile.Tensor {
	if s.err != nil {
		return nil
	}
	t, ok := s.dict.Tensor(name)
	if !ok {
		s.fail(name, "it is missing")
		return nil
	}
	s.used[name] = true
	switch {
	case !hasShape(t.Shape, want):
		s.fail(name, "shape %v, want %s", t.Shape, shapeText(want))
		return nil
	case !t.DType.IsFloat():
		s.fail(name, "its elements are %s, want floats", t.DType)
		return nil
	}
	return t
}

// hasShape compares a shape with the wanted one.
func hasShape(shape, want []int64) bool {
	return slices.EqualFunc(shape, want, func(n, w int64) bool { return n == w || (w == anySize && n > 0 && n <= maxSize) })
}

func shapeText(shape []int64) string {
	var parts []string
	for _, d := range shape {
		if d == anySize {
			parts = append(parts, "any")
			continue
		}
		parts = append(parts, fmt.Sprint(d))
	}
	return "[" + strings.Join(parts, " ") + "]"
}

// fail keeps the first error.
func (s *source) fail(tensor, format string, args ...any) {
	if s.err == nil {
		s.err = &ModelError{s.file.Path, tensor, fmt.Sprintf(format, args...)}
	}
}

// rest returns the names of the tensors that nobody took; see unused.
func (s *source) rest(parts, harmless []string) []string {
	var all []string
	for _, t := range s.dict.Tensors {
		all = append(all, t.Name)
	}
	names, lost := unused(all, s.used, parts, harmless)
	switch {
	case strings.HasSuffix(lost, ".bias"):
		s.fail(lost, "a bias that no LlamaGen model has; the converted model would lack it")
	case lost != "":
		s.fail(lost, "it belongs to no LlamaGen model; the converted model would lack it")
	}
	return names
}

// unused returns the names that are not used. lost is the first of them that belongs to the layers of the model (its name
// starts with one of parts), and so would be missing from the converted model, unless it is known to do nothing (harmless is a
// part of its name).
func unused(all []string, used map[string]bool, parts, harmless []string) (names []string, lost string) {
	for _, name := range all {
		if used[name] {
			continue
		}
		names = append(names, name)
		inside := slices.ContainsFunc(parts, func(p string) bool { return strings.HasPrefix(name, p) })
		if lost == "" && inside && !slices.ContainsFunc(harmless, func(h string) bool { return strings.Contains(name, h) }) {
			lost = name
		}
	}
	return names, lost
}

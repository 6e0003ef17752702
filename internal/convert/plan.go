package convert

// The plan of an output file: what goes into it, in which type, and where each number came from. All shapes are checked
// while the plan is made, before the first byte is written.

import (
	"fmt"
	"slices"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
)

// role decides a tensor's type.
type role int

const (
	small  role = iota // norms, biases, the codebook, the unconditional caption: F32
	matrix             // the type asked for
	kernel             // of a convolution: the type asked for, but F16 for Q8_0
)

// plan collects the output.
type plan struct {
	asked   ggml.Type
	out     *gguf.Writer
	entries []entry
	choices []Choice
	ignored []string

	tokenizer *tokenizer // nil where the output has no image tokenizer
}

// entry is a tensor of the output.
type entry struct {
	name string
	from elements
	path string // of the input, for messages
	typ  ggml.Type
	raw  []byte // the data, if it goes over as it is
}

// elements are a tensor of an input.
type elements struct {
	Name  string
	Shape []int64
	open  func() (floatReader, error)
}

// floatReader gives a tensor's elements in row-major order, then io.EOF.
type floatReader interface {
	Read(dst []float32) (int, error)
}

// elementsOf are those of a tensor of PyTorch or safetensors.
func elementsOf[R floatReader](name string, shape []int64, t interface{ Reader() (R, error) }) elements {
	return elements{name, shape, func() (floatReader, error) { return t.Reader() }}
}

// Choice is a number that no shape told, and where it came from.
type Choice struct{ What, Value, From string }

// String is one line: "heads 20, from the official models of width 1280".
func (c Choice) String() string { return c.What + " " + c.Value + ", from " + c.From }

func (p *plan) choice(what string, value any, from string) {
	p.choices = append(p.choices, Choice{what, fmt.Sprint(value), from})
}

// chose records an option, or what holds without it.
func (p *plan) chose(what string, value any, given bool, otherwise string) {
	if given {
		otherwise = "the command line"
	}
	p.choice(what, value, otherwise)
}

func (p *plan) ignore(names []string) { p.ignored = append(p.ignored, names...) }

// add puts the tensor from, which must have this shape, into the output.
func (p *plan) add(s *source, name string, r role, from string, shape ...int64) {
	t := s.get(from, shape...)
	if t == nil {
		return
	}
	p.entries = append(p.entries, entry{name: name, from: elementsOf(t.Name, t.Shape, t), path: s.file.Path, typ: p.typeOf(r, shape)})
}

// addRaw puts the tensor of a GGUF file into the output as it is.
func (p *plan) addRaw(name string, t *gguf.Tensor, path string) {
	shape := make([]int64, len(t.Dims))
	for i, d := range t.Dims {
		shape[len(shape)-1-i] = int64(d)
	}
	p.entries = append(p.entries, entry{name: name, from: elements{Name: t.Name, Shape: shape}, path: path, typ: t.Type, raw: t.Data})
}

func (p *plan) typeOf(r role, shape []int64) ggml.Type {
	switch row := shape[len(shape)-1]; {
	case r == small:
		return ggml.F32
	case p.asked == ggml.Q8_0 && (r == kernel || row%int64(p.asked.BlockLen()) != 0):
		return ggml.F16
	}
	return p.asked
}

// dims is a shape in GGUF's order, the row length first.
func dims(shape []int64) []uint64 {
	d := make([]uint64, len(shape))
	for i, n := range shape {
		d[len(shape)-1-i] = uint64(n)
	}
	return d
}

// fileTypes are llama.cpp's numbers for a file's main type (llama_ftype).
var fileTypes = map[ggml.Type]uint32{ggml.F32: 0, ggml.F16: 1, ggml.Q8_0: 7, ggml.BF16: 32}

// setGeneral writes the first keys.
func (p *plan) setGeneral(arch string, o *Options) error {
	p.out.SetString("general.architecture", arch)
	p.out.SetString("general.type", "model")
	p.out.SetString("general.name", nameOf(o))
	if err := p.aboutKeys(o); err != nil {
		return err
	}
	p.out.SetUint32("general.file_type", fileTypes[p.asked])
	if slices.ContainsFunc(p.entries, func(e entry) bool { return e.typ.BlockLen() > 1 }) {
		p.out.SetUint32("general.quantization_version", 2)
	}
	return nil
}

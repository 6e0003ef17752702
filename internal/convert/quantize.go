package convert

// Quantisation: a GGUF file with smaller tensors. All keys stay, in their order, but for those that tell the types; all
// tensors keep their names, shapes and order.
//
//	quantize.go          options, the run, the report
//	quantize_plan.go     which type each tensor gets
//	quantize_stream.go   one tensor, in pieces, by several threads

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"runtime"
	"strings"

	"github.com/zipar/zipar/internal/atomicfile"
	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
)

// QuantizeOptions say what to make of a GGUF file.
type QuantizeOptions struct {
	In, Out string
	Type    ggml.Type  // of matrices
	Rules   []TypeRule // the first that matches a tensor's name takes Type's place
	// AllowRequantize admits tensors of block types, which lose precision a second time.
	AllowRequantize bool
	Threads         int // 0: one a CPU
	// Progress, if not nil, is told how many of all bytes of the output's tensors are written.
	Progress func(done, total int64)
}

// TypeRule gives a type to the tensors whose name matches. It cannot make a block type of what has to stay in floats.
type TypeRule struct {
	Pattern *regexp.Regexp
	Type    ggml.Type
}

// ParseTypeRule parses REGEX=TYPE. The expression may match any part of a name.
func ParseTypeRule(s string) (TypeRule, error) {
	at := strings.LastIndexByte(s, '=')
	if at < 1 {
		return TypeRule{}, badOption("--tensor-type", "%q, want REGEX=TYPE, such as ffn_down=q6_K", s)
	}
	pattern, err := regexp.Compile(s[:at])
	if err != nil {
		return TypeRule{}, badOption("--tensor-type", "%q: %v", s, err)
	}
	t, err := ggml.ParseType(s[at+1:])
	if err != nil {
		return TypeRule{}, badOption("--tensor-type", "%q: type %q, want one of %s", s, s[at+1:], ggml.TypeNames())
	}
	return TypeRule{pattern, t}, nil
}

// QuantizeResult says what was done.
type QuantizeResult struct {
	Classes   []ClassReport // those that the file has, in the order of computation
	Fallbacks []Fallback
	Before    int64 // bytes of the files
	After     int64
}

// ClassReport is about the tensors of one class.
type ClassReport struct {
	Name    string
	Tensors int
	Types   map[ggml.Type]int // tensors by their new type
	Before  int64             // bytes of the tensors
	After   int64

	errors, squares float64 // sums of squares: of the errors, and of the values before
}

// Error is the root mean square of what the new types changed, relative to that of the class's values.
func (c *ClassReport) Error() float64 {
	if c.squares == 0 {
		return 0
	}
	return math.Sqrt(c.errors / c.squares)
}

// Fallback is a group of tensors that do not get the type that was asked for: their rows do not fit its blocks, or a rule
// asks for blocks where only floats will do.
type Fallback struct {
	Asked, Got ggml.Type
	Row        uint64 // elements of a row; 0: has to stay in floats
	Tensors    []string
}

// Quantize makes the file o.Out, whole or not at all: an error and the end of the context leave what was there before.
// Errors of the input's content are *gguf.FormatError and *ModelError, those of the options *OptionError. The result does not
// depend on the number of threads.
func Quantize(ctx context.Context, o QuantizeOptions) (*QuantizeResult, error) {
	if out, err := os.Stat(o.Out); err == nil {
		if in, err := os.Stat(o.In); err == nil && os.SameFile(in, out) {
			return nil, badOption("OUT", "%s is the input itself", o.Out)
		}
	}
	f, err := gguf.Open(o.In)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return QuantizeFile(ctx, f, o)
}

// QuantizeFile is Quantize with an input that is open already, and stays so. o.In is not looked at.
func QuantizeFile(ctx context.Context, f *gguf.File, o QuantizeOptions) (*QuantizeResult, error) {
	p, err := planQuantization(f, &o)
	if err != nil {
		return nil, err
	}
	w := gguf.NewWriter()
	setQuantizedKeys(w, f, p, o.Type)
	threads := o.Threads
	if threads < 1 {
		threads = runtime.GOMAXPROCS(0)
	}
	s := &requantizer{ctx: ctx, path: f.Path, workers: make([]requantizeWorker, threads), progress: o.Progress}
	var failed error // what a tensor failed with, without the writer's name for it around it
	for _, c := range p.changes {
		s.total += c.size
		w.AddTensor(c.from.Name, c.from.Dims, c.typ, func(dst io.Writer) error {
			failed = s.copy(dst, c, &p.classes[c.class])
			return failed
		})
	}
	result := &QuantizeResult{Fallbacks: p.fallbacks, Before: f.Size}
	err = atomicfile.Write(o.Out, func(dst io.Writer) error {
		n, err := w.WriteTo(dst)
		result.After = n
		return err
	})
	if err != nil && failed != nil && errors.Is(err, failed) {
		err = failed
	}
	if err != nil {
		return nil, err
	}
	for _, c := range p.classes {
		if c.Tensors > 0 {
			result.Classes = append(result.Classes, c)
		}
	}
	return result, nil
}

// llamaFileTypes are llama.cpp's numbers for a file's main type (llama_ftype); of Q4_K and Q5_K, which it has in several
// mixtures, the small one.
var llamaFileTypes = map[ggml.Type]uint32{
	ggml.F32: 0, ggml.F16: 1, ggml.Q4_0: 2, ggml.Q4_1: 3, ggml.Q8_0: 7, ggml.Q5_0: 8, ggml.Q5_1: 9,
	ggml.Q4_K: 14, ggml.Q5_K: 16, ggml.Q6_K: 18, ggml.BF16: 32,
}

// setQuantizedKeys copies all keys. general.file_type and, when the output has blocks, general.quantization_version get their
// new values where they stand, or the end where they are missing.
func setQuantizedKeys(w *gguf.Writer, f *gguf.File, p *quantizePlan, main ggml.Type) {
	fresh := []struct {
		key   string
		value gguf.Value
		set   bool
	}{
		{"general.file_type", gguf.Of(llamaFileTypes[main]), true},
		{"general.quantization_version", gguf.Of(uint32(2)), p.hasBlocks()},
	}
	for _, key := range f.Keys() {
		v, _ := f.Value(key)
		for i := range fresh {
			if n := &fresh[i]; n.key == key && n.set {
				v, n.set = n.value, false
			}
		}
		w.Set(key, v)
	}
	for _, n := range fresh {
		if n.set {
			w.Set(n.key, n.value)
		}
	}
}

// String is one line: "Q4_K -> Q5_0 for rows of 1120: blk.0.ffn_down.weight and 23 more".
func (b Fallback) String() string {
	more := ""
	if n := len(b.Tensors) - 1; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	why := fmt.Sprintf("for rows of %d", b.Row)
	if b.Row == 0 {
		why = "as it has to stay in floats"
	}
	return fmt.Sprintf("%s -> %s %s: %s%s", b.Asked, b.Got, why, b.Tensors[0], more)
}

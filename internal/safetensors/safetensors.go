// Package safetensors reads the tensors of safetensors files, the format in which Hugging Face keeps weights.
//
//	u64       n, the length of the header, little-endian
//	[n]       a JSON object: {"NAME": {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]}, ...}; the name
//	          __metadata__ has an object of strings instead
//	the data  row-major little-endian elements; offsets count from its start, and the tensors fill it without gaps
//
// Source: the format description of the safetensors project, and its reader's checks. All of them are made here before
// anything is allocated that a file could make large.
package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/bits"
	"os"
	"slices"

	"github.com/edsrzf/mmap-go"

	"github.com/zipar/zipar/internal/mapped"
)

const (
	// maxHeader is far above the largest models', some hundred kilobytes; the format's own limit is 100 MB.
	maxHeader = 32 << 20
	maxDims   = 16
	metadata  = "__metadata__"
)

// FormatError is a file that cannot be read: damaged, hostile, or of another kind.
type FormatError struct {
	Path   string
	Tensor string // "" when it is about the file as a whole
	Reason string
}

func (e *FormatError) Error() string {
	if e.Tensor != "" {
		return fmt.Sprintf("safetensors: %s: tensor %.80q: %s", e.Path, e.Tensor, e.Reason)
	}
	return fmt.Sprintf("safetensors: %s: %s", e.Path, e.Reason)
}

// File is an open file.
type File struct {
	Path    string
	Tensors []*Tensor // in the order of their data

	mapping mmap.MMap // nil if parsed from memory
}

// Tensor is one tensor of a file.
type Tensor struct {
	Name  string
	DType string  // as in the file: "F32", "BF16", "I64", ...
	Shape []int64 // outermost dimension first; none for a single number
	Data  []byte  // read-only; valid until the file is closed

	path string
}

// sizes are the bytes of an element of each type with whole bytes.
var sizes = map[string]uint64{
	"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E5M2": 1, "F8_E4M3": 1, "F8_E8M0": 1,
	"I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1, "C64": 8,
}

// Open maps the file path into memory, read-only, and reads its header. What is wrong with the content is a *FormatError. The
// file must not be changed or cut while it is open.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // the mapping outlives it
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &FormatError{Path: path, Reason: "it is not a regular file"}
	}
	if info.Size() == 0 {
		return Parse(path, nil) // nothing can be mapped
	}
	mapping, err := mapped.Map(f, path)
	if err != nil {
		return nil, err
	}
	file, err := Parse(path, mapping)
	if err != nil {
		mapping.Unmap() // the parse error matters more
		return nil, err
	}
	file.mapping = mapping
	return file, nil
}

// Close gives the mapping back. The tensors' data must not be touched any more. Closing twice does nothing.
func (f *File) Close() error {
	mapping := f.mapping
	f.mapping = nil
	if mapping == nil {
		return nil
	}
	if err := mapping.Unmap(); err != nil {
		return fmt.Errorf("unmap %s: %w", f.Path, err)
	}
	return nil
}

// entry is a tensor as the header describes it.
type entry struct {
	DType   string   `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets []uint64 `json:"data_offsets"`
}

// Parse reads a file that is in memory; name stands for its path in messages. The File refers to data, which must not
// change. An error is always a *FormatError.
func Parse(name string, data []byte) (*File, error) {
	f := &File{Path: name}
	fail := func(format string, args ...any) (*File, error) {
		return nil, &FormatError{Path: name, Reason: fmt.Sprintf(format, args...)}
	}
	if what := sniff(data); what != "" {
		return fail("%s", what)
	}
	n := binary.LittleEndian.Uint64(data)
	switch left := uint64(len(data) - 8); {
	case n > left:
		return fail("the header of %d bytes is longer than the %d bytes left in the file: the download is not complete", n, left)
	case n > maxHeader:
		return fail("the header has %d bytes, limit %d", n, maxHeader)
	}
	header, body := data[8:8+n], data[8+n:]
	entries, err := f.readHeader(header)
	if err != nil {
		return nil, err
	}
	starts := make(map[*Tensor]uint64, len(entries))
	for i, e := range entries {
		t := f.Tensors[i]
		if err := t.place(e, body); err != nil {
			return nil, &FormatError{name, t.Name, err.Error()}
		}
		starts[t] = e.Offsets[0]
	}
	slices.SortStableFunc(f.Tensors, func(a, b *Tensor) int {
		if d := int64(starts[a]) - int64(starts[b]); d != 0 {
			return int(max(-1, min(1, d)))
		}
		return len(a.Data) - len(b.Data) // tensors without elements before the one that starts where they are
	})
	at := uint64(0)
	for _, t := range f.Tensors {
		if starts[t] != at {
			return nil, &FormatError{name, t.Name, fmt.Sprintf("its data starts at %d, the tensors before it end at %d", starts[t], at)}
		}
		at += uint64(len(t.Data))
	}
	if at != uint64(len(body)) {
		return fail("the tensors take %d bytes, the file has %d for them", at, len(body))
	}
	return f, nil
}

// readHeader reads the JSON object. The tensors get their names, in the order of the text.
func (f *File) readHeader(header []byte) ([]entry, error) {
	fail := func(tensor, format string, args ...any) ([]entry, error) {
		return nil, &FormatError{f.Path, tensor, fmt.Sprintf(format, args...)}
	}
	d := json.NewDecoder(bytes.NewReader(header))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return fail("", "the header is no JSON object")
	}
	var entries []entry
	seen := make(map[string]bool)
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return fail("", "the header is damaged: %v", err)
		}
		name := t.(string) // keys of objects are strings
		if seen[name] {
			return fail(name, "it occurs twice")
		}
		seen[name] = true
		if name == metadata {
			if err := d.Decode(new(map[string]string)); err != nil {
				return fail("", "%s is no object of strings: %v", metadata, err)
			}
			continue
		}
		var e entry
		if err := d.Decode(&e); err != nil {
			return fail(name, "the header does not describe it: %v", err)
		}
		entries = append(entries, e)
		f.Tensors = append(f.Tensors, &Tensor{Name: name, DType: e.DType, Shape: e.Shape, path: f.Path})
	}
	if _, err := d.Token(); err != nil {
		return fail("", "the header is damaged: %v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fail("", "the header goes on after its end")
	}
	return entries, nil
}

// place finds the tensor's data in the body and checks that it has the size that type and shape say.
func (t *Tensor) place(e entry, body []byte) error {
	size, ok := sizes[e.DType]
	if !ok {
		return fmt.Errorf("elements of type %.20q are not known", e.DType)
	}
	if len(e.Shape) > maxDims {
		return fmt.Errorf("%d dimensions, at most %d are read", len(e.Shape), maxDims)
	}
	for _, d := range e.Shape {
		if d < 0 {
			return fmt.Errorf("shape %v", e.Shape)
		}
		hi, lo := bits.Mul64(size, uint64(d))
		if hi != 0 || lo > 1<<62 {
			return fmt.Errorf("shape %v has too many elements", e.Shape)
		}
		size = lo
	}
	if len(e.Offsets) != 2 {
		return fmt.Errorf("%d data offsets, want 2", len(e.Offsets))
	}
	lo, hi := e.Offsets[0], e.Offsets[1]
	switch {
	case lo > hi:
		return fmt.Errorf("its data goes from %d to %d", lo, hi)
	case hi > uint64(len(body)):
		return fmt.Errorf("its data ends at %d, the file has %d bytes of data: the download is not complete", hi, len(body))
	case hi-lo != size:
		return fmt.Errorf("shape %v of %s needs %d bytes, it has %d", e.Shape, e.DType, size, hi-lo)
	}
	t.Data = body[lo:hi:hi]
	return nil
}

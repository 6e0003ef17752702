// Package torchfile reads the tensors of a PyTorch checkpoint (torch.save of PyTorch 1.6 or later) without running
// anything that stands in it.
//
// Such a file is a zip of stored (uncompressed) entries under one folder of any name:
//
//	NAME/data.pkl      a pickle: dicts, lists, and for each tensor its storage, offset, shape and strides
//	NAME/data/0, 1...  the raw storages, little-endian; several tensors may be views of one
//	NAME/byteorder     "little" (newer versions)
//	NAME/version ...   not needed
//
// Source: torch/serialization.py and torch/_utils.py (persistent_id, _rebuild_tensor_v2 and its relatives).
//
// A pickle is a program. Three fences keep a hostile one harmless:
//
//  1. scan.go walks the opcodes first: only those that Python 3 writes for data, every length checked against the
//     bytes left, the stack simulated, and limits on the stack, the marks, the memo and the number of objects.
//  2. github.com/nlpodyssey/gopickle then builds the objects. What it does not check itself (missing memo entries,
//     odd item counts, frame sizes, integers of no bytes) the scan has refused; a panic of it becomes an error.
//  3. machine.go decides what a class name means. A few names of torch make tensors; every other name becomes an inert
//     object that takes calls, state and items and forgets them.
//
// Tensors are read as streams of float32, so a checkpoint larger than memory can be converted.
package torchfile

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/nlpodyssey/gopickle/types"
)

// FormatError is a checkpoint that cannot be read: damaged, hostile, or of another kind.
type FormatError struct {
	Path   string
	Tensor string // "" when it is about the file as a whole
	Reason string
}

func (e *FormatError) Error() string {
	if e.Tensor != "" {
		return fmt.Sprintf("torchfile: %s: tensor %q: %s", e.Path, e.Tensor, e.Reason)
	}
	return fmt.Sprintf("torchfile: %s: %s", e.Path, e.Reason)
}

// File is an open checkpoint.
type File struct {
	Path string

	archive *archive
	root    any // what the pickle describes
	close   func() error
}

// Open reads the directory and the pickle of the checkpoint path; the storages stay on disk. What is wrong with the
// file is a *FormatError.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	if info.IsDir() {
		f.Close()
		return nil, &FormatError{Path: path, Reason: "it is a folder; a checkpoint is one .pt file"}
	}
	file, err := New(path, f, info.Size())
	if err != nil {
		f.Close()
		return nil, err
	}
	file.close = f.Close
	return file, nil
}

// New reads a checkpoint of size bytes from r, which must stay usable as long as tensors are read. name is for
// messages.
func New(name string, r io.ReaderAt, size int64) (*File, error) {
	fail := func(err error) (*File, error) { return nil, &FormatError{Path: name, Reason: err.Error()} }
	if err := sniff(r, size); err != nil {
		return fail(err)
	}
	a, err := openArchive(r, size)
	if err != nil {
		return fail(err)
	}
	data, err := a.pickle()
	if err != nil {
		return fail(err)
	}
	if err := scan(data); err != nil {
		return fail(fmt.Errorf("data.pkl: %w", err))
	}
	root, err := execute(data)
	if err != nil {
		return fail(fmt.Errorf("data.pkl: %w", err))
	}
	return &File{Path: name, archive: a, root: root, close: func() error { return nil }}, nil
}

// Close closes the file. Tensors cannot be read afterwards.
func (f *File) Close() error { return f.close() }

// StateDict is a dict of tensors, by name.
type StateDict struct {
	// Key is where it was found in the file, "" for the top level.
	Key string
	// Tensors are in file order, without the prefixes of wrappers ("module.", "_orig_mod.", also repeated).
	Tensors []*Tensor

	byName map[string]*Tensor
}

// Tensor finds a tensor by its name.
func (d *StateDict) Tensor(name string) (*Tensor, bool) {
	t, ok := d.byName[name]
	return t, ok
}

// StateDict returns the dict of tensors under the first of the keys that holds one; the key "" is the top level.
// Values that are no tensors are left out. Every tensor returned lies within its storage, and that within the file.
func (f *File) StateDict(keys ...string) (*StateDict, error) {
	top, ok := dictItems(f.root)
	if !ok {
		return nil, &FormatError{Path: f.Path, Reason: fmt.Sprintf("it holds %s, not a dict; save model.state_dict()", describe(f.root))}
	}
	for _, key := range keys {
		items := top
		if key != "" {
			value, ok := lookUp(top, key)
			if !ok {
				continue
			}
			if items, ok = dictItems(value); !ok {
				continue
			}
		}
		if slices.ContainsFunc(items, func(it item) bool { return isTensor(it.value) }) {
			return f.resolveAll(key, items)
		}
	}
	return nil, &FormatError{Path: f.Path, Reason: noStateDict(top, keys)}
}

// noStateDict tells what was looked for and what the file has instead.
func noStateDict(top []item, keys []string) string {
	var wanted, found []string
	for _, key := range keys {
		if key == "" {
			wanted = append(wanted, "at the top level")
		} else {
			wanted = append(wanted, fmt.Sprintf("under %q", key))
		}
	}
	const most = 12
	for _, it := range top {
		if len(found) == most {
			found = append(found, fmt.Sprintf("... (%d in all)", len(top)))
			break
		}
		if name, ok := it.key.(string); ok {
			found = append(found, fmt.Sprintf("%q (%s)", cut(name, 60), describe(it.value)))
		}
	}
	if len(found) == 0 {
		found = []string{"nothing"}
	}
	return fmt.Sprintf("no dict of tensors %s; the file has %s", strings.Join(wanted, ", "), strings.Join(found, ", "))
}

func (f *File) resolveAll(key string, items []item) (*StateDict, error) {
	d := &StateDict{Key: key, byName: make(map[string]*Tensor)}
	from := make(map[string]string) // name without prefixes -> name in the file
	for _, it := range items {
		ref, ok := it.value.(*tensorRef)
		if !ok {
			continue
		}
		full, ok := it.key.(string)
		if !ok {
			return nil, &FormatError{Path: f.Path, Reason: fmt.Sprintf("a tensor's name is %s, not a string", describe(it.key))}
		}
		name := trimPrefixes(full)
		t, err := f.resolve(name, ref)
		if err != nil {
			return nil, &FormatError{Path: f.Path, Tensor: cut(full, 200), Reason: err.Error()}
		}
		if other, ok := from[name]; ok {
			return nil, &FormatError{Path: f.Path, Tensor: cut(full, 200), Reason: fmt.Sprintf("it is %q without its prefixes, and so is %q", name, other)}
		}
		from[name] = full
		d.byName[name] = t
		d.Tensors = append(d.Tensors, t)
	}
	return d, nil
}

// trimPrefixes takes off what DistributedDataParallel and torch.compile put in front of names.
func trimPrefixes(name string) string {
	for {
		rest := strings.TrimPrefix(strings.TrimPrefix(name, "module."), "_orig_mod.")
		if rest == name {
			return name
		}
		name = rest
	}
}

// item is an entry of a Python dict.
type item struct{ key, value any }

// dictItems lists a dict's entries in order; of entries with the same string key the last one counts.
func dictItems(v any) ([]item, bool) {
	var items []item
	switch d := v.(type) {
	case *types.Dict:
		at := make(map[string]int)
		for _, e := range *d {
			if s, ok := e.Key.(string); ok {
				if i, ok := at[s]; ok {
					items[i].value = e.Value
					continue
				}
				at[s] = len(items)
			}
			items = append(items, item{e.Key, e.Value})
		}
	case *types.OrderedDict:
		for e := d.List.Front(); e != nil; e = e.Next() {
			entry := e.Value.(*types.OrderedDictEntry)
			items = append(items, item{entry.Key, entry.Value})
		}
	default:
		return nil, false
	}
	return items, true
}

func lookUp(items []item, key string) (any, bool) {
	for _, it := range items {
		if it.key == key {
			return it.value, true
		}
	}
	return nil, false
}

func isTensor(v any) bool { _, ok := v.(*tensorRef); return ok }

// describe names the kind of a value, for messages.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "a bool"
	case int:
		return "an int"
	case float64:
		return "a float"
	case string:
		return "a string"
	case []byte:
		return "bytes"
	case *tensorRef:
		return "a tensor"
	case *types.Dict:
		return fmt.Sprintf("a dict of %d", v.Len())
	case *types.OrderedDict:
		return fmt.Sprintf("a dict of %d", v.Len())
	case *types.List:
		return fmt.Sprintf("a list of %d", v.Len())
	case *types.Tuple:
		return fmt.Sprintf("a tuple of %d", v.Len())
	case *inert:
		return "an object of class " + v.String()
	}
	return "something else"
}

// cut shortens text of the file for a message.
func cut(s string, most int) string {
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

package convert

// The weights of a folder of Hugging Face: one file or several, of safetensors or of PyTorch. Files are opened when a tensor
// of theirs is asked for: the shards that hold only a decoder need not be there.

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/zipar/zipar/internal/safetensors"
	"github.com/zipar/zipar/internal/torchfile"
)

// shards hands out tensors. As source does, it keeps the first failure in err.
type shards struct {
	folder string
	index  map[string]string // tensor -> file; nil when one file has all
	only   string            // that file

	files map[string]*shard
	used  map[string]bool
	err   error
}

// shard is an open file.
type shard struct {
	path    string
	names   []string
	tensors map[string]*weight
	close   func() error
}

// weight is a tensor of a shard.
type weight struct {
	name, path string
	shape      []int64
	dtype      string
	isFloat    bool
	from       elements
}

// weightFiles are the names under which transformers saves weights, the preferred first.
var weightFiles = []string{"model.safetensors.index.json", "model.safetensors", "pytorch_model.bin.index.json", "pytorch_model.bin"}

func openShards(folder string) (*shards, error) {
	s := &shards{folder: folder, files: make(map[string]*shard), used: make(map[string]bool)}
	for _, name := range weightFiles {
		path := filepath.Join(folder, name)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		if filepath.Ext(name) == ".json" {
			return s, s.readIndex(path)
		}
		s.only = name
		if s.open(name) == nil {
			return nil, s.err
		}
		return s, nil
	}
	return nil, &ModelError{Path: folder, Reason: "the folder has no weights: none of " + strings.Join(weightFiles, ", ")}
}

// readIndex reads which file each tensor is in.
func (s *shards) readIndex(path string) error {
	data, err := readText(path)
	if err != nil {
		return err
	}
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(data, &index); err != nil {
		return &ModelError{Path: path, Reason: err.Error()}
	}
	if len(index.WeightMap) == 0 {
		return &ModelError{Path: path, Reason: "it has no weight_map"}
	}
	for name, file := range index.WeightMap {
		// A name with folders in it could lead anywhere, and "." is the folder.
		if file == "." || file != filepath.Base(file) || !filepath.IsLocal(file) {
			return &ModelError{path, name, fmt.Sprintf("it is said to be in %.80q, want the name of a file in the same folder", file)}
		}
	}
	s.index = index.WeightMap
	return nil
}

// open opens a file of the folder, once. It returns nil after an error.
func (s *shards) open(name string) *shard {
	if f, ok := s.files[name]; ok {
		return f
	}
	path := filepath.Join(s.folder, name)
	var f *shard
	var err error
	if filepath.Ext(name) == ".safetensors" {
		f, err = openSafetensors(path)
	} else {
		f, err = openTorch(path)
	}
	if err != nil {
		if s.err == nil {
			s.err = err
		}
		return nil
	}
	s.files[name] = f
	return f
}

func openSafetensors(path string) (*shard, error) {
	f, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	s := &shard{path: path, tensors: make(map[string]*weight), close: f.Close}
	for _, t := range f.Tensors {
		s.put(t.Name, t.Shape, t.DType, t.IsFloat(), elementsOf(t.Name, t.Shape, t))
	}
	return s, nil
}

func openTorch(path string) (*shard, error) {
	f, err := torchfile.Open(path)
	if err != nil {
		return nil, err
	}
	d, err := f.StateDict("", "state_dict", "model")
	if err != nil {
		f.Close()
		return nil, err
	}
	s := &shard{path: path, tensors: make(map[string]*weight), close: f.Close}
	for _, t := range d.Tensors {
		s.put(t.Name, t.Shape, t.DType.String(), t.DType.IsFloat(), elementsOf(t.Name, t.Shape, t))
	}
	return s, nil
}

func (s *shard) put(name string, shape []int64, dtype string, isFloat bool, from elements) {
	s.names = append(s.names, name)
	s.tensors[name] = &weight{name, s.path, shape, dtype, isFloat, from}
}

// has tells whether there is a tensor of this name, by the index where there is one.
func (s *shards) has(name string) bool {
	if s.index != nil {
		_, ok := s.index[name]
		return ok
	}
	f := s.files[s.only]
	return f != nil && f.tensors[name] != nil
}

// get takes a tensor of this shape. It returns nil after an error.
func (s *shards) get(name string, want ...int64) *weight {
	if s.err != nil {
		return nil
	}
	if !s.has(name) {
		s.fail(name, "it is missing")
		return nil
	}
	file := s.only
	if s.index != nil {
		file = s.index[name]
	}
	f := s.open(file)
	if f == nil {
		return nil
	}
	t := f.tensors[name]
	switch {
	case t == nil:
		s.fail(name, "the index says that it is in %s, which has it not", file)
		return nil
	case !hasShape(t.shape, want):
		s.fail(name, "shape %v, want %s", t.shape, shapeText(want))
		return nil
	case !t.isFloat:
		s.fail(name, "its elements are %s, want floats", t.dtype)
		return nil
	}
	s.used[name] = true
	return t
}

// add puts the tensor from, which must have this shape, into the output.
func (s *shards) add(p *plan, name string, r role, from string, shape ...int64) {
	if t := s.get(from, shape...); t != nil {
		p.entries = append(p.entries, entry{name: name, from: t.from, path: t.path, typ: p.typeOf(r, shape)})
	}
}

// rest returns the names of the tensors that nobody took; see unused.
func (s *shards) rest(parts, harmless []string) []string {
	all := slices.Sorted(maps.Keys(s.index))
	if f := s.files[s.only]; f != nil {
		all = f.names
	}
	names, lost := unused(all, s.used, parts, harmless)
	if lost != "" {
		s.fail(lost, "it belongs to no T5 encoder; the converted one would lack it")
	}
	return names
}

// fail keeps the first error.
func (s *shards) fail(tensor, format string, args ...any) {
	if s.err == nil {
		s.err = &ModelError{s.folder, tensor, fmt.Sprintf(format, args...)}
	}
}

// paths are those of all files that may be read.
func (s *shards) paths() []string {
	files := append(slices.Collect(maps.Values(s.index)), s.only)
	slices.Sort(files)
	var paths []string
	for _, f := range slices.Compact(files) {
		if f != "" {
			paths = append(paths, filepath.Join(s.folder, f))
		}
	}
	return paths
}

func (s *shards) close() {
	for _, f := range s.files {
		f.close()
	}
}

// Package gguf reads and writes GGUF files: metadata and tensors in one file, the format of the llama.cpp ecosystem.
//
// A file, all numbers little-endian:
//
//	header    "GGUF", version u32, tensor count u64, key count u64
//	keys      key string, value type u32, value (see value.go)
//	tensors   name string, dimension count u32, dimensions u64 each, element type u32, offset u64
//	padding   to a multiple of general.alignment, a u32 key that is 32 where absent
//	data      each tensor at its offset from here, which is a multiple of the alignment
//
// The reader trusts nothing: every length is checked against the bytes that are left before anything is allocated, and a
// file takes at most some 64 MiB of memory besides its mapping, however hostile it is. Versions 2 and 3 are read, version 3
// is written.
//
// Source: the GGUF specification in ggml's docs/gguf.md.
package gguf

import (
	"fmt"
	"io/fs"
	"os"

	"github.com/edsrzf/mmap-go"

	"github.com/zipar/zipar/internal/mapped"
)

// File is an open GGUF file. It may be used by several goroutines until Close.
type File struct {
	Path      string // as given to Open, or the name given to Parse
	Version   uint32
	Alignment uint64
	Size      int64     // of the whole file, in bytes
	Tensors   []*Tensor // in file order

	keys    []string // in file order
	entries map[string]entry
	tensors map[string]*Tensor
	mapping mmap.MMap // nil if parsed from memory
}

// entry is a metadata value and where it starts, for messages.
type entry struct {
	value  Value
	offset int64
}

// Open maps the file at path into memory, read-only, and parses it. The data of tensors is read from disk when it is
// touched. The file must not be changed while it is open. Where it may be cut, touch it within
// mapped.Guard: a page that is gone ends the process otherwise.
// An error about the content is a *FormatError.
func Open(path string) (*File, error) {
	// Before opening: opening a named pipe would wait for a writer.
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("gguf: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("gguf: %s: is %s, want a file", path, kind(info.Mode()))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("gguf: %w", err)
	}
	defer f.Close() // the mapping outlives it
	info, err = f.Stat()
	if err != nil {
		return nil, fmt.Errorf("gguf: %w", err)
	}
	if info.Size() == 0 {
		return Parse(path, nil) // nothing can be mapped; Parse says that it is empty
	}
	mapping, err := mapped.Map(f, path)
	if err != nil {
		return nil, fmt.Errorf("gguf: %w", err)
	}
	file, err := Parse(path, mapping)
	if err != nil {
		mapping.Unmap() // the parse error matters more
		return nil, err
	}
	file.mapping = mapping
	return file, nil
}

func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	}
	return "not a regular file"
}

// Parse parses a file that is in memory; name stands for its path in messages. The File refers to data, which must not
// change. An error is always a *FormatError.
func Parse(name string, data []byte) (*File, error) {
	p := parser{path: name, data: data}
	return p.parse()
}

// Close gives the mapping back. Afterwards the File has no keys and its tensors have no data; data and values that were
// taken from it before must not be touched any more. Closing twice does nothing.
func (f *File) Close() error {
	f.keys, f.entries = nil, nil
	for _, t := range f.Tensors {
		t.Data = nil
	}
	if f.mapping == nil {
		return nil
	}
	mapping := f.mapping
	f.mapping = nil
	if err := mapping.Unmap(); err != nil {
		return fmt.Errorf("gguf: unmap %s: %w", f.Path, err)
	}
	return nil
}

// Tensor finds a tensor by its name.
func (f *File) Tensor(name string) (*Tensor, bool) {
	t, ok := f.tensors[name]
	return t, ok
}

// Keys returns the metadata keys in file order.
func (f *File) Keys() []string { return append([]string(nil), f.keys...) }

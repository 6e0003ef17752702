// Package builtin holds the model that is part of the program, if it was built
// with one: zipar-emoji, a caption model with its text encoder and its image
// tokenizer, for pictures of 128 x 128 pixels. MODEL_LICENSES.md tells what it
// was trained with.
package builtin

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"sync"

	"github.com/zipar/zipar/internal/gguf"
)

// Name stands for the model where the name of a file would stand.
const Name = "builtin"

// ErrNone is the error of opening the model of a program that has none.
var ErrNone = errors.New(Name + ": this build of zipar has no model in it: give a model file, ./" + Name + " if one has this name")

// files is the folder and not the model's file, which need not be there: a
// pattern that matches nothing does not build.
//
//go:embed model
var files embed.FS

// modelFile is the model in files.
const modelFile = "model/zipar-emoji.gguf"

// A Model is a model in memory. Its methods may be called at the same time.
type Model struct {
	available bool
	data      func() []byte
	sum       func() string
}

// Embedded returns the model that this program was built with; there may be
// none.
func Embedded() *Model {
	f, err := files.Open(modelFile)
	if err != nil {
		return newModel(false, nil)
	}
	f.Close() // there is nothing to close; the data is read when it is needed
	return newModel(true, func() []byte {
		data, err := files.ReadFile(modelFile)
		if err != nil {
			panic("builtin: " + err.Error()) // it was there, and memory does not go away
		}
		return data
	})
}

// New returns a model of the data of a GGUF file, which must not be changed any
// more; none if it is nil.
func New(data []byte) *Model {
	return newModel(data != nil, func() []byte { return data })
}

// newModel reads the data once, with the first use: reading makes a copy.
func newModel(available bool, read func() []byte) *Model {
	m := &Model{available: available, data: sync.OnceValue(read)}
	m.sum = sync.OnceValue(func() string {
		sum := sha256.Sum256(m.data())
		return hex.EncodeToString(sum[:])
	})
	return m
}

// Available reports whether there is a model.
func (m *Model) Available() bool { return m.available }

// Open parses the model. Its Path is Name. Each call returns a File of its own
// to close; the data stays where it is. Without a model the error is ErrNone.
func (m *Model) Open() (*gguf.File, error) {
	if !m.available {
		return nil, ErrNone
	}
	return gguf.Parse(Name, m.data())
}

// SHA256 is the hash of the model's file, 64 hexadecimal digits, and empty
// without a model. It is computed once.
func (m *Model) SHA256() string {
	if !m.available {
		return ""
	}
	return m.sum()
}

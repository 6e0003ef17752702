// Package builtin holds the model that is part of the program: zipar-emoji, a
// caption model with its text encoder and its image tokenizer, for pictures of
// 128 x 128 pixels. MODEL_LICENSES.md tells what it was trained with. The build
// tag nomodel leaves it out.
package builtin

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"

	"github.com/zipar/zipar/internal/gguf"
)

// Name stands for the model where the name of a file would stand.
const Name = "builtin"

// ErrNone is the error of opening a model that is not there.
var ErrNone = errors.New(Name + ": this build of zipar has no model in it: give a model file, ./" + Name + " if one has this name")

// A Model is a model in memory. Its methods may be called at the same time.
type Model struct {
	data []byte
	sum  func() string
}

// Embedded returns the model that this program was built with; with the tag
// nomodel there is none.
func Embedded() *Model { return New(embedded) }

// New returns a model of the data of a GGUF file, which must not be changed any
// more; none if it is nil.
func New(data []byte) *Model {
	return &Model{data: data, sum: sync.OnceValue(func() string {
		sum := sha256.Sum256(data)
		return hex.EncodeToString(sum[:])
	})}
}

// Available reports whether there is a model.
func (m *Model) Available() bool { return m.data != nil }

// Open parses the model. Its Path is Name. Each call returns a File of its own
// to close; the data stays where it is. Without a model the error is ErrNone.
func (m *Model) Open() (*gguf.File, error) {
	if !m.Available() {
		return nil, ErrNone
	}
	return gguf.Parse(Name, m.data)
}

// SHA256 is the hash of the model's file, 64 hexadecimal digits, and empty
// without a model. It is computed once.
func (m *Model) SHA256() string {
	if !m.Available() {
		return ""
	}
	return m.sum()
}

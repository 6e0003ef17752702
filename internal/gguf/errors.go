// Errors about a file's content. Errors of the operating system (no such file, no permission) are passed on as they are.

package gguf

import "errors"

// ErrNoKey is wrapped by the error of a typed getter when the file lacks the key.
var ErrNoKey = errors.New("no such key")

// FormatError says that a file's content is not what a GGUF file may hold, or not what the caller asked for.
type FormatError struct {
	Path   string // the file, or the name given to Parse
	Offset int64  // byte offset of the field in question
	Key    string // the metadata key in question, or ""
	Tensor string // the tensor in question, or ""
	Reason string // what is wrong, with the number and its limit

	err error // ErrNoKey, or nil
}

// Error is one line: file, key or tensor, reason.
func (e *FormatError) Error() string {
	s := "gguf: "
	if e.Path != "" {
		s += e.Path + ": "
	}
	switch {
	case e.Key != "":
		s += "key " + quote(e.Key) + ": "
	case e.Tensor != "":
		s += "tensor " + quote(e.Tensor) + ": "
	}
	return s + e.Reason
}

// Unwrap makes errors.Is(err, ErrNoKey) work.
func (e *FormatError) Unwrap() error { return e.err }

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/mapped"
	"github.com/zipar/zipar/internal/vqgan"
	"github.com/zipar/zipar/internal/zipar"
)

// The exit codes of all commands.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitBadModel    = 3
	exitInterrupted = 130
)

// usageError is an error in how the program was called.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// usagef returns a usageError.
func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// modelError is an error in a model file's content.
type modelError struct{ error }

func (e modelError) Unwrap() error { return e.error }

// badModel marks an error that came from reading a model as one of the file's
// content, unless the file could not be read at all or the work was stopped.
func badModel(err error) error {
	var path *fs.PathError
	var errno syscall.Errno
	if err == nil || errors.As(err, &path) || errors.As(err, &errno) ||
		errors.Is(err, context.Canceled) || errors.As(err, new(usageError)) {
		return err
	}
	return modelError{err}
}

// exitCode is the one place that chooses an exit code.
func exitCode(ctx context.Context, err error) int {
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, new(usageError)), strings.HasPrefix(err.Error(), "unknown command"):
		return exitUsage
	case errors.As(err, new(modelError)), errors.As(err, new(*gguf.FormatError)), errors.As(err, new(*mapped.Error)),
		errors.Is(err, zipar.ErrNotFinite), errors.Is(err, vqgan.ErrDamaged):
		return exitBadModel
	}
	return exitFailed
}

// oneLine keeps a message on one line.
func oneLine(s string) string { return strings.Join(strings.FieldsFunc(s, isLineEnd), " ") }

func isLineEnd(r rune) bool { return r == '\n' || r == '\r' }

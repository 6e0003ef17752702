package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime/pprof"
	"runtime/trace"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/zipar/zipar/internal/atomicfile"
)

// profiled are the commands that can record where their time goes.
var profiled = []string{"generate", "bench", "decode", "encode", "convert", "quantize"}

// addProfiles gives them the flags for it.
func addProfiles(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		if !slices.Contains(profiled, cmd.Name()) {
			continue
		}
		var p profiles
		f := cmd.Flags()
		f.StringVar(&p.cpu, "cpuprofile", "", "write a profile of where the time goes to this `FILE`, for go tool pprof")
		f.StringVar(&p.trace, "trace", "", "write a trace of the run to this `FILE`, for go tool trace")
		run := cmd.RunE
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if err := p.check(cmd.Flags(), args); err != nil {
				return err
			}
			return p.during(func() error { return run(cmd, args) })
		}
	}
}

// profiles are the files that a run records itself in.
type profiles struct{ cpu, trace string }

// check refuses files that cannot be written, or that are also something else.
func (p *profiles) check(flags *pflag.FlagSet, args []string) error {
	for _, o := range []struct{ name, path string }{{"cpuprofile", p.cpu}, {"trace", p.trace}} {
		if o.path == "" {
			if flags.Changed(o.name) {
				return usagef("--%s: want the name of a file", o.name)
			}
			continue
		}
		if o.path == stdoutName {
			return usagef("--%s -: it goes into a file, not to standard output", o.name)
		}
		var err error
		flags.VisitAll(func(f *pflag.Flag) {
			kind, _ := pflag.UnquoteUsage(f)
			if f.Name != o.name && kind == "FILE" && f.Value.String() != "" && sameName(f.Value.String(), o.path) {
				err = usagef("--%s %s: --%s has the same name", o.name, o.path, f.Name)
			}
		})
		for _, a := range args {
			if sameName(a, o.path) {
				err = usagef("--%s %s: it is one of the files of this command", o.name, o.path)
			}
		}
		if err == nil {
			err = checkOutput("--"+o.name, o.path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sameName says that two names of files are the same.
func sameName(a, b string) bool { return filepath.Clean(a) == filepath.Clean(b) }

// during runs a command and records what was asked for.
func (p *profiles) during(run func() error) error {
	if p.trace != "" {
		run = recorded(p.trace, "trace", trace.Start, trace.Stop, run)
	}
	if p.cpu != "" {
		run = recorded(p.cpu, "profile", pprof.StartCPUProfile, pprof.StopCPUProfile, run)
	}
	return run()
}

// recorded wraps a run in the recording of a file. The file is written when the
// run succeeds, or when a signal ends it; what else fails leaves none.
func recorded(path, what string, start func(io.Writer) error, stop func(), run func() error) func() error {
	return func() error {
		var interrupted error
		err := atomicfile.Write(path, func(w io.Writer) error {
			// Go's recorders drop the errors of their writer.
			kept := &firstError{w: w}
			if err := start(kept); err != nil {
				return fmt.Errorf("start the %s %s: %w", what, path, err)
			}
			err := func() error {
				defer stop()
				return run()
			}()
			if errors.Is(err, context.Canceled) {
				interrupted, err = err, nil
			}
			if err == nil {
				err = kept.err
			}
			return err
		})
		if interrupted == nil {
			return err
		}
		left := errInterrupted
		errors.As(interrupted, &left)
		if err != nil {
			return &interruption{fmt.Sprintf("%s; the %s could not be written: %v", left.left, what, err)}
		}
		return &interruption{fmt.Sprintf("%s; the %s so far is in %s", left.left, what, path)}
	}
}

// firstError is a writer that keeps the first error that it returns.
type firstError struct {
	w   io.Writer
	err error
}

func (f *firstError) Write(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	var n int
	n, f.err = f.w.Write(p)
	return n, f.err
}

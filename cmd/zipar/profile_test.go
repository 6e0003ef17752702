package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// profileCmd: profile FILE wants a CPU profile, whole.
func profileCmd(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(checkProfile(ts.MkAbs(args[0])))
}

func checkProfile(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(z)
	if err == nil && (!bytes.Contains(text, []byte("samples")) || !bytes.Contains(text, []byte("nanoseconds"))) {
		err = fmt.Errorf("%s: no profile of CPU time", path)
	}
	return err
}

// What a recorder writes and what the run returns decide together whether there
// is a file, and what the user is told.
func TestRecorded(t *testing.T) {
	full := errors.New("the disk is full")
	failed := errors.New("it did not work")
	for name, c := range map[string]struct {
		start, run error
		big        bool // more than the disk holds
		want       string
		written    bool
	}{
		"all is well":            {written: true},
		"the recorder is in use": {start: errors.New("in use"), want: "start the profile FILE: in use"},
		"the run fails":          {run: failed, want: "it did not work"},
		"a signal":               {run: context.Canceled, want: "interrupted: nothing was written; the profile so far is in FILE", written: true},
		"a signal, wrapped":      {run: fmt.Errorf("x: %w", context.Canceled), want: "interrupted: nothing was written; the profile so far is in FILE", written: true},
		"a signal, with a rest":  {run: &interruption{"rows are in a.png"}, want: "interrupted: rows are in a.png; the profile so far is in FILE", written: true},
		"no space":               {big: true, want: "the disk is full"},
		"no space after a signal": {
			run: &interruption{"rows are in a.png"}, big: true, want: "interrupted: rows are in a.png; the profile could not be written: the disk is full",
		},
	} {
		path := filepath.Join(t.TempDir(), "cpu.prof")
		var to io.Writer
		running := false
		start := func(w io.Writer) error {
			if c.start != nil {
				return c.start
			}
			running = true
			to = w
			if c.big {
				w.(*firstError).w = brokenWriter{full}
			}
			return nil
		}
		stop := func() {
			running = false
			fmt.Fprint(to, "profile")
			fmt.Fprint(to, " of a run") // whose error is not looked at, either
		}
		err := recorded(path, "profile", start, stop, func() error {
			if !running {
				t.Errorf("%s: the run is not recorded", name)
			}
			return c.run
		})()
		if running {
			t.Errorf("%s: the recording goes on", name)
		}
		text := ""
		if err != nil {
			text = strings.ReplaceAll(err.Error(), path, "FILE")
		}
		if text != c.want {
			t.Errorf("%s: %q, want %q", name, text, c.want)
		}
		if c.run != nil && errors.Is(c.run, context.Canceled) != errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v is or is not the end by a signal", name, err)
		}
		data, err := os.ReadFile(path)
		if c.written != (err == nil) || c.written && string(data) != "profile of a run" {
			t.Errorf("%s: file %q, %v", name, data, err)
		}
		if names, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(names) != 0 {
			t.Errorf("%s: left behind: %v", name, names)
		}
	}
}

type brokenWriter struct{ err error }

func (b brokenWriter) Write([]byte) (int, error) { return 0, b.err }

// A fault of memory, which is a panic, ends the recording, too.
func TestRecordedEndsWithAPanic(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cpu.prof")
	stopped := false
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is gone")
			}
		}()
		_ = recorded(path, "profile", func(io.Writer) error { return nil }, func() { stopped = true }, func() error { panic("fault") })()
	}()
	if _, err := os.Stat(path); err == nil || !stopped {
		t.Errorf("stopped %v, the file is there: %v", stopped, err == nil)
	}
}

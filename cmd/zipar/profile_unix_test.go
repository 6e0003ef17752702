//go:build unix

package main

import (
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// A signal ends the run, and what was recorded until then is there, whole.
func TestASignalLeavesTheProfiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bigModel(t, filepath.Join(dir, "m.gguf"))
	p := start(t, dir, "quantize", "m.gguf", "out.gguf", "q4_K", "--cpuprofile", "cpu.prof", "--trace", "run.trace")
	p.awaitFile(".zipar-*.tmp")
	p.signal(syscall.SIGINT)
	const want = "zipar: interrupted: nothing was written; the trace so far is in run.trace; the profile so far is in cpu.prof\n"
	if code, stderr := p.wait(); code != exitInterrupted || stderr != want {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	if names := namesIn(t, dir); !slices.Equal(names, []string{"cpu.prof", "m.gguf", "run.trace"}) {
		t.Errorf("the folder has %v", names)
	}
	if err := checkProfile(filepath.Join(dir, "cpu.prof")); err != nil {
		t.Error(err)
	}
}

//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/zipar/zipar/internal/testmodel"
)

// A batch that is interrupted and goes on has the pictures of one that is not,
// and nothing else.
func TestAnInterruptedBatchGoesOn(t *testing.T) {
	t.Parallel()
	whole, dir := t.TempDir(), t.TempDir()
	for _, d := range []string{whole, dir} {
		makeModel(t, filepath.Join(d, "m.gguf"), testmodel.Options{Rows: 120, Cols: 8})
	}
	args := []string{"generate", "-m", "m.gguf", "--class", "3", "-b", "3", "--window", "0", "-o", "%d.png", "--codes", "%d.json", "-v"}
	if code, stderr := start(t, whole, append(args, "-s", "1")...).wait(); code != exitOK {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	p := start(t, dir, append(args, "-s", "1", "--preview", "proj", "--preview-path", "seen.png", "--preview-interval", "5")...)
	p.awaitFile("seen-1.png")
	p.signal(syscall.SIGTERM)
	if code, stderr := p.wait(); code != exitInterrupted {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "*.partial.png")); len(found) == 0 {
		t.Fatal("there is no partial picture")
	}
	// The seed is that of a picture that is there: here is one.
	data, err := os.ReadFile(filepath.Join(whole, "2.png"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"2.png": data, "2.json": nil} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "2.partial.png")); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(dir, "2.partial.json"))
	if code, stderr := start(t, dir, append(args, "--resume")...).wait(); code != exitOK {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	for i := 1; i <= 3; i++ {
		name := fmt.Sprintf("%d.png", i)
		want, err := os.ReadFile(filepath.Join(whole, name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is another picture: %v", name, err)
		}
	}
	names := slices.DeleteFunc(namesIn(t, dir), func(name string) bool { return filepath.Ext(name) == ".png" && name[0] == 's' })
	if want := namesIn(t, whole); !slices.Equal(names, want) {
		t.Errorf("the folder has %v, want %v", names, want)
	}
}

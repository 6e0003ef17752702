//go:build unix

package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/zipar/zipar/internal/testmodel"
)

// A model file that another program cuts while it is in use.
func TestACutModelIsAnError(t *testing.T) {
	t.Parallel()
	for _, threads := range []string{"1", "2", "5"} {
		dir := t.TempDir()
		model := filepath.Join(dir, "m.gguf")
		makeModel(t, model, tall)
		p := start(t, dir, "generate", "-m", "m.gguf", "--class", "3", "--window", "0", "-o", "x.png", "-t", threads, "-v")
		p.await("loaded in")
		if err := os.Truncate(model, 0); err != nil {
			t.Fatal(err)
		}
		code, stderr := p.wait()
		want := "zipar: m.gguf: the file changed or was cut while it was in use: make it whole again and repeat the command"
		if code != exitBadModel || lastLine(stderr) != want {
			t.Errorf("%s threads: exit code %d: %s", threads, code, stderr)
		}
		if names := namesIn(t, dir); !slices.Equal(names, []string{"m.gguf"}) {
			t.Errorf("the folder has %v", names)
		}
	}
}

func TestACutInputOfQuantizeIsAnError(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{"q4_K", "f32"} {
		dir := t.TempDir()
		bigModel(t, filepath.Join(dir, "m.gguf"))
		p := start(t, dir, "quantize", "m.gguf", "out.gguf", typ)
		p.awaitFile(".zipar-*.tmp")
		if err := os.Truncate(filepath.Join(dir, "m.gguf"), 0); err != nil {
			t.Fatal(err)
		}
		code, stderr := p.wait()
		want := "zipar: m.gguf: the file changed or was cut while it was in use: make it whole again and repeat the command\n"
		if code != exitBadModel || stderr != want {
			t.Errorf("%s: exit code %d: %s", typ, code, stderr)
		}
		if names := namesIn(t, dir); !slices.Equal(names, []string{"m.gguf"}) {
			t.Errorf("the folder has %v", names)
		}
	}
}

// What was mapped at the time of the cut, but not read until the picture was
// done, shows in the image tokenizer.
func TestACutImageTokenizerIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	makeModel(t, filepath.Join(dir, "m.gguf"), testmodel.Options{Rows: 60, Cols: 24, NoVQ: true})
	makeModel(t, filepath.Join(dir, "vq.gguf"), testmodel.Options{VQOnly: true})
	p := start(t, dir, "generate", "-m", "m.gguf", "--vae", "vq.gguf", "--class", "3", "--window", "0", "-o", "x.png", "-v")
	p.await("loaded in")
	if err := os.Truncate(filepath.Join(dir, "vq.gguf"), 0); err != nil {
		t.Fatal(err)
	}
	code, stderr := p.wait()
	if code != exitBadModel || lastLine(stderr)[:14] != "zipar: vq.gguf" {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

//go:build unix

package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

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

// A cut within the last page reads as zeros.
func TestACutOfAFewBytesIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	model := filepath.Join(dir, "m.gguf")
	makeModel(t, model, testmodel.Options{Rows: 60, Cols: 24})
	info, err := os.Stat(model)
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, dir, "generate", "-m", "m.gguf", "--class", "3", "--window", "0", "-o", "x.png", "-v")
	p.await("loaded in")
	if err := os.Truncate(model, info.Size()-8); err != nil {
		t.Fatal(err)
	}
	if code, stderr := p.wait(); code != exitBadModel || !strings.HasPrefix(lastLine(stderr), "zipar: m.gguf: the file changed or was cut") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if names := namesIn(t, dir); !slices.Equal(names, []string{"m.gguf"}) {
		t.Errorf("the folder has %v", names)
	}
}

// The first picture goes into a pipe, where the process waits until the test
// has touched the model. So it does not matter how fast either is.
func TestAModelThatIsWrittenToIsToldOf(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	model := filepath.Join(dir, "m.gguf")
	makeModel(t, model, testmodel.Options{})
	pipe := filepath.Join(dir, "x-1.png")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, dir, "generate", "-m", "m.gguf", "--class", "3", "-b", "2", "-o", "x.png", "-v")
	p.await("pixels in")
	reader, err := os.Open(pipe) // returns when the other side is open, too
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := os.Chtimes(model, time.Time{}, time.Unix(1e9, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, reader); err != nil {
		t.Fatal(err)
	}
	code, stderr := p.wait()
	if code != exitOK || strings.Count(stderr, "zipar: warning: m.gguf was written to while it was in use") != 1 {
		t.Errorf("exit code %d: %s", code, stderr)
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

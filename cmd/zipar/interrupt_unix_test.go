//go:build unix

package main

import (
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/zipar/zipar/internal/imageio"
	"github.com/zipar/zipar/internal/testmodel"
)

func TestASignalLeavesTheRowsSoFar(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]syscall.Signal{"SIGINT": syscall.SIGINT, "SIGTERM": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			makeModel(t, filepath.Join(dir, "m.gguf"), tall)
			p := start(t, dir, "generate", "-m", "m.gguf", "--class", "3", "-s", "1", "--window", "0", "-o", "x.png", "--codes", "c.json", "-v",
				"--preview", "proj", "--preview-path", "seen.png", "--preview-interval", "5")
			p.awaitFile("seen.png")
			p.signal(s)
			code, stderr := p.wait()
			m := regexp.MustCompile(`zipar: interrupted: rows 1 to (\d+) of 150 are in x.partial.png$`).FindStringSubmatch(lastLine(stderr))
			if code != exitInterrupted || m == nil {
				t.Fatalf("exit code %d, %s", code, stderr)
			}
			rows, _ := strconv.Atoi(m[1])
			f, err := os.Open(filepath.Join(dir, "x.partial.png"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			im, err := png.Decode(f)
			if err != nil {
				t.Fatal(err)
			}
			if size := im.Bounds().Size(); rows < 5 || size.X != 24*testmodel.PixelsPerToken || size.Y != rows*testmodel.PixelsPerToken {
				t.Errorf("%d rows, %v pixels", rows, size)
			}
			if names := namesIn(t, dir); !slices.Equal(names, []string{"c.partial.json", "m.gguf", "seen.png", "x.partial.png"}) {
				t.Errorf("the folder has %v", names)
			}
			said, err := readParameters(filepath.Join(dir, "x.partial.png"))
			want := []imageio.Field{{Key: "Partial rows", Value: fmt.Sprintf("%d of 150", rows)}}
			if err != nil || said.Prompt != "class 3" || said.Seed != 1 || !slices.Equal(said.More, want) {
				t.Errorf("it says %+v, %v", said, err)
			}
			codes, err := os.ReadFile(filepath.Join(dir, "c.partial.json"))
			if err != nil || !strings.Contains(string(codes), fmt.Sprintf(`"rows":%d,"cols":24`, rows)) {
				t.Errorf("%d rows, codes %.60s: %v", rows, codes, err)
			}
		})
	}
}

func TestASignalBeforeTheFirstRowLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	makeModel(t, filepath.Join(dir, "m.gguf"), testmodel.Options{Rows: 2, Cols: 4000})
	p := start(t, dir, "generate", "-m", "m.gguf", "--class", "3", "--window", "0", "-o", "x.png", "-v")
	p.await("loaded in")
	p.signal(syscall.SIGINT)
	code, stderr := p.wait()
	if code != exitInterrupted || lastLine(stderr) != "zipar: interrupted: no row was complete, nothing was written" {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	if names := namesIn(t, dir); !slices.Equal(names, []string{"m.gguf"}) {
		t.Errorf("the folder has %v", names)
	}
}

func TestASignalWritesNothingToStandardOutput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	makeModel(t, filepath.Join(dir, "m.gguf"), tall)
	p := start(t, dir, "generate", "-m", "m.gguf", "--class", "3", "--window", "0", "-o", "/dev/null", "-v")
	p.await("loaded in")
	time.Sleep(50 * time.Millisecond)
	p.signal(syscall.SIGINT)
	code, stderr := p.wait()
	if code != exitInterrupted || lastLine(stderr) != "zipar: interrupted: nothing was written, as the picture was not to go to a file" {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	if _, err := os.Stat("/dev/null.partial"); err == nil {
		t.Error("a file in /dev")
	}
}

func TestASignalKeepsFinishedPictures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	makeModel(t, filepath.Join(dir, "m.gguf"), testmodel.Options{Rows: 50, Cols: 16})
	const batch = 4
	p := start(t, dir, "generate", "-m", "m.gguf", "--class", "3", "-s", "1", "--window", "1", "-b", fmt.Sprint(batch), "-o", "x.png")
	p.awaitFile("x-1.png")
	p.signal(syscall.SIGINT)
	code, stderr := p.wait()
	want := fmt.Sprintf("zipar: interrupted: %d of %d pictures are finished\n", batch, batch)
	if code != exitInterrupted || stderr != want {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	if names := namesIn(t, dir); !slices.Equal(names, []string{"m.gguf", "x-1.png", "x-2.png", "x-3.png", "x-4.png"}) {
		t.Errorf("the folder has %v", names)
	}
}

func TestTheSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	makeModel(t, filepath.Join(dir, "m.gguf"), testmodel.Options{Rows: 60, Cols: 24})
	// On a busy machine the picture may be written before a signal comes.
	for try := 0; ; try++ {
		p := start(t, dir, "generate", "-m", "m.gguf", "--class", "3", "--window", "1", "-o", "x.png", "-v")
		p.await("passes of at most")
		p.signal(syscall.SIGINT)
		if p.says("interrupt again") {
			p.signal(syscall.SIGINT)
		}
		code, stderr := p.wait()
		if p.killedBy() == syscall.SIGINT {
			break
		}
		if code != exitInterrupted && code != exitOK || try == 10 {
			t.Fatalf("exit code %d, %s", code, stderr)
		}
		os.Remove(filepath.Join(dir, "x.png"))
	}
	if names := namesIn(t, dir); slices.Contains(names, "x.png") {
		t.Errorf("the folder has %v", names)
	}
}

func TestASignalEndsConversionsWithoutATrace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bigModel(t, filepath.Join(dir, "m.gguf"))
	p := start(t, dir, "quantize", "m.gguf", "out.gguf", "q4_K")
	p.awaitFile(".zipar-*.tmp")
	p.signal(syscall.SIGTERM)
	if code, stderr := p.wait(); code != exitInterrupted || stderr != "zipar: interrupted: nothing was written\n" {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	if names := namesIn(t, dir); !slices.Equal(names, []string{"m.gguf"}) {
		t.Errorf("the folder has %v", names)
	}
}

func TestLeftText(t *testing.T) {
	for _, c := range []struct {
		finished, batch int
		saved           []string
		special         bool
		want            string
	}{
		{0, 1, nil, false, "no row was complete, nothing was written"},
		{0, 1, nil, true, "nothing was written, as the picture was not to go to a file"},
		{0, 1, []string{"a"}, false, "a"},
		{0, 2, []string{"a", "b"}, false, "a, b"},
		{2, 4, nil, false, "2 of 4 pictures are finished"},
		{2, 4, []string{"a", "b"}, false, "2 of 4 pictures are finished; a, b"},
		{1, 9, []string{"a", "b", "c", "d", "e"}, false, "1 of 9 pictures are finished; a, b, c, and so on for 5 pictures"},
	} {
		if got := leftText(c.finished, c.batch, c.saved, c.special); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestPartialName(t *testing.T) {
	for path, want := range map[string]string{
		"x.png": "x.partial.png", "a/b.c/x-1.png": "a/b.c/x-1.partial.png", "x": "x.partial", "out/003.json": "out/003.partial.json",
	} {
		if got := partialName(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

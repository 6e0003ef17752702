//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package atomicfile

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestWriteRemovesWhatKilledProcessesLeft(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		".zipar-0123456789abcdef.tmp", ".zipar-fedcba9876543210.tmp", // stale
		".zipar-1.tmp", "zipar-0123456789abcdef.tmp", ".zipar-0123456789abcdef.tmp.png", // not ours
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	held, release, err := create("x", dir)
	if err != nil {
		t.Fatal(err)
	}
	// A writer that has closed its file and is about to rename it.
	held.Close()
	defer release()
	if err := Write(filepath.Join(dir, "new"), func(w io.Writer) error { _, err := io.WriteString(w, "text"); return err }); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	want := []string{".zipar-0123456789abcdef.tmp.png", ".zipar-1.tmp", filepath.Base(held.Name()), "new", "zipar-0123456789abcdef.tmp"}
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("the folder has %v, want %v", names, want)
	}
}

func TestATemporaryFileThatIsTakenAwayIsMadeAgain(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil {
		t.Fatal(err)
	}
	if _, ok := hold(f); ok {
		t.Error("a file without a name is held")
	}
}

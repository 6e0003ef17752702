//go:build unix

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zipar/zipar/internal/testmodel"
)

// killCase is a command whose output out has the bytes of whole, or of old as
// long as it is not done.
type killCase struct {
	args []string
	out  string
}

func killCases(golden string) map[string]killCase {
	return map[string]killCase{
		"generate": {[]string{"generate", "-m", "m.gguf", "--class", "3", "-s", "1", "-o", "x.png"}, "x.png"},
		"convert":  {[]string{"convert", "--type", "f32", "--heads", "2", "--grid", "8x8", "-q", "--out", "c.gguf", filepath.Join(golden, "c2i-tiny.pt")}, "c.gguf"},
		"quantize": {[]string{"quantize", "m.gguf", "q.gguf", "q8_0", "-q"}, "q.gguf"},
	}
}

// A file is the old one or the new one, whenever a process is killed.
func TestKilledProcessesLeaveNoHalfFiles(t *testing.T) {
	t.Parallel()
	golden, err := filepath.Abs("../../testdata/golden")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range killCases(golden) {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			makeModel(t, filepath.Join(dir, "m.gguf"), testmodel.Options{Seed: 5})
			out := filepath.Join(dir, c.out)
			began := time.Now()
			if code, stderr := start(t, dir, c.args...).wait(); code != exitOK {
				t.Fatalf("exit code %d, %s", code, stderr)
			}
			took := time.Since(began)
			whole, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			old := []byte("what was there before")
			rng := rand.New(rand.NewPCG(1, 2))
			killed := 0
			for i := range 30 {
				// No file, then an old one, in turns.
				os.Remove(out)
				if i%2 == 1 {
					if err := os.WriteFile(out, old, 0o666); err != nil {
						t.Fatal(err)
					}
				}
				p := start(t, dir, c.args...)
				time.Sleep(time.Duration(rng.Int64N(int64(took)*5/4 + 1)))
				p.signal(os.Kill)
				if code, _ := p.wait(); code != exitOK {
					killed++
				}
				got, err := os.ReadFile(out)
				switch {
				case err == nil && bytes.Equal(got, whole):
				case i%2 == 1 && err == nil && bytes.Equal(got, old):
				case i%2 == 0 && os.IsNotExist(err):
				default:
					t.Fatalf("kill %d: %d bytes, want all %d or what was there before: %v", i, len(got), len(whole), err)
				}
				for _, name := range namesIn(t, dir) {
					if name != "m.gguf" && name != c.out && !(strings.HasPrefix(name, ".zipar-") && strings.HasSuffix(name, ".tmp")) {
						t.Fatalf("kill %d left %s", i, name)
					}
				}
			}
			if killed == 0 {
				t.Error("nothing was killed")
			}
			// The next run removes what the killed ones have left.
			if err := os.WriteFile(filepath.Join(dir, ".zipar-0123456789abcdef.tmp"), nil, 0o666); err != nil {
				t.Fatal(err)
			}
			if code, stderr := start(t, dir, c.args...).wait(); code != exitOK {
				t.Fatalf("exit code %d, %s", code, stderr)
			}
			if names := strings.Join(namesIn(t, dir), " "); names != c.out+" m.gguf" && names != "m.gguf "+c.out {
				t.Errorf("left: %s", names)
			}
		})
	}
}

// runShell runs a line of shell in a folder; $zipar is the command.
func runShell(t *testing.T, dir, line string) (code int, stderr string) {
	t.Helper()
	path, err := exec.LookPath("zipar")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), modelEnv+"=", "zipar="+path)
	var text bytes.Buffer
	cmd.Stderr = &text
	cmd.Run()
	return cmd.ProcessState.ExitCode(), text.String()
}

// checkFailure wants one clear line that has this text.
func checkFailure(t *testing.T, code int, stderr string, want string) {
	t.Helper()
	if code != exitFailed || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "zipar: ") || !strings.Contains(stderr, want) {
		t.Errorf("exit code %d, want %d and one line with %q: %s", code, exitFailed, want, stderr)
	}
}

func TestNoSpaceLeft(t *testing.T) {
	t.Parallel()
	golden, err := filepath.Abs("../../testdata/golden")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range killCases(golden) {
		for _, there := range []bool{false, true} {
			dir := t.TempDir()
			makeModel(t, filepath.Join(dir, "m.gguf"), testmodel.Options{Rows: 24, Cols: 24})
			want := []string{"m.gguf"}
			const old = "what was there before"
			if there {
				if err := os.WriteFile(filepath.Join(dir, c.out), []byte(old), 0o666); err != nil {
					t.Fatal(err)
				}
				want = append(want, c.out)
			}
			// Blocks of 512 bytes.
			code, stderr := runShell(t, dir, "ulimit -f 4; exec $zipar "+strings.Join(c.args, " "))
			checkFailure(t, code, stderr, "write "+c.out+": file too large")
			if there {
				if got, err := os.ReadFile(filepath.Join(dir, c.out)); err != nil || string(got) != old {
					t.Errorf("%s: the old file has %q: %v", name, got, err)
				}
			}
			if names := namesIn(t, dir); len(names) != len(want) {
				t.Errorf("%s: the folder has %v", name, names)
			}
		}
	}
}

func TestFullDevices(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Logf("this system has no /dev/full")
		return
	}
	dir := t.TempDir()
	makeModel(t, filepath.Join(dir, "m.gguf"), testmodel.Options{})
	for _, line := range []string{
		"$zipar inspect m.gguf > /dev/full",
		"$zipar generate -m m.gguf --class 3 -o - > /dev/full",
		"$zipar generate -m m.gguf --class 3 -o x.png --codes - > /dev/full",
		"$zipar generate -m m.gguf --class 3 -o /dev/full",
		"$zipar quantize m.gguf /dev/full q8_0",
		"$zipar bench --grid 4x4 > /dev/full",
		"$zipar version > /dev/full",
	} {
		code, stderr := runShell(t, dir, "exec "+line)
		if code != exitFailed || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "no space left on device") {
			t.Errorf("%s: exit code %d: %s", line, code, stderr)
		}
		if names := fmt.Sprint(namesIn(t, dir)); names != "[m.gguf]" {
			t.Errorf("%s: the folder has %s", line, names)
		}
	}
}

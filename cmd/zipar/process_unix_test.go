//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/testmodel"
)

// process is the command as a process of its own, in a folder.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	lines  chan string // stderr
	stderr bytes.Buffer
}

// patience is how long a process may take at most on a busy machine.
const patience = 60 * time.Second

// start starts zipar. TestMain has put it into the path.
func start(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command("zipar", args...), lines: make(chan string, 1000)}
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), modelEnv+"=", "XDG_CACHE_HOME="+t.TempDir())
	pipe, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill() })
	time.AfterFunc(patience, func() { p.cmd.Process.Kill() })
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(io.TeeReader(pipe, &p.stderr)); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	return p
}

// await waits for a line on stderr that has this text.
func (p *process) await(text string) {
	p.t.Helper()
	if !p.says(text) {
		p.t.Fatalf("the process ended without %q on stderr: %s", text, p.stderr.String())
	}
}

// says waits for a line on stderr that has this text. It returns false when
// the process ends without it.
func (p *process) says(text string) bool {
	for line := range p.lines {
		if strings.Contains(line, text) {
			return true
		}
	}
	return false
}

// awaitFile waits until a file is there whose name matches the pattern.
func (p *process) awaitFile(pattern string) {
	p.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if found, _ := filepath.Glob(filepath.Join(p.cmd.Dir, pattern)); len(found) > 0 {
			return
		}
	}
	p.t.Fatalf("there is no %s", pattern)
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatal(err)
	}
}

// wait returns the exit code, -1 after a deadly signal, and what was on stderr.
func (p *process) wait() (code int, stderr string) {
	p.t.Helper()
	for range p.lines {
	}
	err := p.cmd.Wait()
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		p.t.Fatal(err)
	}
	return p.cmd.ProcessState.ExitCode(), p.stderr.String()
}

// lastLine is the line that says how the process ended.
func lastLine(stderr string) string {
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	return lines[len(lines)-1]
}

func (p *process) killedBy() syscall.Signal {
	status, _ := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !status.Signaled() {
		return 0
	}
	return status.Signal()
}

// tall is a picture that takes seconds, of many short rows.
var tall = testmodel.Options{Rows: 150, Cols: 24}

// bigModel writes a file whose quantisation takes a second.
func bigModel(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := gguf.NewWriter()
	w.SetString("general.architecture", "llamagen")
	const rows, cols = 4096, 2048
	row := make([]byte, ggml.F32.RowSize(cols))
	for i := range cols {
		binary.LittleEndian.PutUint32(row[4*i:], math.Float32bits(float32(i%97)-48))
	}
	w.AddTensor("output.weight", []uint64{cols, rows}, ggml.F32, func(dst io.Writer) error {
		for range rows {
			if _, err := dst.Write(row); err != nil {
				return err
			}
		}
		return nil
	})
	if _, err := w.WriteTo(f); err != nil {
		t.Fatal(err)
	}
}

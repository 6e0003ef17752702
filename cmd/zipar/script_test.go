package main

import (
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/zipar/zipar/internal/npy"
	"github.com/zipar/zipar/internal/testmodel"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"zipar": main})
}

// TestScripts runs the command as a person does; see testdata/script.
func TestScripts(t *testing.T) {
	golden, err := filepath.Abs("../../testdata/golden")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("GOLDEN", golden)
			e.Setenv("ZIPAR_MODEL", "")
			e.Setenv("ZIPAR_CPU", os.Getenv("ZIPAR_CPU"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"tinymodel": tinyModelCmd,
			"features":  featuresCmd,
			"fails":     failsCmd,
			"picture":   pictureCmd,
			"cut":       cutCmd,
			"noleft":    noLeftCmd,
			"animation": animationCmd,
		},
	})
}

// tinyModelCmd: tinymodel FILE [caption] [novq] [vqonly] [text] [textonly] writes a model.
func tinyModelCmd(ts *testscript.TestScript, _ bool, args []string) {
	var o testmodel.Options
	for _, a := range args[1:] {
		switch a {
		case "caption":
			o.Caption = true
		case "novq":
			o.NoVQ = true
		case "vqonly":
			o.VQOnly = true
		case "preview":
			o.Preview = true
		case "text":
			o.Text = true
		case "textonly":
			o.TextOnly = true
		default:
			ts.Fatalf("tinymodel: what is %q?", a)
		}
	}
	create(ts, args[0], func(w io.Writer) error { return testmodel.Write(w, o) })
}

// featuresCmd: features FILE DIM... writes an .npy array of this shape.
func featuresCmd(ts *testscript.TestScript, _ bool, args []string) {
	n, shape := 1, []int{}
	for _, a := range args[1:] {
		d, err := strconv.Atoi(a)
		ts.Check(err)
		n *= d
		shape = append(shape, d)
	}
	data := make([]float32, n)
	for i := range data {
		data[i] = float32(i*29%17-8) / 8
	}
	create(ts, args[0], func(w io.Writer) error { return npy.Write(w, shape, data) })
}

func create(ts *testscript.TestScript, name string, fill func(io.Writer) error) {
	f, err := os.Create(ts.MkAbs(name))
	ts.Check(err)
	defer f.Close()
	ts.Check(fill(f))
}

// failsCmd: fails CODE PROGRAM ARG... wants this exit code, one line on stderr
// and nothing on stdout.
func failsCmd(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	code := 0
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
	text := ts.ReadFile("stderr")
	if !strings.HasPrefix(text, "zipar: ") || strings.Count(text, "\n") != 1 || strings.Contains(text, "panic") || strings.Contains(text, "goroutine") {
		ts.Fatalf("want one line on stderr")
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("want nothing on stdout, not %q", out)
	}
}

// pictureCmd: picture FILE WIDTHxHEIGHT wants a PNG of this size with more
// than one colour.
func pictureCmd(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.Open(ts.MkAbs(args[0]))
	if args[0] == "stdout" {
		create(ts, "stdout.png", func(w io.Writer) error { _, err := io.WriteString(w, ts.ReadFile("stdout")); return err })
		f, err = os.Open(ts.MkAbs("stdout.png"))
	}
	ts.Check(err)
	defer f.Close()
	im, err := png.Decode(f)
	ts.Check(err)
	size := im.Bounds().Size()
	if got := fmt.Sprintf("%dx%d", size.X, size.Y); got != args[1] {
		ts.Fatalf("%s has %s pixels, want %s", args[0], got, args[1])
	}
	colours := map[any]bool{}
	for y := range size.Y {
		for x := range size.X {
			colours[im.At(x, y)] = true
		}
	}
	if len(colours) < 2 {
		ts.Fatalf("%s has one colour", args[0])
	}
}

// cutCmd: cut FILE BYTES OUT copies the first bytes of a file.
func cutCmd(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), data[:n], 0o666))
}

// noLeftCmd: noleft PATTERN... wants no file that matches.
func noLeftCmd(ts *testscript.TestScript, _ bool, args []string) {
	for _, pattern := range args {
		found, err := filepath.Glob(ts.MkAbs(pattern))
		ts.Check(err)
		if len(found) != 0 {
			ts.Fatalf("left behind: %v", found)
		}
	}
}

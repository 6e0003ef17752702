package main

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/zipar/zipar/internal/builtin"
	"github.com/zipar/zipar/internal/imageio"
	"github.com/zipar/zipar/internal/npy"
	"github.com/zipar/zipar/internal/testmodel"
)

func TestMain(m *testing.M) {
	embedded := builtIn
	builtIn = builtin.New(nil)
	testscript.Main(m, map[string]func(){"zipar": func() {
		switch path := os.Getenv(testBuiltIn); path {
		case "":
		case "embedded":
			builtIn = embedded
		default:
			data, err := os.ReadFile(path)
			if err != nil {
				panic(err)
			}
			builtIn = builtin.New(data)
		}
		machineOptions = littleMachine
		main()
	}})
}

// testBuiltIn is the environment variable that tells zipar in tests which model
// is built in: that in this file, or the embedded one; none if it is empty.
// Thus tests do not depend on whether there is an embedded one.
const testBuiltIn = "ZIPAR_TEST_BUILTIN"

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
			e.Setenv(testBuiltIn, "")
			e.Setenv("ZIPAR_CPU", os.Getenv("ZIPAR_CPU"))
			e.Setenv("GORACE", os.Getenv("GORACE"))
			setCache(e)
			return nil
		},
		Condition: func(c string) (bool, error) {
			if c != "embedded" {
				return false, fmt.Errorf("what is %q?", c)
			}
			return builtin.Embedded().Available(), nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"tinymodel": tinyModelCmd,
			"features":  featuresCmd,
			"fails":     failsCmd,
			"picture":   pictureCmd,
			"cut":       cutCmd,
			"noleft":    noLeftCmd,
			"animation": animationCmd,
			"pixels":    pixelsCmd,
			"damage":    damageCmd,
			"hashed":    hashedCmd,
			"old":       oldCmd,
			"profile":   profileCmd,
		},
	})
}

// setCache gives a script a cache folder of its own, where hashes of files are
// kept: $ZIPAR_HASHES.
func setCache(e *testscript.Env) {
	home := filepath.Join(e.WorkDir, "user")
	cache := filepath.Join(e.WorkDir, "cache")
	if runtime.GOOS == "darwin" {
		cache = filepath.Join(home, "Library", "Caches")
	}
	e.Setenv("HOME", home)
	e.Setenv("XDG_CACHE_HOME", cache)
	e.Setenv("LocalAppData", cache)
	e.Setenv("ZIPAR_HASHES", filepath.Join(cache, "zipar", "hashes.json"))
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

// pixelsCmd: [!] pixels FILE OTHER wants two pictures of the same pixels.
func pixelsCmd(ts *testscript.TestScript, neg bool, args []string) {
	var all [2][]float32
	var sizes [2]string
	for i := range all {
		f, err := os.Open(ts.MkAbs(args[i]))
		ts.Check(err)
		values, h, w, err := imageio.ReadPNG(f, args[i])
		f.Close()
		ts.Check(err)
		all[i], sizes[i] = values, fmt.Sprintf("%d x %d", w, h)
	}
	if same := sizes[0] == sizes[1] && slices.Equal(all[0], all[1]); same == neg {
		ts.Fatalf("%s, %s, and %s, %s: the same pixels: %v", args[0], sizes[0], args[1], sizes[1], same)
	}
}

// damageCmd: damage FILE KIND OUT copies a PNG picture with a broken or
// hostile text before its pixels.
func damageCmd(ts *testscript.TestScript, _ bool, args []string) {
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	const head = 8 + 25 // signature and IHDR
	text := func(length, crc uint32, body string) {
		if crc == 0 {
			crc = crc32.ChecksumIEEE([]byte(body))
		}
		chunk := binary.BigEndian.AppendUint32(nil, length)
		chunk = binary.BigEndian.AppendUint32(append(chunk, body...), crc)
		data = slices.Insert(data, head, chunk...)
	}
	body := "tEXtparameters\x00a\nSteps: 1, Seed: 2, Size: 1x1"
	switch args[1] {
	case "crc":
		text(uint32(len(body)-4), 1, body)
	case "length":
		text(1<<31-1, 0, body)
	case "claim":
		text(1<<20, 0, body)
	case "long":
		text(1<<24, 0, body)
	case "cut":
		data = data[:head+20]
	case "bomb":
		var b strings.Builder
		z := zlib.NewWriter(&b)
		for range 64 {
			_, err := z.Write(make([]byte, 1<<20))
			ts.Check(err)
		}
		ts.Check(z.Close())
		body = "zTXtparameters\x00\x00" + b.String()
		text(uint32(len(body)-4), 0, body)
	case "escape":
		body = "tEXtCom\x1b[2Jment\x00red\x1b[31m\nsecond line"
		text(uint32(len(body)-4), 0, body)
	case "other":
		body = "tEXtparameters\x00a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, Version: v1.10.0"
		data = slices.Delete(data, head, bytes.Index(data, []byte("IDAT"))-4)
		text(uint32(len(body)-4), 0, body)
	case "plain":
		data = slices.Delete(data, head, bytes.Index(data, []byte("IDAT"))-4)
	default:
		ts.Fatalf("damage: what is %q?", args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), data, 0o666))
}

// hashedCmd: hashed FILE PICTURE wants the file's hash in the picture.
func hashedCmd(ts *testscript.TestScript, _ bool, args []string) {
	sum := sha256.Sum256([]byte(ts.ReadFile(args[0])))
	want := fmt.Sprintf("Model hash: %x,", sum[:5])
	if !strings.Contains(ts.ReadFile(args[1]), want) {
		ts.Fatalf("%s has no %q", args[1], want)
	}
}

// oldCmd: old FILE makes a file one that was written an hour ago.
func oldCmd(ts *testscript.TestScript, _ bool, args []string) {
	when := time.Now().Add(-time.Hour)
	ts.Check(os.Chtimes(ts.MkAbs(args[0]), when, when))
}

package atomicfile

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func put(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// only wants the folder to hold exactly the names given: no temporary file was left.
func only(t *testing.T, folder string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("folder holds %q, want %q", got, names)
	}
}

func content(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s holds %q, want %q", filepath.Base(path), got, want)
	}
}

func TestWriteNewAndReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.bin")
	if err := Write(path, put("one")); err != nil {
		t.Fatal(err)
	}
	content(t, path, "one")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, put("two")); err != nil {
		t.Fatal(err)
	}
	content(t, path, "two")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
		t.Errorf("replaced file has mode %v, want 0640", info.Mode().Perm())
	}
	only(t, dir, "a.bin")
}

func TestWriteNewFileIsNotPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if err := Write(path, put("x")); err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(t.TempDir(), "b")
	if err := os.WriteFile(plain, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	got, _ := os.Stat(path)
	want, _ := os.Stat(plain)
	if got.Mode() != want.Mode() {
		t.Errorf("mode %v, want what the umask gives: %v", got.Mode(), want.Mode())
	}
}

func TestWriteLongName(t *testing.T) {
	dir := t.TempDir()
	name := strings.Repeat("n", 250)
	if err := Write(filepath.Join(dir, name), put("x")); err != nil {
		t.Fatal(err)
	}
	only(t, dir, name)
}

func TestWriteLargerThanTheBuffer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big")
	want := bytes.Repeat([]byte("0123456789"), bufferSize/4)
	if err := Write(path, func(w io.Writer) error { _, err := w.Write(want); return err }); err != nil {
		t.Fatal(err)
	}
	content(t, path, string(want))
}

func TestFillErrorLeavesTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := Write(path, put("old")); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	err := Write(path, func(w io.Writer) error {
		if err := put("half of the new")(w); err != nil {
			return err
		}
		return broken
	})
	if err != broken {
		t.Errorf("got %v, want fill's own error", err)
	}
	content(t, path, "old")
	only(t, dir, "a")

	if err := Write(filepath.Join(dir, "b"), func(io.Writer) error { return broken }); err != broken {
		t.Errorf("got %v, want fill's own error", err)
	}
	only(t, dir, "a")
}

func TestFillPanicLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = Write(filepath.Join(dir, "a"), func(io.Writer) error { panic("boom") })
	}()
	only(t, dir)
}

func TestWriteFollowsLinks(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	real := filepath.Join(elsewhere, "real")
	link := filepath.Join(dir, "link")
	if err := Write(real, put("old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	if err := Write(link, put("new")); err != nil {
		t.Fatal(err)
	}
	content(t, real, "new")
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v %v", info, err)
	}
	only(t, elsewhere, "real")

	dangling := filepath.Join(dir, "dangling")
	if err := os.Symlink(filepath.Join(dir, "gone"), dangling); err != nil {
		t.Fatal(err)
	}
	wantError(t, Write(dangling, put("x")), "it is a link to", "does not exist")
}

func TestWriteToADevice(t *testing.T) {
	if err := Write(os.DevNull, put("x")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(os.DevNull)
	if err != nil || info.Mode().IsRegular() {
		t.Fatalf("%s was replaced by a file: %v %v", os.DevNull, info, err)
	}
	broken := errors.New("broken")
	if err := Write(os.DevNull, func(io.Writer) error { return broken }); err != broken {
		t.Errorf("got %v, want fill's own error", err)
	}
}

func TestWriteErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := Write(file, put("x")); err != nil {
		t.Fatal(err)
	}
	wantError(t, Write("", put("x")), "file name is empty")
	wantError(t, Write(dir, put("x")), "it is a folder")
	wantError(t, Write(filepath.Join(dir, "no", "a"), put("x")), "write "+filepath.Join(dir, "no", "a"), "the folder", "does not exist")
	wantError(t, Write(filepath.Join(file, "a"), put("x")), "not a directory")
	only(t, dir, "file")
}

// A full disk must be reported under the name that the user gave, not the temporary one.
func TestWriteErrorNamesTheTarget(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Logf("no /dev/full here (%v): the same path is checked through a closed file", err)
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "tmp"))
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	err = fillBuffered("picture.png", f, put("x"))
	wantError(t, err, "write picture.png: file already closed")
	if strings.Contains(err.Error(), f.Name()) {
		t.Errorf("%v names the temporary file", err)
	}
	if runtime.GOOS == "linux" {
		wantError(t, Write("/dev/full", put("x")), "write /dev/full: no space left")
	}
}

// Another process may put something in the way while the file is filled.
func TestTargetBecomesAFolder(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	err := Write(path, func(w io.Writer) error {
		if err := os.MkdirAll(filepath.Join(path, "inner"), 0o777); err != nil {
			return err
		}
		return put("x")(w)
	})
	wantError(t, err, "write "+path+": ")
	only(t, dir, "a")
}

func TestWriteToALinkLoop(t *testing.T) {
	path := filepath.Join(t.TempDir(), "loop")
	if err := os.Symlink(path, path); err != nil {
		t.Fatal(err)
	}
	wantError(t, Write(path, put("x")), "write "+path+": ")
}

func TestWriteToASocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "s") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	wantError(t, Write(path, put("x")), "write "+path+": ")
}

func TestRenameErrorNamesTheTarget(t *testing.T) {
	err := failed("a.gguf", &os.LinkError{Op: "rename", Old: ".zipar-0.tmp", New: "a.gguf", Err: errors.New("denied")})
	if got, want := err.Error(), "write a.gguf: denied"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want %q", parts)
		return
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q lacks %q", err, p)
		}
	}
}

// Package atomicfile writes files that appear whole or not at all.
//
// The bytes go to a temporary file in the same folder (so the rename stays inside one file system), are synced, and
// the file then takes its name in one step. A reader of the name sees the old file or the new one, never a part. A
// process that is killed leaves its temporary file, .zipar-*.tmp, which the next Write into the folder removes.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// bufferSize is what is collected before a write to the temporary file: fill may write in small pieces.
const bufferSize = 256 << 10

// Write makes the file path from what fill writes. On any error (fill's own, a full disk, a panic in fill) path is
// as it was before and no temporary file is left. Fill's error is returned as it is; cancelling is fill's business:
// it returns the context's error.
//
// A new file gets the permissions 0666 less the umask; a file that is replaced keeps its own. A symbolic link is
// followed, so the link stays and the file behind it is replaced. A path that exists and is no regular file (a
// terminal, a pipe, /dev/null) cannot be replaced: fill writes straight to it.
func Write(path string, fill func(io.Writer) error) error {
	target, perm, special, err := resolve(path)
	if err != nil {
		return err
	}
	if special {
		return writeSpecial(path, fill)
	}
	sweep(filepath.Dir(target))
	tmp, release, err := create(path, filepath.Dir(target))
	if err != nil {
		return err
	}
	defer release()
	done := false
	defer func() {
		if !done {
			tmp.Close()
			os.Remove(tmp.Name())
		}
	}()
	if err := fillBuffered(path, tmp, fill); err != nil {
		return err
	}
	if perm != 0 {
		if err := tmp.Chmod(perm); err != nil {
			return failed(path, err)
		}
	}
	if err := tmp.Sync(); err != nil {
		return failed(path, err)
	}
	if err := tmp.Close(); err != nil {
		return failed(path, err)
	}
	if err := os.Rename(tmp.Name(), target); err != nil {
		return failed(path, err)
	}
	done = true
	syncFolder(filepath.Dir(target))
	return nil
}

// resolve finds what path names: the file behind links, the permissions to keep (0: a new file), and whether it is
// something that cannot be replaced by a rename.
func resolve(path string) (target string, perm fs.FileMode, special bool, err error) {
	if path == "" {
		return "", 0, false, errors.New("write: the file name is empty")
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if link, err := os.Readlink(path); err == nil {
			return "", 0, false, fmt.Errorf("write %s: it is a link to %s, which does not exist", path, link)
		}
		return path, 0, false, nil
	}
	if err != nil {
		return "", 0, false, failed(path, err)
	}
	if info.IsDir() {
		return "", 0, false, fmt.Errorf("write %s: it is a folder", path)
	}
	if !info.Mode().IsRegular() {
		return path, 0, true, nil
	}
	target, err = filepath.EvalSymlinks(path)
	if err != nil {
		return "", 0, false, failed(path, err)
	}
	return target, info.Mode().Perm(), false, nil
}

// create opens a new temporary file in folder. Its name does not grow with the target's, which may be as long as the
// file system allows.
// release lets other processes take it for one that is left over.
func create(path, folder string) (f *os.File, release func(), err error) {
	for {
		name := filepath.Join(folder, fmt.Sprintf(".zipar-%016x.tmp", rand.Uint64()))
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		switch {
		case errors.Is(err, fs.ErrExist):
			continue
		case errors.Is(err, fs.ErrNotExist):
			return nil, nil, fmt.Errorf("write %s: the folder %s does not exist", path, folder)
		case err != nil:
			return nil, nil, failed(path, err)
		}
		if release, ok := hold(f); ok {
			return f, release, nil
		}
		f.Close()
	}
}

func writeSpecial(path string, fill func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return failed(path, err)
	}
	if err := fillBuffered(path, f, fill); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return failed(path, err)
	}
	return nil
}

func fillBuffered(path string, f *os.File, fill func(io.Writer) error) error {
	w := bufio.NewWriterSize(namedWriter{path, f}, bufferSize)
	if err := fill(w); err != nil {
		return err
	}
	return w.Flush()
}

// namedWriter gives a failed write the name that the user knows instead of the temporary one.
type namedWriter struct {
	path string
	f    *os.File
}

func (w namedWriter) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	if err != nil {
		return n, failed(w.path, err)
	}
	return n, nil
}

// failed names path in an error of the os package and drops the temporary file's name from it.
func failed(path string, err error) error {
	var pe *fs.PathError
	var le *os.LinkError
	switch {
	case errors.As(err, &pe):
		err = pe.Err
	case errors.As(err, &le):
		err = le.Err
	}
	return fmt.Errorf("write %s: %w", path, err)
}

// syncFolder makes the new name durable. File systems that cannot sync a folder keep the file all the same, so an
// error is no reason to report the write as failed.
func syncFolder(folder string) {
	d, err := os.Open(folder)
	if err != nil {
		return
	}
	defer d.Close()
	_ = d.Sync()
}

package pull

// A file on its way: FILE.part has the bytes so far, FILE.part.json what they are the beginning of. A whole file has
// FILE.json beside it, so that a later pull can tell whether the hub still has the same.

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/zipar/zipar/internal/atomicfile"
)

// note is what is remembered of a file.
type note struct {
	Info
	// Validator is a strong ETag or a date of the server that sent the bytes, for If-Range. A hub's redirect leads to a
	// server with ETags of its own.
	Validator string
}

// part is an open FILE.part.
type part struct {
	path string // of the whole file
	file *os.File
	size int64
	hash hash.Hash // of the size bytes
	note note
}

func partPath(path string) string { return path + ".part" }
func notePath(path string) string { return path + ".json" }

// openPart opens what there is of a file, if that is a beginning of what the hub has now, and otherwise starts anew.
func openPart(path string, info Info) (*part, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(partPath(path), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	p := &part{path: path, file: f, hash: sha256.New()}
	old, ok := readNote(partPath(path))
	if ok && old.Info == info && info.ETag != "" && (old.Validator != "" || info.SHA256 != "") {
		p.note = old
		p.size, err = io.Copy(p.hash, f)
	}
	if err == nil && (p.size == 0 || info.Size >= 0 && p.size > info.Size) {
		err = p.restart()
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return p, nil
}

// restart forgets all bytes.
func (p *part) restart() error {
	p.hash.Reset()
	p.size, p.note = 0, note{}
	if err := p.file.Truncate(0); err != nil {
		return err
	}
	_, err := p.file.Seek(0, io.SeekStart)
	return err
}

// Write appends.
func (p *part) Write(b []byte) (int, error) {
	n, err := p.file.Write(b)
	p.hash.Write(b[:n])
	p.size += int64(n)
	return n, err
}

// finish checks the hash and gives the file its name.
func (p *part) finish(s Source, info Info) error {
	got := fmt.Sprintf("%x", p.hash.Sum(nil))
	if info.SHA256 != "" && got != info.SHA256 {
		p.close()
		if err := errors.Join(os.Remove(partPath(p.path)), removeIfThere(notePath(partPath(p.path)))); err != nil {
			return err
		}
		return &HashError{s, got, info.SHA256}
	}
	if err := p.file.Sync(); err != nil {
		return err
	}
	if err := p.file.Close(); err != nil {
		return err
	}
	// Whenever the process is killed, there is no note beside a file that is another one.
	if err := removeIfThere(notePath(p.path)); err != nil {
		return err
	}
	if err := os.Rename(partPath(p.path), p.path); err != nil {
		return err
	}
	info.Size = p.size
	if err := writeNote(p.path, note{Info: info}); err != nil {
		return err
	}
	return removeIfThere(notePath(partPath(p.path)))
}

func (p *part) close() { p.file.Close() }

func readNote(path string) (note, bool) {
	var n note
	text, err := os.ReadFile(notePath(path))
	return n, err == nil && json.Unmarshal(text, &n) == nil
}

func writeNote(path string, n note) error {
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return atomicfile.Write(notePath(path), func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// Have tells whether a file is there already, as the hub has it. Its size must be right; its bytes were checked when they
// came.
func Have(path string, info Info) bool {
	old, ok := readNote(path)
	stat, err := os.Stat(path)
	return ok && err == nil && stat.Mode().IsRegular() && info.ETag != "" && old.ETag == info.ETag && old.SHA256 == info.SHA256 && stat.Size() == old.Size
}

// Partial is the number of bytes of a file that need not be fetched again.
func Partial(path string, info Info) int64 {
	old, ok := readNote(partPath(path))
	stat, err := os.Stat(partPath(path))
	if !ok || err != nil || old.Info != info || info.ETag == "" {
		return 0
	}
	return stat.Size()
}

// Remove removes a file and what was noted of it. A folder that is empty then goes, too.
func Remove(path string) error {
	var err error
	for _, p := range []string{path, notePath(path), partPath(path), notePath(partPath(path))} {
		err = errors.Join(err, removeIfThere(p))
	}
	os.Remove(filepath.Dir(path)) // fails if there is more in it, which is right
	return err
}

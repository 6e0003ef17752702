// Package filehash knows the SHA-256 of large files without reading them each
// time: hashes are kept in a file of the user's cache folder under what
// changes when a file does (path, size, time of change, number on the disk).
//
//	CACHE/zipar/hashes.json  {"files":[{"path":...,"size":...,"modified":...,"inode":...,"sha256":...,"used":...}]}
//
// The cache is a convenience: where it is missing, broken or cannot be
// written, hashes are computed.
package filehash

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/zipar/zipar/internal/atomicfile"
)

const (
	// maxEntries bounds the cache; the entries used longest ago make room.
	maxEntries = 256
	// maxCacheFile bounds what is read of it.
	maxCacheFile = 1 << 20
	// settled is how old a change must be: a file that has just been written
	// may change again within the resolution of its time.
	settled = 2 * time.Second
	// piece is what is read between two looks at the context.
	piece = 1 << 20
)

// A Cache keeps hashes in a file. The zero value keeps none.
type Cache struct{ path string }

// User is the cache of the user who runs the program.
func User() Cache {
	folder, err := os.UserCacheDir()
	if err != nil {
		return Cache{}
	}
	return Cache{filepath.Join(folder, "zipar", "hashes.json")}
}

// At is a cache in a file of this name, for tests.
func At(path string) Cache { return Cache{path} }

// entry is a file with its hash. Modified and Used count nanoseconds and
// seconds since 1970.
type entry struct {
	Path     string `json:"path"`
	Size     int64  `json:"size"`
	Modified int64  `json:"modified"`
	Inode    uint64 `json:"inode,omitempty"`
	SHA256   string `json:"sha256"`
	Used     int64  `json:"used"`
}

// same says whether e describes the file that is there now.
func (e entry) same(o entry) bool {
	return e.Path == o.Path && e.Size == o.Size && e.Modified == o.Modified && e.Inode == o.Inode
}

// Known returns a file's hash, 64 hexadecimal digits, if the cache has it.
func (c Cache) Known(path string) (string, bool) {
	now, err := describe(path)
	if err != nil {
		return "", false
	}
	for _, e := range c.read() {
		if e.same(now) {
			return e.SHA256, true
		}
	}
	return "", false
}

// Sum returns a file's hash, 64 hexadecimal digits, from the cache or by
// reading the file, and keeps it. It stops when the context ends.
func (c Cache) Sum(ctx context.Context, path string) (string, error) {
	if sum, ok := c.Known(path); ok {
		return sum, nil
	}
	before, err := describe(path)
	if err != nil {
		return "", err
	}
	sum, err := hash(ctx, path)
	if err != nil {
		return "", err
	}
	after, err := describe(path)
	if err != nil {
		return "", err
	}
	if !before.same(after) {
		return "", fmt.Errorf("%s: changed while it was read", path)
	}
	if time.Since(time.Unix(0, after.Modified)) > settled {
		after.SHA256, after.Used = sum, time.Now().Unix()
		c.keep(after)
	}
	return sum, nil
}

func describe(path string) (entry, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return entry{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return entry{}, err
	}
	if !info.Mode().IsRegular() {
		return entry{}, fmt.Errorf("%s: no regular file", path)
	}
	return entry{Path: full, Size: info.Size(), Modified: info.ModTime().UnixNano(), Inode: inode(info)}, nil
}

func hash(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	buffer := make([]byte, piece)
	for {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		n, err := f.Read(buffer)
		h.Write(buffer[:n])
		if err == io.EOF {
			return hex.EncodeToString(h.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
	}
}

// read returns the entries that make sense.
func (c Cache) read() []entry {
	if c.path == "" {
		return nil
	}
	f, err := os.Open(c.path)
	if err != nil {
		return nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxCacheFile))
	if err != nil {
		return nil
	}
	var all struct {
		Files []entry `json:"files"`
	}
	if json.Unmarshal(data, &all) != nil {
		return nil
	}
	return slices.DeleteFunc(all.Files, func(e entry) bool {
		b, err := hex.DecodeString(e.SHA256)
		return err != nil || len(b) != sha256.Size
	})
}

// keep adds an entry in place of what the cache has under its path. Two
// programs that do so at the same time can lose one of the two, which is then
// computed again.
func (c Cache) keep(e entry) {
	if c.path == "" {
		return
	}
	all := slices.DeleteFunc(c.read(), func(o entry) bool { return o.Path == e.Path })
	all = append(all, e)
	slices.SortStableFunc(all, func(a, b entry) int { return int(min(1, max(-1, b.Used-a.Used))) })
	all = all[:min(len(all), maxEntries)]
	if os.MkdirAll(filepath.Dir(c.path), 0o777) != nil {
		return
	}
	_ = atomicfile.Write(c.path, func(w io.Writer) error {
		return json.NewEncoder(w).Encode(map[string][]entry{"files": all})
	})
}

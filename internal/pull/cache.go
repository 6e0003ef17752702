package pull

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// FromCache looks for a file among those that the hub's own tools keep under HF_HOME, and makes path a link to it. What is
// there is never changed or removed. It returns false where there is no such file, or another one.
//
// The cache's form: hub/models--OWNER--NAME/refs/REVISION holds a commit, snapshots/COMMIT/FILE is a link to blobs/ETAG.
func FromCache(s Source, info Info, path string) bool {
	repo := filepath.Join(hubHome(), "hub", "models--"+strings.ReplaceAll(s.Repo, "/", "--"))
	commit := s.Revision
	if text, err := os.ReadFile(filepath.Join(repo, "refs", s.Revision)); err == nil {
		commit = strings.TrimSpace(string(text))
	}
	if !revision.MatchString(commit) {
		return false
	}
	blob, err := filepath.EvalSymlinks(filepath.Join(repo, "snapshots", commit, filepath.FromSlash(s.File)))
	if err != nil || !sameFile(blob, info) {
		return false
	}
	if blob, err = filepath.Abs(blob); err != nil || os.MkdirAll(filepath.Dir(path), 0o777) != nil || removeIfThere(path) != nil {
		return false
	}
	return os.Symlink(blob, path) == nil && writeNote(path, note{Info: info}) == nil
}

// sameFile compares a file of the cache with the hub's: by its hash, or by the name of the blob where the hash is not known.
func sameFile(blob string, info Info) bool {
	f, err := os.Open(blob)
	if err != nil {
		return false
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil || !stat.Mode().IsRegular() || stat.Size() != info.Size {
		return false
	}
	if info.SHA256 == "" {
		return info.ETag != "" && filepath.Base(blob) == info.ETag
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	return err == nil && fmt.Sprintf("%x", h.Sum(nil)) == info.SHA256
}

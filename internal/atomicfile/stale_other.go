//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package atomicfile

import (
	"os"
	"time"
)

// hold does nothing here: see removeStale.
func hold(*os.File) (release func(), ok bool) { return func() {}, true }

// staleAge is how long nobody has written to a file that is taken for stale.
const staleAge = 24 * time.Hour

// removeStale removes a temporary file that is old. Windows refuses to remove
// one that is open.
func removeStale(path string) {
	if info, err := os.Lstat(path); err == nil && time.Since(info.ModTime()) > staleAge {
		os.Remove(path)
	}
}

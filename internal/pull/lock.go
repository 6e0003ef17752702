package pull

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// Lock takes the folder home for one pull, and makes it if needed. The system gives the lock back when the process ends, in
// whatever way.
func Lock(home string) (unlock func(), err error) {
	if err := os.MkdirAll(home, 0o777); err != nil {
		return nil, err
	}
	l := flock.New(filepath.Join(home, "pull.lock"))
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", l.Path(), err)
	}
	if !ok {
		return nil, fmt.Errorf("another pull is at work in %s: wait for its end, or set ZIPAR_HOME to another folder", home)
	}
	// The file stays: were it removed, a third process could lock a new one while a second waits for the old.
	return func() { l.Unlock() }, nil
}

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package atomicfile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// hold locks a temporary file against removeStale of other processes until
// release is called, after the rename. ok is false where one of these was
// faster: the file is lost, and another has to be made.
func hold(f *os.File) (release func(), ok bool) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, false
	}
	if err != nil {
		return func() {}, true // this file system has no locks: nobody else can lock it either
	}
	mine, err := f.Stat()
	if err != nil {
		return func() {}, true
	}
	if named, err := os.Lstat(f.Name()); err != nil || !os.SameFile(mine, named) {
		return nil, false
	}
	// The lock belongs to the open file. A second descriptor keeps it over the
	// Close before the rename.
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return func() {}, true
	}
	return func() { unix.Close(fd) }, true
}

// removeStale removes a temporary file unless a process holds it.
func removeStale(path string) {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
		os.Remove(path)
	}
}

//go:build unix

package memory

import (
	"os"
	"runtime"
	"syscall"
)

// PeakOf is the most physical memory, in bytes, that a process held at a time, the
// process that it was forked from included; 0 if the system does not tell.
func PeakOf(s *os.ProcessState) int64 {
	usage, ok := s.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return int64(usage.Maxrss) // bytes there
	}
	return int64(usage.Maxrss) << 10
}

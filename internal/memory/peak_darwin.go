package memory

import "syscall"

// ResetPeak starts a new measurement of Peak. It returns false where the
// system cannot, so that Peak counts from the start of the process.
func ResetPeak() bool { return false }

// Peak returns the most memory that the process has held at a time, in bytes,
// or ok = false where the system does not tell. It counts what lies in
// physical memory, the parts of mapped files in use included.
func Peak() (bytes uint64, ok bool) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil || u.Maxrss <= 0 {
		return 0, false
	}
	return uint64(u.Maxrss), true // bytes here, unlike elsewhere
}

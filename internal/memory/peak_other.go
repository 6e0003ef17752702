//go:build !linux && !darwin && !windows

package memory

// ResetPeak starts a new measurement of Peak. It returns false where the
// system cannot, so that Peak counts from the start of the process.
func ResetPeak() bool { return false }

// Peak returns the most memory that the process has held at a time, in bytes,
// or ok = false where the system does not tell.
func Peak() (bytes uint64, ok bool) { return 0, false }

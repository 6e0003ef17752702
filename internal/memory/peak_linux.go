package memory

import (
	"bufio"
	"os"
	"strconv"
	"strings"
)

// ResetPeak starts a new measurement of Peak. It returns false where the
// system cannot, so that Peak counts from the start of the process.
func ResetPeak() bool {
	// "5" resets the high-water mark (proc(5), clear_refs).
	return os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) == nil
}

// Peak returns the most memory that the process has held at a time, in bytes,
// or ok = false where the system does not tell. It counts what lies in
// physical memory, the parts of mapped files in use included.
func Peak() (bytes uint64, ok bool) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		// VmHWM:     12345 kB
		if field := strings.Fields(lines.Text()); len(field) == 3 && field[0] == "VmHWM:" {
			kib, err := strconv.ParseUint(field[1], 10, 54)
			return kib << 10, err == nil
		}
	}
	return 0, false
}

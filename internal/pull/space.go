package pull

import (
	"fmt"

	"github.com/shirou/gopsutil/v4/disk"
)

// CheckSpace refuses work that the disk has no room for. Where the system does not tell, it says nothing.
func CheckSpace(folder string, need int64) error {
	usage, err := disk.Usage(folder)
	if err != nil || usage.Total == 0 || need <= 0 || usage.Free >= uint64(need) {
		return nil
	}
	return fmt.Errorf("%s has %s free, and up to %s is needed for the downloads and the model: make room, or set ZIPAR_HOME to a folder on another disk",
		folder, Bytes(int64(usage.Free)), Bytes(need))
}

// Bytes is a size for people.
func Bytes(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.0f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}

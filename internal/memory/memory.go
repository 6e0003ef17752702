// Package memory tells how much memory the machine has to spare.
package memory

import (
	"os"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v4/mem"
)

// Available returns the bytes that programs can still take without pushing
// others to disk, or ok = false where the system does not tell. Memory that
// holds cached files counts as available. A container's limit is respected.
func Available() (bytes uint64, ok bool) {
	v, err := mem.VirtualMemory()
	if err != nil || v.Available == 0 {
		return 0, false
	}
	return min(v.Available, container("/sys/fs/cgroup", v.Available)), true
}

// Swap returns the free bytes on disk that memory can be moved to.
func Swap() uint64 {
	v, err := mem.SwapMemory()
	if err != nil {
		return 0
	}
	return v.Free
}

// container returns what the memory limit of a Linux control group (version
// 2) leaves, or otherwise where there is none.
func container(folder string, otherwise uint64) uint64 {
	limit, ok := readNumber(folder + "/memory.max")
	used, ok2 := readNumber(folder + "/memory.current")
	if !ok || !ok2 {
		return otherwise
	}
	// Cached files count as used there.
	used -= min(used, cachedFiles(folder+"/memory.stat"))
	return limit - min(used, limit)
}

// cachedFiles returns the memory that a control group's cached files take.
func cachedFiles(path string) (bytes uint64) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "inactive_file" || name == "active_file" {
			n, err := strconv.ParseUint(value, 10, 60)
			if err == nil {
				bytes += n
			}
		}
	}
	return bytes
}

// readNumber reads a file that holds a number; "max" is none.
func readNumber(path string) (uint64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}

package machine

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// How much is streamed: so much more than the largest cache that what is read
// has left it when its turn comes again, and what is taken where the system
// does not tell of its caches.
const (
	cacheTimes  = 3
	streamLeast = 512 << 20
	streamMost  = 2 << 30
)

// StreamBytes is how many bytes are to be streamed on this machine: three
// times its largest cache, at least 512 MiB and at most 2 GiB, but no more
// than a quarter of the free memory, if that is known (not 0).
func StreamBytes(free uint64) int64 {
	n := min(max(streamLeast, cacheTimes*LargestCache()), streamMost)
	if free > 0 && uint64(n) > free/4 {
		n = int64(free / 4)
	}
	return n
}

// LargestCache is the size of the largest cache of the first CPU, in bytes, or
// 0 where the system does not tell.
func LargestCache() int64 { return largestCache("/sys/devices/system/cpu/cpu0/cache") }

// largestCache looks through a folder of Linux, which has a folder for each
// cache with its size, such as 2048K.
func largestCache(folder string) int64 {
	files, _ := filepath.Glob(filepath.Join(folder, "index*", "size"))
	var largest int64
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		number, kib := strings.CutSuffix(strings.TrimSpace(string(text)), "K")
		n, err := strconv.ParseInt(number, 10, 40)
		if err == nil && kib {
			largest = max(largest, n<<10)
		}
	}
	return largest
}

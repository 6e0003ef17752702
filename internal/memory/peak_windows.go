package memory

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// ResetPeak starts a new measurement of Peak. It returns false where the
// system cannot, so that Peak counts from the start of the process.
func ResetPeak() bool { return false }

var getProcessMemoryInfo = windows.NewLazySystemDLL("psapi.dll").NewProc("GetProcessMemoryInfo")

// processMemoryCounters is PROCESS_MEMORY_COUNTERS of psapi.h.
type processMemoryCounters struct {
	size, pageFaults                                         uint32
	peakWorkingSet, workingSet                               uintptr
	peakPagedPool, pagedPool, peakNonPagedPool, nonPagedPool uintptr
	pagefile, peakPagefile                                   uintptr
}

// Peak returns the most memory that the process has held at a time, in bytes,
// or ok = false where the system does not tell. It counts what lies in
// physical memory, the parts of mapped files in use included.
func Peak() (bytes uint64, ok bool) {
	if getProcessMemoryInfo.Find() != nil {
		return 0, false
	}
	var c processMemoryCounters
	c.size = uint32(unsafe.Sizeof(c))
	r, _, _ := getProcessMemoryInfo.Call(uintptr(windows.CurrentProcess()), uintptr(unsafe.Pointer(&c)), uintptr(c.size))
	return uint64(c.peakWorkingSet), r != 0
}

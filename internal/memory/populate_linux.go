package memory

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Populate asks for the physical memory behind a slice, which the system
// otherwise finds page by page, each time that a program writes to one for the first
// time. The values do not change. Systems that cannot do it, such as Linux before 5.14,
// go on page by page.
func Populate[T any](s []T) {
	if len(s) == 0 {
		return
	}
	var value T
	b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), uintptr(len(s))*unsafe.Sizeof(value))
	// Whole pages inside: their neighbours may be anything.
	page := os.Getpagesize()
	skip := -int(uintptr(unsafe.Pointer(&b[0]))) & (page - 1)
	if size := (len(b) - skip) &^ (page - 1); size > 0 {
		_ = unix.Madvise(b[skip:][:size], unix.MADV_POPULATE_WRITE)
	}
}

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
	if b := wholePages(s, os.Getpagesize()); len(b) > 0 {
		_ = unix.Madvise(b, unix.MADV_POPULATE_WRITE)
	}
}

// Large asks for large pages behind a slice that nobody has written to, all zeros: the
// processor then takes less time to find them. Systems without such pages, or with
// none left, give small ones.
func Large[T any](s []T) {
	b := wholePages(s, largePage)
	if len(b) == 0 || unix.Madvise(b, unix.MADV_HUGEPAGE) != nil {
		return
	}
	// Where the memory was something else's before, it has small pages, with the zeros
	// that the slice began with. Given back, it is zeros again.
	_ = unix.Madvise(b, unix.MADV_DONTNEED)
}

// largePage is how large large pages are, most often. A part of one would take all of
// its memory.
const largePage = 2 << 20

// wholePages is the memory of a slice without the pages that it has only a part of:
// whose they are otherwise is unknown.
func wholePages[T any](s []T, page int) []byte {
	if len(s) == 0 {
		return nil
	}
	var value T
	b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), uintptr(len(s))*unsafe.Sizeof(value))
	skip := -int(uintptr(unsafe.Pointer(&b[0]))) & (page - 1)
	size := (len(b) - skip) &^ (page - 1)
	if size <= 0 {
		return nil
	}
	return b[skip:][:size]
}

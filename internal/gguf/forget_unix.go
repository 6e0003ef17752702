//go:build unix

package gguf

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Forget tells the system that data, a part of the file's mapping, will not be
// needed soon: its memory can be used for other things. Reading it again is
// allowed, and reads the file.
func (f *File) Forget(data []byte) {
	if f.mapping == nil || len(data) == 0 {
		return
	}
	// Whole pages inside data only: their neighbours may be in use.
	page := uintptr(os.Getpagesize())
	base := uintptr(unsafe.Pointer(unsafe.SliceData([]byte(f.mapping))))
	start := uintptr(unsafe.Pointer(unsafe.SliceData(data))) - base
	end := start + uintptr(len(data))
	start, end = (start+page-1)/page*page, end/page*page
	if start < end && end <= uintptr(len(f.mapping)) {
		// It is advice: that it is not taken changes nothing but memory use.
		_ = unix.Madvise(f.mapping[start:end], unix.MADV_DONTNEED)
	}
}

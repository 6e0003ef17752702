package memory

import (
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestPopulate: memory that nobody has written to is there afterwards, in whole
// pages, and has the values that it had.
func TestPopulate(t *testing.T) {
	const pages = 64
	page := os.Getpagesize()
	b, err := unix.Mmap(-1, 0, pages*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(b)
	if err := unix.Madvise(b[:page], unix.MADV_POPULATE_WRITE); err != nil {
		t.Skip("this kernel is older than 5.14:", err)
	}
	b[5*page] = 7
	s := unsafe.Slice((*uint16)(unsafe.Pointer(&b[page+2])), 20*page/2) // pages 2 to 20
	Populate(s)
	there := make([]byte, pages)
	if _, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), uintptr(unsafe.Pointer(&there[0]))); errno != 0 {
		t.Fatal(errno)
	}
	for i, v := range there {
		if want := i == 0 || i >= 2 && i <= 20; v&1 == 1 != want {
			t.Errorf("page %d is there: %v, want %v", i, v&1 == 1, want)
		}
	}
	if b[5*page] != 7 || b[6*page] != 0 {
		t.Errorf("the values are %d and %d", b[5*page], b[6*page])
	}
	for _, few := range [][]uint16{nil, {}, make([]uint16, 1), make([]uint16, 100)} {
		Populate(few)
	}
}

// TestLarge: memory is zeros as before, what lies around it has its values, and it
// keeps what is written to it.
func TestLarge(t *testing.T) {
	all := make([]uint16, 4*largePage)
	for i := range all {
		all[i] = 1
	}
	const lo, hi = largePage / 3, 3 * largePage
	s := all[lo:hi]
	clear(s)
	Large(s)
	Populate(s)
	for i, v := range all {
		want := uint16(1)
		if i >= lo && i < hi {
			want = 0
		}
		if v != want {
			t.Fatalf("value %d is %d, want %d", i, v, want)
		}
	}
	for i := range s {
		s[i] = 2
	}
	for _, v := range s {
		if v != 2 {
			t.Fatal("what was written is gone")
		}
	}
	for _, few := range [][]uint16{nil, {}, make([]uint16, 1), make([]uint16, 100)} {
		Large(few)
	}
}

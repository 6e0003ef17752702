//go:build unix

package terminal

import (
	"os"

	"golang.org/x/sys/unix"
)

// cell is the size of a cell in pixels, 0 where the terminal does not tell.
func cell(f *os.File) (width, height float64) {
	s, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil || s.Col == 0 || s.Row == 0 {
		return 0, 0
	}
	return float64(s.Xpixel) / float64(s.Col), float64(s.Ypixel) / float64(s.Row)
}

// escapes says whether the terminal obeys escape sequences: they all do.
func escapes(*os.File) bool { return true }

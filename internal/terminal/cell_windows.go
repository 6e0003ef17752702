package terminal

import (
	"os"

	"golang.org/x/sys/windows"
)

// cell is the size of a cell in pixels, which consoles do not tell.
func cell(*os.File) (width, height float64) { return 0, 0 }

// escapes makes a console obey escape sequences and says whether it does.
// Later programs set what they need themselves.
func escapes(f *os.File) bool {
	h := windows.Handle(f.Fd())
	var mode uint32
	if err := windows.GetConsoleMode(h, &mode); err != nil {
		return false
	}
	return windows.SetConsoleMode(h, mode|windows.ENABLE_PROCESSED_OUTPUT|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}

//go:build !unix && !windows

package terminal

import "os"

// cell is the size of a cell in pixels, which these systems do not tell.
func cell(*os.File) (width, height float64) { return 0, 0 }

// escapes says whether the terminal obeys escape sequences.
func escapes(*os.File) bool { return false }

//go:build !unix

package memory

import "os"

// PeakOf is 0: the system does not tell what a process held.
func PeakOf(*os.ProcessState) int64 { return 0 }

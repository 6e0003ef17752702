//go:build !linux

package memory

// Populate asks for the physical memory behind a slice. This system finds it page
// by page, each time that a program writes to one for the first time.
func Populate[T any](s []T) {}

// Large asks for large pages behind a slice that nobody has written to. This system
// decides by itself.
func Large[T any](s []T) {}

//go:build !unix

package gguf

// Forget tells the system that data, a part of the file's mapping, will not be
// needed soon. Here it does nothing: the system drops pages when it runs short.
func (f *File) Forget([]byte) {}

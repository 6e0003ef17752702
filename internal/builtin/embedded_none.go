//go:build nomodel

package builtin

var embedded []byte

//go:build !nomodel

package builtin

import _ "embed"

// embedded is the model's file. It lies in the program's file, mapped by the
// system, and takes no memory before it is read.
//
//go:embed model/zipar-emoji.gguf
var embedded []byte

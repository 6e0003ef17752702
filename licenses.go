// Package zipar holds the texts at the root of the module that the program
// prints: a package cannot embed files above its folder. The program itself is
// cmd/zipar.
package zipar

import _ "embed"

// License is zipar's own licence.
//
//go:embed LICENSE
var License string

// Notice tells of material by others that is part of zipar.
//
//go:embed NOTICE.md
var Notice string

// ModelLicenses tells of the pictures that the built-in model learned from.
//
//go:embed MODEL_LICENSES.md
var ModelLicenses string

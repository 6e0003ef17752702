// Package licenses holds the licences of the Go modules that are linked into
// zipar. `make licenses` collects them.
package licenses

import _ "embed"

// Modules are the modules with their versions and licences, as one text.
//
//go:embed modules.txt
var Modules string

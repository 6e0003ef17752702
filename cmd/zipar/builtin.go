package main

import "github.com/zipar/zipar/internal/builtin"

// builtIn is the model that is part of the program. Tests put others in its
// place, or none.
var builtIn = builtin.Embedded()

// ifBuiltIn returns what to say if a model is built in, or else what to say
// without one.
func ifBuiltIn(text, otherwise string) string {
	if builtIn.Available() {
		return text
	}
	return otherwise
}

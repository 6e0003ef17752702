package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/zipar/zipar/internal/builtin"
	"github.com/zipar/zipar/internal/testmodel"
)

// buildIn makes a tiny model the built-in one until the test ends, here and in
// the programs that the test runs. It returns a file of the same model.
func buildIn(t *testing.T, o testmodel.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := testmodel.Write(&b, o); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "built.gguf")
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Setenv(testBuiltIn, path)
	was := builtIn
	builtIn = builtin.New(b.Bytes())
	t.Cleanup(func() { builtIn = was })
	return path
}

package main

import (
	"os"
	"testing"

	"github.com/zipar/zipar/internal/testmodel"
)

// makeModel writes a tiny model.
func makeModel(t *testing.T, path string, o testmodel.Options) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := testmodel.Write(f, o); err != nil {
		t.Fatal(err)
	}
}

// namesIn lists a folder.
func namesIn(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

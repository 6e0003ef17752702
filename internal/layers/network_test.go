package layers

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Only zipar pull contacts a network: no other package of this module may
// import what could. Tests may.
func TestOnlyPullUsesTheNetwork(t *testing.T) {
	inPull := 0
	err := filepath.WalkDir("../..", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (name == "testdata" || len(name) > 2 && (name[0] == '.' || name[0] == '_')) {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if path != "net" && path != "net/http" && !strings.HasPrefix(path, "net/http/") && path != "net/rpc" && path != "net/smtp" {
				continue
			}
			if filepath.Base(filepath.Dir(file)) == "pull" {
				inPull++
				continue
			}
			t.Errorf("%s imports %s: only internal/pull talks to a network", file, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if inPull == 0 {
		t.Error("internal/pull was not found: the test looks in the wrong place")
	}
}

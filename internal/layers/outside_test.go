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

// outside are the packages that reach beyond files and the terminal, and the
// one package of this module that may import them. Tests may import all.
var outside = []struct{ path, user, why string }{
	{"net", "pull", "only zipar pull talks to a network"},
	{"net/http", "pull", "only zipar pull talks to a network"},
	{"net/rpc", "", "only zipar pull talks to a network"},
	{"net/smtp", "", "only zipar pull talks to a network"},
	{"os/exec", "results", "no program is started, but zipar itself by the command that measures it"},
	{"plugin", "", "no code is loaded"},
}

func TestOnlyPullReachesOutside(t *testing.T) {
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
			for _, o := range outside {
				switch {
				case path != o.path && !strings.HasPrefix(path, o.path+"/") || o.path == "net" && path != "net":
				case o.user != "" && filepath.Base(filepath.Dir(file)) == o.user:
					if o.user == "pull" {
						inPull++
					}
				default:
					t.Errorf("%s imports %s: %s", file, path, o.why)
				}
			}
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

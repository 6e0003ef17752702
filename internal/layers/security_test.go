package layers

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// SECURITY.md names the test of every promise: each must be there.
func TestSecurityNamesTests(t *testing.T) {
	text, err := os.ReadFile("../../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("`([^`]+)`")
	test := regexp.MustCompile(`^(\S+) ((?:Test|Fuzz)\w+)$`)
	found := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| ") && strings.Count(line, "`") == 0 && !strings.HasPrefix(line, "| promise") {
			t.Errorf("a promise without a test: %s", line)
		}
		for _, m := range quoted.FindAllStringSubmatch(line, -1) {
			switch name := test.FindStringSubmatch(m[1]); {
			case name != nil:
				found++
				if !hasTest(t, filepath.Join("../..", name[1]), name[2]) {
					t.Errorf("SECURITY.md names %s, which is not there", m[1])
				}
			case strings.HasSuffix(m[1], ".txtar"):
				found++
				if _, err := os.Stat(filepath.Join("../..", m[1])); err != nil {
					t.Errorf("SECURITY.md: %v", err)
				}
			case strings.Contains(m[1], "Test") || strings.Contains(m[1], "Fuzz"):
				t.Errorf("SECURITY.md: %q: want `FOLDER TestName`", m[1])
			}
		}
	}
	if found < 20 {
		t.Errorf("SECURITY.md names %d tests only", found)
	}
}

// hasTest looks for a test in the files of a folder.
func hasTest(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}

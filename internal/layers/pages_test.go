package layers

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pages are those that say what shows a promise.
var pages = []string{"SECURITY.md", "docs/verification.md"}

var (
	quoted    = regexp.MustCompile("`([^`]+)`")
	namesTest = regexp.MustCompile(`^(\S+)((?: (?:Test|Fuzz)\w+)+)$`)
	goTest    = regexp.MustCompile(`^go test (\./\S+) .*-run '?([^' ]+)`)
	isWord    = regexp.MustCompile(`^(?:make |scripts/|\.ci/|bash scripts/|python3 scripts/)`)
)

// Every test, script, fuzzer and make target that a page names must be there,
// and every promise must name one.
func TestPagesNameWhatIsThere(t *testing.T) {
	for _, page := range pages {
		t.Run(page, func(t *testing.T) {
			found, promises := 0, false
			for line := range strings.Lines(read(t, page)) {
				before := found
				for _, m := range quoted.FindAllStringSubmatch(line, -1) {
					if names(t, m[1], t.Errorf) {
						found++
					}
				}
				switch {
				case strings.HasPrefix(line, "| promise |"):
					promises = true
				case !strings.HasPrefix(line, "|"):
					promises = false
				case promises && found == before && !strings.HasPrefix(line, "|---"):
					t.Errorf("a promise without a test: %s", line)
				}
			}
			if found < 50 {
				t.Errorf("it names %d things only", found)
			}
		})
	}
}

// names says whether a text in backquotes names a test or a target, and calls
// fail when that is not there.
func names(t *testing.T, text string, fail func(format string, args ...any)) bool {
	t.Helper()
	if m := namesTest.FindStringSubmatch(text); m != nil {
		for _, name := range strings.Fields(m[2]) {
			if !slices.Contains(testsOf(t, m[1]), name) {
				fail("%s has no %s", m[1], name)
			}
		}
		return true
	}
	if m := goTest.FindStringSubmatch(text); m != nil {
		if pattern := regexp.MustCompile(m[2]); m[2] != "xxx" && !slices.ContainsFunc(testsOf(t, m[1]), pattern.MatchString) {
			fail("%q runs no test", text)
		}
		return true
	}
	switch {
	case strings.HasSuffix(text, ".txtar"):
		// A name alone is that of a script of cmd/zipar.
		if !slices.ContainsFunc([]string{"", "cmd/zipar/testdata/script", "cmd/zipar/testdata/pull", "cmd/zipar/testdata"}, func(folder string) bool {
			_, err := os.Stat(filepath.Join("../..", folder, text))
			return err == nil
		}) {
			fail("there is no script %s", text)
		}
		return true
	case isWord.MatchString(text):
		words := strings.Fields(text)
		if words[0] == "make" {
			for _, target := range words[1:] {
				if !strings.Contains(target, "=") && !strings.Contains(read(t, "Makefile"), "\n"+target+":") {
					fail("there is no make target %s", target)
				}
			}
			return len(words) > 1
		}
		path := words[0]
		if path == "bash" || path == "python3" {
			path = words[1]
		}
		if _, err := os.Stat(filepath.Join("../..", path)); err != nil {
			fail("%v", err)
		}
		return true
	case strings.Contains(text, " Test") || strings.Contains(text, " Fuzz"):
		fail("%q: want `FOLDER TestName`", text)
	}
	return false
}

// testsOf are the names of a folder's tests and fuzzers.
func testsOf(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../..", folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range testFunc.FindAllStringSubmatch(string(text), -1) {
			all = append(all, m[1])
		}
	}
	return all
}

var testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// docs/verification.md lists every fuzzer, and those of parsers have a corpus
// beside the inputs in their code. The kernels' need none: theirs are numbers.
func TestEveryFuzzerIsListed(t *testing.T) {
	page, fuzzers := read(t, "docs/verification.md"), 0
	err := filepath.WalkDir("..", func(folder string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || d.Name() == "testdata" {
			return err
		}
		folder = "internal/" + strings.TrimPrefix(filepath.ToSlash(folder), "../")
		for _, name := range testsOf(t, folder) {
			if !strings.HasPrefix(name, "Fuzz") {
				continue
			}
			fuzzers++
			if !strings.Contains(page, "| `"+folder+" "+name+"` |") {
				t.Errorf("docs/verification.md does not list %s %s", folder, name)
			}
			if corpus, _ := filepath.Glob(filepath.Join("../..", folder, "testdata/fuzz", name, "*")); len(corpus) == 0 && folder != "internal/tensor" {
				t.Errorf("%s %s has no corpus: CORPUS=12 scripts/fuzz.sh ./%s makes one", folder, name, folder)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if fuzzers < 30 {
		t.Errorf("%d fuzzers only", fuzzers)
	}
}

// The check must be able to fail.
func TestNamesAreChecked(t *testing.T) {
	for text, want := range map[string]bool{
		"internal/layers TestOfNothing":            true,
		"internal/layers TestLayers TestOfNothing": true,
		"make nothing":                                   true,
		"scripts/nothing.sh":                             true,
		"nothing.txtar":                                  true,
		"go test ./internal/layers -run Nothing":         true,
		"see the TestNothing":                            true,
		"internal/layers TestNamesAreChecked TestLayers": false,
		"make test":                                      false,
		"make fuzz FUZZTIME=1h":                          false,
		"scripts/test":                                   false,
		"batch.txtar":                                    false,
		"cmd/zipar/testdata/pull/pull.txtar":             false,
		"go test ./internal/layers -run NamesAre":        false,
		"zipar inspect x.png":                            false,
	} {
		got := false
		names(t, text, func(string, ...any) { got = true })
		if got != want {
			t.Errorf("%q: complains: %v", text, got)
		}
	}
}

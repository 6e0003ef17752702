package licenses

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write modules.txt again")

// modules.txt has the licences of the modules that are linked into zipar on
// any platform, with the versions in go.mod, and those of no others.
func TestModules(t *testing.T) {
	all := map[string]*module{}
	for _, platform := range platforms(t) {
		linked(t, platform, all)
	}
	if len(all) < 15 {
		t.Fatalf("found %d modules only", len(all))
	}
	root := goCommand(t, nil, "env", "GOROOT")
	std := &module{name: "Go, its standard library and runtime", root: strings.TrimSpace(root)}
	if !std.collect(t, std.root) {
		t.Fatalf("%s has no LICENSE: want Go as its makers distribute it", std.root)
	}
	list := []*module{std}
	for _, m := range all {
		list = append(list, m)
	}
	text := render(t, list)
	if *update {
		if err := os.WriteFile("modules.txt", []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if text != Modules {
		t.Errorf("modules.txt is not what is linked now: run make licenses, and look at what changed.\nWant: %s\nHave: %s",
			strings.Join(headings(text), ", "), strings.Join(headings(Modules), ", "))
	}
}

// A module is linked into zipar.
type module struct {
	name, root string
	files      map[string]string // licences by their path in the module
}

// platforms are those that `make cross` builds for: GOOS/GOARCH.
func platforms(t *testing.T) []string {
	t.Helper()
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^PLATFORMS := (.+)$`).FindSubmatch(makefile)
	if line == nil {
		t.Fatal("the Makefile has no PLATFORMS")
	}
	return strings.Fields(string(line[1]))
}

func goCommand(t *testing.T, env []string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return string(out)
}

// linked adds the modules that are linked into zipar on a platform, with the
// licences in the folders of their packages and above.
func linked(t *testing.T, platform string, all map[string]*module) {
	t.Helper()
	system, processor, _ := strings.Cut(platform, "/")
	const format = "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}\t{{$.Dir}}{{end}}{{end}}"
	out := goCommand(t, []string{"GOOS=" + system, "GOARCH=" + processor, "CGO_ENABLED=0"}, "list", "-deps", "-f", format, "../../cmd/zipar")
	for line := range strings.Lines(out) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) != 4 {
			continue // the standard library and this module
		}
		m := all[fields[0]]
		if m == nil {
			m = &module{name: fields[0] + " " + fields[1], root: fields[2]}
			all[fields[0]] = m
			if !m.collect(t, m.root) {
				t.Fatalf("%s: %s has no file that looks like a licence", m.name, m.root)
			}
		}
		for folder := fields[3]; len(folder) > len(m.root); folder = filepath.Dir(folder) {
			m.collect(t, folder)
		}
	}
}

// isLicense matches the names of files and folders with licences, and what
// the Apache License wants to be passed on.
var isLicense = regexp.MustCompile(`(?i)^(third_party_)?(licen[sc]es?|copying|notice)(\.(txt|md))?$`)

// collect adds the licences in a folder and says whether there are any.
func (m *module) collect(t *testing.T, folder string) bool {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, e := range entries {
		if !isLicense.MatchString(e.Name()) {
			continue
		}
		path := filepath.Join(folder, e.Name())
		if !e.IsDir() {
			m.read(t, path)
			found = true
			continue
		}
		files, err := os.ReadDir(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			m.read(t, filepath.Join(path, f.Name()))
		}
	}
	return found
}

func (m *module) read(t *testing.T, path string) {
	t.Helper()
	name, err := filepath.Rel(m.root, path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if m.files == nil {
		m.files = map[string]string{}
	}
	m.files[filepath.ToSlash(name)] = string(text)
}

const (
	line     = "--------------------------------------------------------------------------------\n"
	doubling = "================================================================================\n"
)

// render writes every text once, below the names of all that have it.
func render(t *testing.T, list []*module) string {
	t.Helper()
	owners := map[string][]string{}
	for _, m := range list {
		for file, text := range m.files {
			text = clean(text)
			name := m.name
			if strings.Contains(file, "/") {
				name += ": " + file
			}
			owners[text] = append(owners[text], name)
		}
	}
	var texts []string
	for text, names := range owners {
		slices.Sort(names)
		texts = append(texts, text)
	}
	slices.SortFunc(texts, func(a, b string) int { return cmp.Compare(owners[a][0], owners[b][0]) })
	var b strings.Builder
	b.WriteString("Licences of the Go modules in zipar, on one platform or another. `make licenses` writes this file.\n\n")
	for _, text := range texts {
		fmt.Fprintf(&b, "%s%s\n%s\n%s\n", doubling, strings.Join(owners[text], "\n"), line, text)
	}
	return b.String()
}

// clean makes lines end in one way and nothing else at their ends.
func clean(text string) string {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t\f\r")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n") + "\n"
}

// headings are the names in a text of render.
func headings(text string) []string {
	var names []string
	for part := range strings.SplitSeq(text, doubling) {
		if head, _, ok := strings.Cut(part, "\n"+line); ok {
			names = append(names, strings.Split(head, "\n")...)
		}
	}
	return names
}

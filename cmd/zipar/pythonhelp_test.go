package main

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// python returns a Python that has NumPy.
func python(t *testing.T) string {
	t.Helper()
	interpreter := os.Getenv("ZIPAR_PYTHON")
	if interpreter == "" {
		t.Skip("ZIPAR_PYTHON does not name a Python with PyTorch, NumPy, gguf, Pillow and sentencepiece; scripts/test sets it and runs this test, too")
	}
	return interpreter
}

// helpOf runs a Python script of scripts with --help.
func helpOf(t *testing.T, script string) string {
	t.Helper()
	cmd := exec.Command(python(t), script, "--help")
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "COLUMNS=300", "NO_COLOR=1")
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s --help: %v\n%s", script, err, text)
	}
	return string(text)
}

// goOnly are the flags of zipar convert that the script cannot have: fitting the colours of previews takes zipar's own VQ decoder.
var goOnly = []string{"fit-preview"}

// scripts/convert_llamagen.py has the flags of zipar convert, all but goOnly and no others, each explained with an example that
// it takes, and with the same default.
func TestPythonConverterHasTheSameFlags(t *testing.T) {
	help := helpOf(t, "../../scripts/convert_llamagen.py")
	_, options, _ := strings.Cut(help, "\noptions:\n")
	options, _, _ = strings.Cut(options, "\nexamples:\n")
	options = regexp.MustCompile(`\n {4,}`).ReplaceAllString(options, " ") // one line each
	theirs := make(map[string]string)                                      // flag -> its explanation
	for _, m := range regexp.MustCompile(`(?m)^  (?:-(\w), |-\w \S+, )?--([a-z-]+)\b(.*)$`).FindAllStringSubmatch(options, -1) {
		theirs[m[2]] = m[3]
	}
	delete(theirs, "help")
	isDefault := regexp.MustCompile(`\(default:? ([^)]*)\)`)
	newConvertCommand().Flags().VisitAll(func(f *pflag.Flag) {
		text, ok := theirs[f.Name]
		delete(theirs, f.Name)
		if slices.Contains(goOnly, f.Name) {
			return
		}
		if !ok {
			t.Errorf("--%s is missing", f.Name)
			return
		}
		if f.Shorthand != "" && !strings.Contains(options, "-"+f.Shorthand+" FILE, --"+f.Name) && !strings.Contains(options, "-"+f.Shorthand+", --"+f.Name) {
			t.Errorf("-%s is missing", f.Shorthand)
		}
		if f.Value.Type() != "bool" && !strings.Contains(text, "such as --"+f.Name+" ") {
			t.Errorf("--%s has no example: %q", f.Name, text)
		}
		want := isDefault.FindStringSubmatch(f.Usage)
		if f.DefValue == "f16" {
			want = []string{"", f.DefValue}
		}
		if got := isDefault.FindStringSubmatch(text); (want == nil) != (got == nil) || want != nil && got[1] != want[1] {
			t.Errorf("--%s has the default %q, want %q", f.Name, got, want)
		}
	})
	for name := range theirs {
		t.Errorf("--%s: zipar convert has no such flag", name)
	}
}

// The script that makes checkpoints to try things with explains itself.
func TestPythonRandomCheckpointHelps(t *testing.T) {
	help := helpOf(t, "../../scripts/random_checkpoint.py")
	for _, want := range []string{"usage: random_checkpoint.py", "--model", "--vq", "--kind", "--out FILE"} {
		if !strings.Contains(help, want) {
			t.Errorf("%q lacks %q", help, want)
		}
	}
}

// The statistics of scripts/study.py have tests of their own, and its prompts.
func TestPythonStudy(t *testing.T) { runUnittest(t, "../../scripts", "zipar_study.tests") }

// So has what scripts/train/card.py measures a model with.
func TestPythonModelCard(t *testing.T) { runUnittest(t, "../../scripts/train", "model_card.tests") }

// runUnittest runs the tests of a module in Python.
func runUnittest(t *testing.T, folder, module string) {
	t.Helper()
	cmd := exec.Command(python(t), "-m", "unittest", module)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	if text, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(text), "\nOK") {
		t.Errorf("%v\n%s", err, text)
	}
}

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// quoted are the parts of a text in backquotes.
var quoted = regexp.MustCompile("`([^`]+)`")

// remedies are the messages of README's table, each with a command that ends
// with it.
var remedies = map[string]string{
	"this model has no VQ decoder":      "generate -m novq.gguf --class 3",
	"this model has no text encoder":    "generate -m caption.gguf --prompt apple",
	"this is a PyTorch checkpoint":      "generate -m good.pt --class 3",
	"this is a git-LFS pointer":         "generate -m pointer.gguf --class 3",
	"this is an HTML page":              "generate -m page.html --class 3",
	"--grid: not given":                 "convert --out out.gguf --heads 2 good.pt",
	"--heads: not given":                "convert --out out.gguf --grid 8x8 good.pt",
	"this takes ... of memory":          "generate -m m.gguf --class 3",
	"the model's logits are not finite": "generate -m nan-out.gguf --class 3",
}

// What README's table of messages lists is what commands say, word for word.
func TestRemedies(t *testing.T) {
	_, table, ok := strings.Cut(readText(t, "../../README.md"), "\n| message | remedy |\n")
	if !ok {
		t.Fatal("README has no table of messages")
	}
	k := cook(t)
	k.write("pointer.gguf", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0123456789abcdef\nsize 123456789\n"))
	t.Setenv(modelEnv, "")
	t.Chdir(k.dir)
	listed := 0
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		for _, m := range quoted.FindAllStringSubmatch(strings.Split(line, "|")[1], -1) {
			listed++
			args, ok := remedies[m[1]]
			if !ok {
				t.Errorf("README lists %q, for which there is no command here", m[1])
				continue
			}
			t.Run(m[1], func(t *testing.T) {
				free := uint64(1 << 40)
				if strings.Contains(m[1], "memory") {
					free = 1 << 10
				}
				pretendFree(t, free, 0, true)
				cmd := newRootCommand()
				cmd.SetArgs(append(strings.Fields(args), "--out", "out.png"))
				err := cmd.Execute()
				want := regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(m[1]), regexp.QuoteMeta("..."), ".*"))
				if err == nil || !want.MatchString(err.Error()) {
					t.Errorf("zipar %s: %v", args, err)
				}
			})
		}
	}
	if listed != len(remedies) {
		t.Errorf("README lists %d messages, want these %d", listed, len(remedies))
	}
}

// Every flag that makes a picture of its own kind is in README, with a picture
// that a script makes with it.
func TestReadmeShowsEveryPicture(t *testing.T) {
	readme := readText(t, "../../README.md")
	scripts := readText(t, "../../scripts/readme_pictures.sh") + readText(t, "../../scripts/terminal_picture.py")
	// A picture, and what it is like so far: the others show them.
	plain := []string{"out", "preview-path"}
	flags := []string{"show"}
	for _, cmd := range newRootCommand().Commands() {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if regexp.MustCompile("(draw|write|into).*(PNG|GIF) `FILE`").MatchString(f.Usage) && !slices.Contains(plain, f.Name) {
				flags = append(flags, f.Name)
			}
		})
	}
	if len(flags) < 6 {
		t.Errorf("found only %v", flags)
	}
	for _, flag := range flags {
		if !strings.Contains(readme, "`--"+flag) && !strings.Contains(readme, " --"+flag+" ") {
			t.Errorf("README does not name --%s", flag)
		}
		if flag == "show" {
			if !strings.Contains(scripts, "--show") || !strings.Contains(readme, "docs/images/terminal.png") {
				t.Error("there is no picture of --show")
			}
			continue
		}
		made := regexp.MustCompile(`--` + flag + ` "?\$images/([a-z-]+\.\w+)`).FindStringSubmatch(scripts)
		if made == nil {
			t.Errorf("scripts/readme_pictures.sh makes no picture with --%s", flag)
		} else if !strings.Contains(readme, "docs/images/"+made[1]) {
			t.Errorf("README does not show %s, the picture of --%s", made[1], flag)
		}
	}
	// No picture is missing, none is left over.
	for _, m := range regexp.MustCompile(`docs/images/[\w./-]+`).FindAllString(readme, -1) {
		if _, err := os.Stat(filepath.Join("../..", m)); err != nil {
			t.Error(err)
		}
	}
	there, err := filepath.Glob("../../docs/images/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range there {
		if !strings.Contains(readme, "docs/images/"+filepath.Base(path)) {
			t.Errorf("README does not show docs/images/%s", filepath.Base(path))
		}
	}
}

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestReadPrompts(t *testing.T) {
	for text, want := range map[string][]string{
		"a red apple":                      {"a red apple"},
		"a\nb\n":                           {"a", "b"},
		"\ufeffa\r\n\r\n  b \t\r\n":        {"a", "b"},
		"# comment\n\n  # too\na # no\n\n": {"a # no"},
		"a\na\n":                           {"a", "a"},
		"grüne Äpfel, 3 Stück\n苹果 \"rot\"\n": {"grüne Äpfel, 3 Stück", `苹果 "rot"`},
	} {
		path := filepath.Join(t.TempDir(), "prompts.txt")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if got, err := readPrompts(path); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                                       "p.txt: holds no prompts",
		"\n# only\n  \n":                         "p.txt: holds no prompts",
		"a\n\nb\xff\n":                           "p.txt: line 3: the text is not UTF-8",
		"a\x00b":                                 "p.txt: line 1: the text has a NUL character",
		strings.Repeat("x", maxPromptBytes+1):    "p.txt: line 1: a prompt of 1048577 bytes: want at most 1048576",
		"a\n" + strings.Repeat(" ", 99) + "\xc3": "p.txt: line 2: the text is not UTF-8",
	} {
		if got, err := splitPrompts(text, "p.txt"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %q, %v; want %q", text, got, err, want)
		}
	}
	if _, err := readPrompts(filepath.Join(t.TempDir(), "none")); !os.IsNotExist(err) {
		t.Errorf("no file: %v", err)
	}
}

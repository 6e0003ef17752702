package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/zipar/zipar/internal/testmodel"
)

// offered is what a flag of a command completes to.
func offered(t *testing.T, cmd *cobra.Command, flag string) ([]string, cobra.ShellCompDirective) {
	t.Helper()
	f, ok := cmd.GetFlagCompletionFunc(flag)
	if !ok {
		t.Fatalf("%s --%s completes to nothing", cmd.CommandPath(), flag)
	}
	list, directive := f(cmd, nil, "")
	return list, directive
}

// Every key of the tables names a command and a flag of it.
func TestCompletionTables(t *testing.T) {
	root := newRootCommand()
	has := func(command, flag string) bool {
		return slices.ContainsFunc(root.Commands(), func(c *cobra.Command) bool {
			return (command == "" || c.Name() == command) && (flag == "" || c.Flags().Lookup(flag) != nil)
		})
	}
	for key := range flagValues {
		command, flag, both := strings.Cut(key, " ")
		if !both {
			command, flag = "", key
		}
		if !has(command, flag) {
			t.Errorf("flagValues has %q, which is no flag", key)
		}
	}
	for name := range arguments {
		if !has(name, "") {
			t.Errorf("arguments has %q, which is no command", name)
		}
	}
}

// The words that are offered for a flag are those of its help, all of them.
func TestCompletionsAreInTheHelp(t *testing.T) {
	t.Run("no model is built in", completionsAreInTheHelp)
	t.Run("a model is built in", func(t *testing.T) {
		buildIn(t, testmodel.Options{Caption: true, Text: true})
		completionsAreInTheHelp(t)
	})
}

func completionsAreInTheHelp(t *testing.T) {
	t.Setenv("ZIPAR_HOME", t.TempDir())
	t.Chdir(t.TempDir()) // with the words go the files and folders that are there
	checked := 0
	for _, cmd := range newRootCommand().Commands() {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Name == "class" || f.Name == "grid" {
				return // too many to list
			}
			list, directive := offered(t, cmd, f.Name)
			if directive != cobra.ShellCompDirectiveNoFileComp {
				return
			}
			usage := strings.FieldsFunc(strings.ReplaceAll(f.Usage, "`", ""), func(r rune) bool { return strings.ContainsRune(" ,;:()\n", r) })
			for _, word := range list {
				checked++
				if !slices.Contains(usage, word) && f.DefValue != word {
					t.Errorf("%s --%s offers %q, its help says %q", cmd.CommandPath(), f.Name, word, f.Usage)
				}
			}
		})
	}
	if checked < 15 {
		t.Errorf("only %d words", checked)
	}
}

// A flag for a file offers the kind of file that its help says.
func TestFilesByHelp(t *testing.T) {
	for usage, want := range map[string]string{
		"write the picture to this PNG `FILE`; - is standard output": "png",
		"also write the image tokens to this JSON `FILE`":            "json",
		"also draw the rows filling in, as a GIF `FILE`":             "gif",
		"features in this .npy `FILE`, [n, width]":                   "npy",
		"take it from this GGUF `FILE`":                              "gguf",
		"draw every prompt in this text `FILE`":                      "",
	} {
		f := pflag.NewFlagSet("", pflag.ContinueOnError)
		f.String("unknown", "", usage)
		list, _ := valuesOf("generate", f.Lookup("unknown"))(nil, nil, "")
		if got := strings.Join(list, " "); got != want {
			t.Errorf("%q: %q, want %q", usage, got, want)
		}
	}
}

package main

// What a shell offers after TAB; `zipar completion SHELL` writes the script that asks. Flags that name files say so in their
// help, and what kind of file, so they need nothing here; the other flags and the arguments are in the tables below.

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/zipar/zipar/internal/builtin"
	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/imagenet"
	"github.com/zipar/zipar/internal/pull"
)

type completion = func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective)

// matrixTypes are what a conversion writes.
var matrixTypes = words("f16", "q8_0", "bf16", "f32")

// flagValues are the values of flags, by "COMMAND FLAG" or by "FLAG".
var flagValues = map[string]completion{
	"model":                allModels,
	"vae":                  modelNames,
	"t5xxl":                modelNames,
	"class":                classNames,
	"type":                 matrixTypes,
	"cache-type":           words("auto", "f16", "f32"),
	"bench output":         words(slices.Sorted(maps.Keys(benchFormats))...),
	"preview":              words("none", "proj", "vae"),
	"pull text-encoder":    modelNames,
	"convert text-encoder": files(),
	"convert out":          files("gguf"),
	"pull out":             files("gguf"),
	"convert vq":           files("pt", "pth"),
	"quantize tensor-type": nothing,
	"convert name":         nothing,
	"bench grid":           gridNames,
	"bench details":        files("jsonl"),
	"bench judge":          modelNames,
	"grid":                 nothing,
	"prompt":               nothing,
	"prompt-file":          files(),
}

// arguments are those of a command, in their order; the last one goes on for ever.
var arguments = map[string][]completion{
	"pull":     {pullNames, nothing},
	"convert":  {files("pt", "pth"), nothing},
	"decode":   {files("json"), nothing},
	"encode":   {files("png"), nothing},
	"inspect":  {inspectable, nothing},
	"quantize": {allModels, files("gguf"), typeNames, nothing},
}

// addCompletions adds what the tables have to the commands of root.
func addCompletions(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			list := arguments[cmd.Name()]
			if len(list) == 0 {
				return nothing(cmd, args, prefix)
			}
			return list[min(len(args), len(list)-1)](cmd, args, prefix)
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if err := cmd.RegisterFlagCompletionFunc(f.Name, valuesOf(cmd.Name(), f)); err != nil {
				panic(err) // this function was called twice
			}
		})
	}
	// The command that writes the scripts is cobra's. Of itself it takes a shell that it does not know for a call for help.
	root.InitDefaultCompletionCmd()
	if cmd, _, err := root.Find([]string{"completion"}); err == nil && cmd != root {
		cmd.Args = usageArgs(cobra.NoArgs)
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		cmd.Example = "  zipar completion bash\n  zipar completion fish --help"
	}
}

// valuesOf finds what completes a flag.
func valuesOf(command string, f *pflag.Flag) completion {
	for _, key := range []string{command + " " + f.Name, f.Name} {
		if c, ok := flagValues[key]; ok {
			return c
		}
	}
	kind, usage := pflag.UnquoteUsage(f)
	if kind != "FILE" {
		return nothing
	}
	for _, word := range strings.FieldsFunc(usage, func(r rune) bool { return r == ' ' || r == ',' || r == ';' }) {
		switch word {
		case "PNG", "JSON", "GGUF", "GIF", ".npy":
			return files(strings.ToLower(strings.TrimPrefix(word, ".")))
		}
	}
	return files()
}

// words offers these.
func words(list ...string) completion {
	return func(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
		return withPrefix(list, prefix), cobra.ShellCompDirectiveNoFileComp
	}
}

// files offers files with one of these extensions, or all, and folders.
func files(extensions ...string) completion {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		if len(extensions) == 0 {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return extensions, cobra.ShellCompDirectiveFilterFileExt
	}
}

func nothing(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// modelNames offers pulled models and GGUF files.
func modelNames(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	return namesAndFiles(pulledModels(), prefix, "gguf")
}

// builtInName is the name of the built-in model, if there is one.
func builtInName() []string {
	if builtIn.Available() {
		return []string{builtin.Name}
	}
	return nil
}

// allModels offers the built-in model, too.
func allModels(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	return namesAndFiles(append(pulledModels(), builtInName()...), prefix, "gguf")
}

// inspectable offers what inspect takes.
func inspectable(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	return namesAndFiles(append(pulledModels(), builtInName()...), prefix, "gguf", "png")
}

// namesAndFiles offers the names that start with prefix, and files and folders
// beside them.
func namesAndFiles(all []string, prefix string, extensions ...string) ([]string, cobra.ShellCompDirective) {
	names := withPrefix(all, prefix)
	if len(names) == 0 {
		return extensions, cobra.ShellCompDirectiveFilterFileExt
	}
	// Shells cannot be given names and a pattern at once, so the files are looked up here.
	entries, _ := os.ReadDir(".")
	for _, e := range entries {
		name := e.Name()
		switch {
		case !strings.HasPrefix(name, prefix) || prefix == "" && name[0] == '.':
		case e.IsDir():
			names = append(names, name+string(filepath.Separator))
		case slices.Contains(extensions, strings.TrimPrefix(filepath.Ext(name), ".")):
			names = append(names, name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// pullNames offers the table of models, with what they draw.
func pullNames(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if home, err := pull.Home(); err == nil {
		models, _ := pull.Models(home)
		for _, m := range models {
			if strings.HasPrefix(strings.ToLower(m.Name), strings.ToLower(prefix)) {
				names = append(names, m.Name+"\t"+drawsWhat(m))
			}
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// gridNames offers the grids that have names.
func gridNames(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, g := range knownGrids {
		names = append(names, g.name)
	}
	return words(names...)(cmd, args, prefix)
}

// typeNames offers the types of quantize.
func typeNames(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, t := range ggml.Types() {
		names = append(names, strings.ToLower(t.String()))
	}
	return withPrefix(names, prefix), cobra.ShellCompDirectiveNoFileComp
}

// maxClasses bounds how many classes are offered at a time.
const maxClasses = 100

// classNames offers the classes whose name starts with what was typed, with their numbers: those of the model that -m
// names, or ImageNet's. Spaces are underscores, which need no quotes and mean the same.
func classNames(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	labels := imagenet.Names()
	if path, _ := cmd.Flags().GetString("model"); path != "" {
		if path, err := modelFile(path); err == nil {
			if f, err := openModel(path); err == nil {
				defer f.Close()
				if own, err := f.Strings("llamagen.condition.class_names"); err == nil {
					labels = own
				}
			}
		}
	}
	normal := func(s string) string { return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(s)), " ", "_") }
	var names []string
	for _, label := range labels {
		for synonym := range strings.SplitSeq(label, ",") {
			name := normal(synonym)
			if len(names) == maxClasses || !strings.HasPrefix(name, normal(prefix)) {
				continue
			}
			// A name that two classes share needs a number to tell them apart.
			if n, err := imagenet.Lookup(name, labels); err == nil {
				names = append(names, name+"\t"+labels[n])
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
}

func withPrefix(list []string, prefix string) []string {
	var found []string
	for _, s := range list {
		if strings.HasPrefix(strings.ToLower(s), strings.ToLower(prefix)) {
			found = append(found, s)
		}
	}
	return found
}

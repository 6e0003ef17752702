package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/zipar/zipar/internal/builtin"
	"github.com/zipar/zipar/internal/gguf"
)

func newInspectCommand() *cobra.Command {
	return &cobra.Command{
		Use:   ifBuiltIn("inspect FILE|builtin", "inspect FILE"),
		Short: "Print what a model file holds, or how a picture was made",
		Long: `Print the keys and the tensors of a GGUF file, shapes with the outermost dimension
first; or the texts of a PNG picture, which say how it was made. Texts for
people, such as a model's licence and credits, are printed in full.`,
		Example: `  zipar inspect c2i-B-256.gguf
` + ifBuiltIn("  zipar inspect builtin\n", "") + `  zipar inspect dog.png`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] != builtin.Name && isPicture(args[0]) {
				return inspectPicture(cmd.OutOrStdout(), args[0])
			}
			path, err := modelFile(args[0])
			if err != nil {
				return err
			}
			f, err := openModel(path)
			if err != nil {
				return err
			}
			defer f.Close()
			return printFile(cmd.OutOrStdout(), f)
		},
	}
}

// printFile writes a file's keys and tensors, a line each but for long texts.
func printFile(w io.Writer, f *gguf.File) error {
	out := bufio.NewWriter(w)
	var total uint64
	for _, t := range f.Tensors {
		total += uint64(len(t.Data))
	}
	keys := f.Keys()
	fmt.Fprintf(out, "%s: GGUF v%d, %d keys, %d tensors of %d bytes in all\n", f.Path, f.Version, len(keys), len(f.Tensors), total)
	for _, key := range keys {
		v, _ := f.Value(key)
		lines := longText(key, v)
		if lines == nil {
			fmt.Fprintf(out, "%-44s %-8s %s\n", key, v.Type(), v)
			continue
		}
		fmt.Fprintf(out, "%-44s %s\n", key, v.Type())
		for _, line := range lines {
			fmt.Fprintln(out, "  "+harmless(line))
		}
	}
	for _, t := range f.Tensors {
		shape := slices.Clone(t.Dims)
		slices.Reverse(shape)
		fmt.Fprintf(out, "%-52s %-5s %v\n", t.Name, t.Type, shape)
	}
	return out.Flush()
}

// longText returns the lines of a text for people that has more than one, or
// more than fit on one. Texts of more than 64 KiB, which zipar does not write,
// are none.
func longText(key string, v gguf.Value) []string {
	text, err := v.Str()
	if err != nil || !strings.HasPrefix(key, "general.") || len(text) > 64<<10 || len(text) <= 80 && !strings.Contains(text, "\n") {
		return nil
	}
	return strings.Split(strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
}

package main

import (
	"bufio"
	"fmt"

	"github.com/spf13/cobra"

	texts "github.com/zipar/zipar"
	"github.com/zipar/zipar/internal/licenses"
)

func newLicensesCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "licenses",
		Aliases: []string{"licences"},
		Short:   "Print the licences of zipar and of what is in it",
		Long: ifBuiltIn(`Print zipar's own licence; those of tables by others and of the Go modules that
are part of the program; and those of the pictures that the built-in model was
trained with.`, `Print zipar's own licence, and those of tables by others and of the Go modules
that are part of the program.`),
		Example: `  zipar licenses`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := bufio.NewWriter(cmd.OutOrStdout())
			fmt.Fprintf(out, "zipar\n\n%s\n%s\n%s", texts.License, texts.Notice, licenses.Modules)
			if builtIn.Available() {
				fmt.Fprintf(out, "\n%s", texts.ModelLicenses)
			}
			return out.Flush()
		},
	}
}

// Command zipar draws pictures with autoregressive image models on a CPU.
//
// There is one file a command. Commands turn their flags into a request and
// return errors; exit codes are chosen here alone.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/zipar/zipar/internal/mapped"
	"github.com/zipar/zipar/internal/tensor"
)

func main() { os.Exit(run()) }

// run is main with the exit code as its result, for tests.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal ends the work in order, the next one the process.
	context.AfterFunc(ctx, stop)

	err := mapped.Guard(func() error { return newRootCommand().ExecuteContext(ctx) })
	if err == nil {
		return exitOK
	}
	code := exitCode(ctx, err)
	if code == exitInterrupted && !errors.As(err, new(*interruption)) {
		err = errInterrupted
	}
	fmt.Fprintln(os.Stderr, "zipar: "+oneLine(err.Error()))
	return code
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "zipar",
		Short: "Draw pictures with autoregressive image models on a CPU",
		Long: `zipar draws pictures with LlamaGen models in GGUF files. It decodes several
rows of image tokens at once (ZipAR, arXiv 2412.04062), turns the tokens into
pixels and writes a PNG. It needs nothing but this program` + ifBuiltIn(`: a small model that
draws emoji is built in. -m takes others, which pull fetches and convert makes.`, " and a model file.") + `

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 bad model file, 130 interrupted.`,
		Example: ifBuiltIn(`  zipar generate --prompt "a red apple" --out apple.png`, ""),
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if err := tensor.Select(os.Getenv(tensor.EnvCPU)); err != nil {
				return usagef("$%s: %w", tensor.EnvCPU, err)
			}
			return nil
		},
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError{flagError(cmd.CommandPath(), err)} })
	root.AddCommand(
		newGenerateCommand(),
		newBenchCommand(),
		newDecodeCommand(),
		newEncodeCommand(),
		newPullCommand(),
		newConvertCommand(),
		newQuantizeCommand(),
		newInspectCommand(),
		newLicensesCommand(),
		newVersionCommand(),
	)
	for _, c := range append(root.Commands(), root) {
		c.Args = usageArgs(c.Args)
	}
	addProfiles(root)
	addCompletions(root)
	return root
}

// usageArgs marks the errors of a check of the arguments as wrong usage.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	if check == nil {
		return nil
	}
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{fmt.Errorf("%w (see %s --help)", err, cmd.CommandPath())}
		}
		return nil
	}
}

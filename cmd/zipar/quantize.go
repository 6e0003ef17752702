package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/zipar/zipar/internal/builtin"
	"github.com/zipar/zipar/internal/convert"
	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
)

// quantizeRequest is what the flags of quantize ask for.
type quantizeRequest struct {
	ui      ui
	options convert.QuantizeOptions
	rules   []string
}

func newQuantizeCommand() *cobra.Command {
	var r quantizeRequest
	cmd := &cobra.Command{
		Use:   ifBuiltIn("quantize IN.gguf|builtin OUT.gguf TYPE", "quantize IN.gguf OUT.gguf TYPE"),
		Short: "Make a model file smaller",
		Long: `Write a model file with its matrices in another TYPE:

  f16, bf16    16 bits a weight
  q8_0         8.5 bits: no visible loss
  q6_K         6.6 bits
  q4_K         4.5 bits, with scales of two levels
  q4_0         4.5 bits, simple and fast

Norms, biases, the codebook, relative positions and what else is small and
delicate keep their floats; kernels of convolutions become f16. A matrix whose
rows do not fit a type's blocks gets the next type that they fit. For every
class of tensors the size and the relative error (root mean square) are printed.

--tensor-type gives the tensors whose name a regular expression matches another
type; the first rule that matches counts. zipar inspect lists the names.`,
		Example: `  zipar quantize t2i-XL-512.gguf t2i-XL-512-q8_0.gguf q8_0
  zipar quantize model.gguf small.gguf q4_K --tensor-type '^output=q6_K' --tensor-type 'attn_qkv=q8_0'`,
		Args: cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error { return r.run(cmd.Context(), cmd.OutOrStdout(), args) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringArrayVar(&r.rules, "tensor-type", nil, "`REGEX=TYPE`: this type for the tensors whose name matches; may be repeated")
	f.BoolVar(&r.options.AllowRequantize, "allow-requantize", false, "accept a file that is quantised already, and lose precision twice")
	f.IntVarP(&r.options.Threads, "threads", "t", 0, "threads to compute with; 0 is one a CPU")
	r.ui.addFlags(f)
	return cmd
}

func (r *quantizeRequest) run(ctx context.Context, stdout io.Writer, args []string) error {
	defer r.ui.done()
	o := &r.options
	o.Out = args[1]
	var err error
	if o.In, err = modelFile(args[0]); err != nil {
		return err
	}
	if o.Type, err = ggml.ParseType(args[2]); err != nil {
		return usagef("TYPE %q: want one of %s", args[2], ggml.TypeNames())
	}
	if o.Out == stdoutName {
		return usagef("OUT -: a model goes into a file, not to standard output")
	}
	if o.Threads < 0 || o.Threads > 1024 {
		return usagef("--threads %d: want 0 (one a CPU) to 1024", o.Threads)
	}
	for _, s := range r.rules {
		rule, err := convert.ParseTypeRule(s)
		if err != nil {
			return convertError(err)
		}
		o.Rules = append(o.Rules, rule)
	}
	if err := checkOutput("OUT", o.Out); err != nil {
		return err
	}
	const mib = 1 << 20
	o.Progress = func(done, total int64) {
		if r.ui.bar == nil {
			r.ui.stage("quantising (MiB)", int(total/mib))
		}
		r.ui.step(int(done/mib), "")
	}
	result, err := runQuantize(ctx, *o)
	if err != nil {
		if errors.As(err, new(*gguf.FormatError)) {
			return modelError{err}
		}
		return convertError(err)
	}
	r.ui.done()
	if r.ui.quiet {
		return nil
	}
	return printQuantized(stdout, o, result)
}

// runQuantize makes the file, of the built-in model if that is the input.
func runQuantize(ctx context.Context, o convert.QuantizeOptions) (*convert.QuantizeResult, error) {
	if o.In != builtin.Name {
		return convert.Quantize(ctx, o)
	}
	f, err := builtIn.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return convert.QuantizeFile(ctx, f, o)
}

// printQuantized prints a line for each class of tensors, and which rows did not fit.
func printQuantized(w io.Writer, o *convert.QuantizeOptions, result *convert.QuantizeResult) error {
	const mib = 1 << 20
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "tensors\tnumber\tMiB before\tafter\trelative error\ttypes\n")
	for _, c := range result.Classes {
		var types []string
		for _, t := range ggml.Types() {
			if n := c.Types[t]; n > 0 {
				types = append(types, fmt.Sprintf("%d %s", n, t))
			}
		}
		fmt.Fprintf(table, "%s\t%d\t%.2f\t%.2f\t%.6f\t%s\n", c.Name, c.Tensors,
			float64(c.Before)/mib, float64(c.After)/mib, c.Error(), strings.Join(types, ", "))
	}
	fmt.Fprintf(table, "%s\t\t%.2f\t%.2f\t\t\n", "the file", float64(result.Before)/mib, float64(result.After)/mib)
	if err := table.Flush(); err != nil {
		return err
	}
	for _, b := range result.Fallbacks {
		if _, err := fmt.Fprintln(w, b); err != nil {
			return err
		}
	}
	return nil
}

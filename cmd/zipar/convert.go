package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/zipar/zipar/internal/convert"
	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/safetensors"
	"github.com/zipar/zipar/internal/torchfile"
	"github.com/zipar/zipar/internal/zipar"
)

// convertRequest is what the flags of convert ask for.
type convertRequest struct {
	ui      ui
	options convert.Options
	typ     string
	grid    string

	fitPreview bool

	heads, kvHeads, groups, cfgInterval, topK, window int
	ropeBase, normEps, cfgScale, temperature, topP    float64
}

func newConvertCommand() *cobra.Command {
	var r convertRequest
	cmd := &cobra.Command{
		Use:   "convert --out FILE.gguf [CHECKPOINT.pt]",
		Short: "Turn an official checkpoint into a model file",
		Long: `Turn a LlamaGen checkpoint of PyTorch (a class model, a caption model or an
image tokenizer) into a GGUF file. What it is, is told from its tensors. With
--vq the image tokenizer goes into the same file. Nothing in a checkpoint is
ever executed, and no Python is needed.

With --text-encoder the T5 of a caption model and its tokenizer go into the
file, too: a folder of Hugging Face (FLAN-T5, T5 v1.1) or a GGUF file, whose
tensors stay as they are. Without a checkpoint a folder's T5 is converted alone.

What the tensors' shapes cannot tell is taken from the flags, from freqs_cis
where the checkpoint has it, or from the official models of the same width.
The grid of image tokens must be given unless freqs_cis tells it.

The file keeps who made the model and under which licence: --author,
--description, --license and --attribution. quantize keeps it, too, inspect
shows it.`,
		Example: `  zipar convert --out c2i-B-256.gguf --grid 16x16 --vq vq_ds16_c2i.pt c2i_B_256.pt
  zipar convert --out t2i-XL-512.gguf --grid 32x32 --type q8_0 t2i_XL_stage2_512.pt
  zipar convert --out vq16.gguf vq_ds16_t2i.pt
  zipar convert --out flan-t5-xl.gguf --text-encoder flan-t5-xl/`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.run(cmd.Context(), cmd.Flags(), strings.Join(args, ""))
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&r.options.Out, "out", "o", "", "write the model to `FILE` (required)")
	f.StringVar(&r.typ, "type", "f16", "`TYPE` of matrices: f32, f16, bf16 or q8_0")
	f.StringVar(&r.options.VQ, "vq", "", "put the image tokenizer `VQ.pt` into the file, too")
	f.StringVar(&r.options.TextEncoder, "text-encoder", "", "put the T5 text encoder `DIR|GGUF` into the file, too")
	f.StringVar(&r.grid, "grid", "", "grid of image tokens, `RxC`: rows x columns")
	f.IntVar(&r.heads, "heads", 0, "`N` attention heads")
	f.IntVar(&r.kvHeads, "kv-heads", 0, "`N` key and value heads")
	f.IntVar(&r.groups, "groups", 0, "`N` groups of the image tokenizer's norms (default 32)")
	f.Float64Var(&r.ropeBase, "rope-base", 0, "base `X` of the rotary positions (default 10000)")
	f.Float64Var(&r.normEps, "norm-eps", 0, "epsilon `X` of the transformer's norms (default 1e-5)")
	f.StringVar(&r.options.Name, "name", "", "the model's `NAME` (default: the checkpoint's file name)")
	f.StringVar(&r.options.Author, "author", "", "who made the model, `TEXT`")
	f.StringVar(&r.options.Description, "description", "", "what the model is, `TEXT`")
	f.StringVar(&r.options.License, "license", "", "the model's licence, `TEXT` such as MIT")
	f.StringVar(&r.options.Attribution, "attribution", "", "put the text of this `FILE`, credits to others, into the file, too; at most 64 KiB of UTF-8")
	f.Float64Var(&r.cfgScale, "cfg-scale", 0, "recommended guidance `X` (default 4, captions 7.5)")
	f.IntVar(&r.cfgInterval, "cfg-interval", 0, "recommended number `N` of the last guided token (default -1: all)")
	f.Float64Var(&r.temperature, "temp", 0, "recommended temperature `X` (default 1)")
	f.IntVar(&r.topK, "top-k", 0, "recommended top-k `N` (default 2000, captions 1000)")
	f.Float64Var(&r.topP, "top-p", 0, "recommended top-p `X` (default 1)")
	f.IntVar(&r.window, "window", 0, "recommended ZipAR window `N` (default: none)")
	f.BoolVar(&r.fitPreview, "fit-preview", false, "fit the colours for generate --preview proj now and keep them in the file")
	r.ui.addFlags(f)
	return cmd
}

func (r *convertRequest) run(ctx context.Context, flags *pflag.FlagSet, checkpoint string) error {
	defer r.ui.done()
	if err := r.fill(flags, checkpoint); err != nil {
		return err
	}
	if err := checkOutput("--out", r.options.Out); err != nil {
		return err
	}
	return r.convert(ctx)
}

// convert makes the file that the options say.
func (r *convertRequest) convert(ctx context.Context) error {
	defer r.ui.done()
	const mib = 1 << 20
	r.options.Progress = func(done, total int64) {
		if r.ui.bar == nil {
			r.ui.stage("converting (MiB)", int(total/mib))
		}
		r.ui.step(int(done/mib), "")
	}
	result, err := convert.Convert(ctx, r.options)
	if err != nil {
		return convertError(err)
	}
	r.ui.done()
	r.report(result)
	return nil
}

// fill completes the options from the flags that were given.
func (r *convertRequest) fill(flags *pflag.FlagSet, checkpoint string) error {
	o := &r.options
	o.Checkpoint = checkpoint
	if r.fitPreview {
		o.Preview = fitPreview
	}
	if checkpoint == "" && o.TextEncoder == "" {
		return usagef("give a CHECKPOINT.pt, or --text-encoder for a text encoder alone (see zipar convert --help)")
	}
	switch o.Out {
	case "":
		return usagef("--out FILE.gguf is required")
	case stdoutName:
		return usagef("--out -: a model goes into a file, not to standard output")
	}
	var err error
	if o.Type, err = ggml.ParseType(r.typ); err != nil {
		return usagef("--type %s: want f32, f16, bf16 or q8_0", r.typ)
	}
	if r.grid != "" {
		g, err := zipar.ParseGeometry(r.grid)
		if err != nil {
			return usagef("--grid: %w", err)
		}
		o.Grid = &convert.Grid{Rows: g.Rows, Cols: g.Cols}
	}
	for name, p := range map[string]struct {
		value  *int
		option **int
	}{
		"heads":        {&r.heads, &o.Heads},
		"kv-heads":     {&r.kvHeads, &o.KVHeads},
		"groups":       {&r.groups, &o.Groups},
		"cfg-interval": {&r.cfgInterval, &o.CFGInterval},
		"top-k":        {&r.topK, &o.TopK},
		"window":       {&r.window, &o.Window},
	} {
		if flags.Changed(name) {
			*p.option = p.value
		}
	}
	for name, p := range map[string]struct {
		value  *float64
		option **float64
	}{
		"rope-base": {&r.ropeBase, &o.RopeBase},
		"norm-eps":  {&r.normEps, &o.NormEps},
		"cfg-scale": {&r.cfgScale, &o.CFGScale},
		"temp":      {&r.temperature, &o.Temperature},
		"top-p":     {&r.topP, &o.TopP},
	} {
		if flags.Changed(name) {
			*p.option = p.value
		}
	}
	return nil
}

// convertError tells wrong usage and bad checkpoints from other failures.
func convertError(err error) error {
	switch {
	case errors.As(err, new(*convert.OptionError)):
		return usageError{err}
	case errors.As(err, new(*convert.ModelError)), errors.As(err, new(*torchfile.FormatError)), errors.As(err, new(*safetensors.FormatError)):
		return modelError{err}
	}
	return err
}

// report says what was recognised, where each number that no shape tells came from, and what was written.
func (r *convertRequest) report(result *convert.Result) {
	for _, m := range result.Models {
		r.ui.remark("%s", m)
	}
	for _, c := range result.Choices {
		r.ui.remark("  %s", c)
	}
	for _, name := range result.Ignored {
		r.ui.detail("  ignored: %q", name)
	}
	var types []string
	for t, n := range result.Tensors {
		types = append(types, fmt.Sprintf("%d in %s", n, t))
	}
	slices.Sort(types)
	ignored := ""
	if n := len(result.Ignored); n > 0 {
		ignored = fmt.Sprintf("; not part of the model: %d", n)
	}
	r.ui.remark("wrote %s: %.1f MiB, tensors: %s%s", r.options.Out, float64(result.Size)/(1<<20), strings.Join(types, ", "), ignored)
}

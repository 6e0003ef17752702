package main

import (
	"context"
	"fmt"
	"image"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/zipar/zipar/internal/zipar"
)

// benchRequest is what the flags of bench ask for.
type benchRequest struct {
	ui         ui
	files      modelFiles
	condition  conditionFlags
	promptFile string
	sampling   samplingFlags
	repeat     int
	grid       string
	windows    []int
	adaptive   bool
	output     string
	plot       string
	attention  string
	details    string
	machine    bool
	judgeFiles modelFiles
}

func newBenchCommand() *cobra.Command {
	var r benchRequest
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Compare next-token decoding with ZipAR",
		Long: `Compare next-token decoding (NTP) with several windows.` + ifBuiltIn(` Without -m and
$ZIPAR_MODEL the built-in model draws.`, "") + `

With a model, pictures are drawn with NTP and with every window from the same
seeds, after a short warm-up. Reported are passes, times and memory, and what
the window does to the picture: how many tokens are those of NTP, PSNR and SSIM
against NTP's picture, and the mean log-likelihood of a token, for which the
model reads the finished picture once more in raster order: logits after
guidance at temperature 1, no top-k or top-p. With several prompts or seeds the
figures are means, the numbers after ± (keys ending in _sd) standard deviations.
PSNR is that of the mean squared error of all pictures.
The time of a pass is shared out: matrix products, attention, elementwise work
such as norms, sampling, and the rest.
Peak memory is what lay in physical memory at most while a picture was drawn,
the parts of the model's file that are in use included.

--details writes a line of JSON for every picture: its figures, the windows of
its rows, the codes and the log-likelihoods of its tokens, and what these would
be on average if NTP drew the tokens, each after the same ones. With --adaptive
it also has every test of a row's first token: the token's probability when it
was drawn (p), with one more token of the row above (p_next) and in NTP (p_ntp),
and the total variation distances of the three distributions.
--judge has another model give the likelihoods, one measure for models that
differ in the types of their weights.

` + ifBuiltIn("With --grid and without -m", "With --grid and no model") + ` the passes are counted alone, by running the schedule.
Known grids have names: llamagen-256, llamagen-384, llamagen-512, lumina-768
and emu3-720; what the paper reports for them stands beside.

With --machine the machine is measured: how fast it reads memory and how fast it
multiplies, with the threads of -t, and how near to that the kernels come. With
-m the model's passes are then compared with it, too; without -m nothing else is
measured. It takes some ten seconds.

With --attention nothing is timed. Instead NTP's pictures are read once more to
see where the attention goes, and how much of it every window leaves.`,
		Example: ifBuiltIn(`  zipar bench --prompt "a red apple" --window 2,4,8
`, "") + `  zipar bench --grid llamagen-512
  zipar bench --machine
  zipar bench -m c2i-B-256.gguf --class 207 --window 2,4,8 --adaptive -r 3 --plot windows.png
  zipar bench -m t2i-XL-512.gguf --prompt-file prompts.txt --window 8,16 --output md
  zipar bench -m c2i-B-256.gguf --class 207 --attention attention.png
  zipar bench -m c2i-B-256.gguf --class 207 --window 2,4 --adaptive -r 20 --details pictures.jsonl
  zipar bench -m model.gguf --prompt-file prompts.txt --window 8 --judge t2i-XL-512.gguf`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return r.run(cmd) },
	}
	f := cmd.Flags()
	r.files.addFlags(f)
	r.files.addCacheFlag(f)
	r.condition.addFlags(f)
	f.StringVar(&r.promptFile, "prompt-file", "", "draw every prompt in this text `FILE`, one a line; empty lines and lines that start with # are skipped")
	r.sampling.addFlags(f)
	f.IntVarP(&r.repeat, "repeat", "r", 1, "draw everything with `N` seeds: --seed and those after it")
	f.StringVar(&r.grid, "grid", "", "count the passes of a grid without a model: `RxC`, rows x columns, RxC+1 with a token at each row's end, or a name such as llamagen-512")
	f.IntSliceVar(&r.windows, "window", nil, "windows `N[,N...]` to compare; 0 is next-token decoding (default: powers of two)")
	f.BoolVar(&r.adaptive, "adaptive", false, "also measure every window as the smallest of adaptive ones")
	f.StringVar(&r.output, "output", "table", "print a `table`, md, csv, json or jsonl")
	f.StringVar(&r.plot, "plot", "", "draw speed-up and log-likelihood over the window into this PNG `FILE`")
	f.StringVar(&r.attention, "attention", "", "draw a map of the attention into this PNG `FILE` and measure nothing else")
	f.StringVar(&r.details, "details", "", "write all that was measured of each picture into this `FILE`, a line of JSON each")
	f.BoolVar(&r.machine, "machine", false, "measure the limits of this machine and how near to them the kernels come")
	f.StringVar(&r.judgeFiles.model, "judge", "", "have the model in this `FILE` give the likelihoods")
	r.ui.addFlags(f)
	return cmd
}

func (r *benchRequest) run(cmd *cobra.Command) error {
	defer r.files.close()
	defer r.judgeFiles.close()
	defer r.ui.done()
	if err := r.check(); err != nil {
		return err
	}
	if err := r.checkMachine(cmd.Flags()); err != nil {
		return err
	}
	report, err := r.report(cmd.Context(), cmd.Flags())
	if err != nil {
		return r.files.damaged(err)
	}
	if report.picture != nil {
		if err := writePicture(r.plot+r.attention, report.picture); err != nil {
			return err
		}
	}
	if r.details != "" {
		if err := writeFile(r.details, func(w io.Writer) error { return writeDetails(w, report.details) }); err != nil {
			return err
		}
	}
	return benchFormats[r.output](cmd.OutOrStdout(), report)
}

// check looks at what can be known before a model is read.
func (r *benchRequest) check() error {
	counts := r.counts()
	orNoGrid := ifBuiltIn("leave --grid out, or ", "")
	switch {
	case benchFormats[r.output] == nil:
		return usagef("--output %s: want table, md, csv, json or jsonl", r.output)
	case r.repeat < 1 || r.repeat > 1<<20:
		return usagef("--repeat %d: want 1 to %d", r.repeat, 1<<20)
	case counts && r.adaptive:
		return usagef("--adaptive: how far windows grow is up to a model: %sgive one with -m", orNoGrid)
	case counts && r.plot+r.attention+r.details+r.judgeFiles.model != "":
		return usagef("--plot, --attention, --details and --judge need a model: %sgive one with -m", orNoGrid)
	case r.plot != "" && r.attention != "":
		return usagef("--plot and --attention exclude each other: the one needs times, the other takes none")
	case r.attention != "" && r.details+r.judgeFiles.model != "":
		return usagef("--attention excludes --details and --judge: it measures nothing else")
	case r.attention != "" && r.adaptive:
		return usagef("--attention and --adaptive exclude each other: attention is measured in next-token decoding")
	case r.promptFile != "" && r.condition != (conditionFlags{noClean: r.condition.noClean, t5: r.condition.t5}):
		return usagef("--prompt-file %s: it excludes --prompt, --class, --caption-embedding and --save-embedding", r.promptFile)
	}
	for _, w := range r.windows {
		if w < 0 {
			return usagef("--window %d: want 0 (next-token decoding) or more", w)
		}
	}
	for flag, path := range map[string]string{"--plot": r.plot, "--attention": r.attention, "--details": r.details} {
		if path == stdoutName {
			return usagef("%s -: the figures go to standard output", flag)
		}
		if path == "" {
			continue
		}
		if err := checkOutput(flag, path); err != nil {
			return err
		}
	}
	return r.condition.check()
}

// counts says that passes are counted without a model.
func (r *benchRequest) counts() bool { return r.grid != "" && r.files.model == "" }

func (r *benchRequest) report(ctx context.Context, flags *pflag.FlagSet) (*benchReport, error) {
	if r.machineAlone() {
		return r.measureMachine(ctx)
	}
	if r.counts() {
		return r.count()
	}
	b, err := r.open(ctx, flags)
	if err != nil {
		return nil, err
	}
	defer b.pool.Close()
	if r.attention != "" {
		return b.mapAttention(ctx)
	}
	if !r.machine {
		return b.measure(ctx)
	}
	m, err := r.limits(ctx, b.pool)
	if err != nil {
		return nil, err
	}
	b.readRate = m.Read
	report, err := b.measure(ctx)
	if err == nil {
		addMachine(report, m, b.pool.Threads())
	}
	return report, err
}

// A benchReport is what bench prints and draws.
type benchReport struct {
	rows    []benchRow
	tables  []benchTable
	notes   []string
	picture image.Image
	details []benchDetail // only if asked for
}

// A benchMode is a way to decode.
type benchMode struct {
	window   int
	adaptive bool
	ntp      bool
}

// String is the name in tables and on progress bars.
func (m benchMode) String() string {
	switch {
	case m.ntp:
		return fmt.Sprintf("%d NTP", m.window)
	case m.adaptive:
		return fmt.Sprintf("%d+", m.window)
	}
	return fmt.Sprint(m.window)
}

// windowsFor returns the windows to compare on a grid, each once: those that
// were asked for, or NTP and the powers of two below it.
func (r *benchRequest) windowsFor(g zipar.Geometry) []int {
	windows := []int{}
	add := func(w int) {
		if w = g.Window(w); !slices.Contains(windows, w) {
			windows = append(windows, w)
		}
	}
	for _, w := range r.windows {
		add(w)
	}
	if len(r.windows) == 0 {
		w := 1
		for w*2 < g.Cols {
			w *= 2
		}
		add(0)
		for ; w >= 1; w /= 2 {
			add(w)
		}
	}
	return windows
}

// modesFor returns the ways to decode a grid that are compared: NTP first,
// then the windows, each fixed and, if asked for, adaptive.
func (r *benchRequest) modesFor(g zipar.Geometry) []benchMode {
	modes := []benchMode{{window: g.Cols, ntp: true}}
	for _, w := range r.windowsFor(g) {
		if w == g.Cols {
			continue
		}
		modes = append(modes, benchMode{window: w})
		if r.adaptive {
			modes = append(modes, benchMode{window: w, adaptive: true})
		}
	}
	return modes
}

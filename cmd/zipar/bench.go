package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/zipar/zipar/internal/family"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/zipar"
)

// benchRequest is what the flags of bench ask for.
type benchRequest struct {
	ui        ui
	files     modelFiles
	condition conditionFlags
	sampling  samplingFlags
	grid      string
	windows   []int
	output    string
}

func newBenchCommand() *cobra.Command {
	var r benchRequest
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Compare next-token decoding with ZipAR",
		Long: `Compare next-token decoding (NTP) with several windows.

With a model, a picture's tokens are decoded with NTP and with every window,
from the same seed, and timed. With --grid and no model the passes are counted
alone, by running the schedule.`,
		Example: `  zipar bench --grid 24x24 --window 4,8,16
  zipar bench -m c2i-B-256.gguf --class 207 --window 2,4,8 --output md`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return r.run(cmd) },
	}
	f := cmd.Flags()
	r.files.addFlags(f)
	r.condition.addFlags(f)
	r.sampling.addFlags(f)
	f.StringVar(&r.grid, "grid", "", "count the passes of a grid of `RxC` tokens, rows x columns, without a model")
	f.IntSliceVar(&r.windows, "window", nil, "windows `N[,N...]` to compare; 0 is next-token decoding (default: powers of two)")
	f.StringVar(&r.output, "output", "table", "print a `table`, md, csv, json or jsonl")
	r.ui.addFlags(f)
	return cmd
}

// benchRow is the result of one window.
type benchRow struct {
	Window  int     `json:"window"`
	Passes  int     `json:"passes"`
	Tokens  int     `json:"tokens"`
	Saved   float64 `json:"passes_saved"` // share of NTP's passes
	Columns float64 `json:"columns_mean"` // of the passes after the prefill
	Widest  int     `json:"columns_max"`

	*benchTiming
}

// benchTiming is what only a model can tell.
type benchTiming struct {
	Prefill float64 `json:"prefill_seconds"`
	Seconds float64 `json:"token_seconds"` // all passes but the prefill
	PassMS  float64 `json:"ms_per_pass"`   // median
	Rate    float64 `json:"tokens_per_second"`
	SpeedUp float64 `json:"speed_up"` // token seconds of NTP / token seconds
}

func (r *benchRequest) run(cmd *cobra.Command) error {
	defer r.files.close()
	defer r.ui.done()
	write, ok := benchFormats[r.output]
	if !ok {
		return usagef("--output %s: want table, md, csv, json or jsonl", r.output)
	}
	for _, w := range r.windows {
		if w < 0 {
			return usagef("--window %d: want 0 (next-token decoding) or more", w)
		}
	}
	var rows []benchRow
	var err error
	if r.grid != "" && r.files.model == "" {
		rows, err = r.count()
	} else {
		rows, err = r.measure(cmd.Context(), cmd.Flags())
	}
	if err != nil {
		return err
	}
	return write(cmd.OutOrStdout(), rows)
}

// count runs the schedule of a grid without a model.
func (r *benchRequest) count() ([]benchRow, error) {
	g, err := zipar.ParseGeometry(r.grid)
	if err != nil {
		return nil, usagef("--grid: %w", err)
	}
	var rows []benchRow
	for _, w := range r.windowsFor(g) {
		passes, columns, widest := zipar.CountPasses(g, w)
		rows = append(rows, newBenchRow(g, w, passes, columns, widest))
	}
	return rows, nil
}

func newBenchRow(g zipar.Geometry, window, passes, columns, widest int) benchRow {
	return benchRow{
		Window: window, Passes: passes, Tokens: g.Tokens(), Widest: widest,
		Saved:   1 - float64(passes)/float64(g.Tokens()),
		Columns: float64(columns) / float64(max(1, passes-1)),
	}
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

// measure decodes a picture with every window, NTP first.
func (r *benchRequest) measure(ctx context.Context, flags *pflag.FlagSet) ([]benchRow, error) {
	model, err := r.files.family()
	if err != nil {
		return nil, err
	}
	if r.grid != "" {
		if g, err := zipar.ParseGeometry(r.grid); err != nil || g != model.Grid() {
			return nil, usagef("--grid %s: %s draws %s tokens; leave --grid out, or -m", r.grid, model.Name(), model.Grid())
		}
	}
	o := zipar.Options{Grid: model.Grid()}
	if o.Guidance, o.Sampling, err = r.sampling.apply(flags, model.Defaults()); err != nil {
		return nil, err
	}
	seed, err := r.sampling.firstSeed()
	if err != nil {
		return nil, err
	}
	o.Noise = []zipar.Noise{{Seed: seed}}
	pool, err := r.files.pool()
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	if r.condition == (conditionFlags{}) && model.Classes() > 0 {
		r.condition.class = "0"
	}
	condition, err := r.condition.resolve(ctx, &r.ui, &r.files, model, pool)
	if err != nil {
		return nil, err
	}
	r.ui.detail("%s, %d threads, %s kernels, seed %d", model.Name(), pool.Threads(), tensor.CPU(), seed)

	windows := r.windowsFor(o.Grid)
	if ntp := o.Grid.Cols; windows[0] != ntp {
		windows = slices.Insert(slices.DeleteFunc(windows, func(w int) bool { return w == ntp }), 0, ntp)
	}
	var rows []benchRow
	decoder := model.Decoder(pool, []*family.Condition{condition})
	for _, w := range windows {
		o.Window = w
		row, err := r.time(ctx, decoder, o)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
		rows[len(rows)-1].SpeedUp = rows[0].Seconds / row.Seconds
	}
	return rows, nil
}

// time decodes a picture and times its passes.
func (r *benchRequest) time(ctx context.Context, decoder zipar.Model, o zipar.Options) (benchRow, error) {
	var prefill time.Duration
	var passes []time.Duration
	columns, widest := 0, 0
	r.ui.stage(fmt.Sprintf("window %d", o.Window), o.Grid.Tokens())
	o.Observe = func(p zipar.Progress) {
		r.ui.step(p.Decoded, "")
		if p.Passes == 1 {
			prefill = p.Elapsed
			return
		}
		passes = append(passes, p.Elapsed)
		columns += p.Columns
		widest = max(widest, p.Columns)
	}
	pictures, err := zipar.Decode(ctx, decoder, o)
	r.ui.done()
	if err != nil {
		return benchRow{}, err
	}
	row := newBenchRow(o.Grid, o.Window, pictures[0].Passes, columns, widest)
	var total time.Duration
	for _, d := range passes {
		total += d
	}
	slices.Sort(passes)
	t := &benchTiming{Prefill: prefill.Seconds(), Seconds: total.Seconds()}
	if len(passes) > 0 {
		t.PassMS = passes[len(passes)/2].Seconds() * 1000
		t.Rate = float64(row.Tokens-1) / total.Seconds()
	}
	row.benchTiming = t
	return row, nil
}

package main

import (
	"context"
	"fmt"
	"image"
	"math"
	"runtime/debug"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/zipar/zipar/internal/family"
	"github.com/zipar/zipar/internal/imageio"
	"github.com/zipar/zipar/internal/memory"
	"github.com/zipar/zipar/internal/quality"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/vqgan"
	"github.com/zipar/zipar/internal/zipar"
)

// bench is a benchmark with a model.
type bench struct {
	*benchRequest
	model   family.Model
	vq      *vqgan.Decoder // nil if there is none
	pool    *tensor.Pool
	options zipar.Options // but window and noise
	seed    uint64
	// conditions are what is drawn, with each seed.
	conditions []benchCondition
	judge      *benchJudge // nil if the model judges its own pictures
	// readRate is how fast the machine reads memory, bytes a second; 0 unless
	// it was measured.
	readRate float64
}

// open reads everything and makes the conditions.
func (r *benchRequest) open(ctx context.Context, flags *pflag.FlagSet) (*bench, error) {
	b := &bench{benchRequest: r}
	var err error
	if b.model, err = r.files.family(); err != nil {
		return nil, err
	}
	b.options.Grid = b.model.Grid()
	if r.grid != "" {
		if known, err := parseGrid(r.grid); err != nil {
			return nil, err
		} else if known.grid != b.options.Grid {
			return nil, usagef("--grid %s: %s draws %s tokens; leave --grid out, or -m", r.grid, b.model.Name(), b.options.Grid)
		}
	}
	if b.options.Guidance, b.options.Sampling, err = r.sampling.apply(flags, b.model.Defaults()); err != nil {
		return nil, err
	}
	if b.seed, err = r.sampling.firstSeed(); err != nil {
		return nil, err
	}
	if r.attention == "" {
		if err := b.openVQ(); err != nil {
			return nil, err
		}
	}
	if b.pool, err = r.files.pool(); err != nil {
		return nil, err
	}
	b.options.Threads = b.pool
	if err = r.files.prepare(ctx, &r.ui, b.model, b.vq, b.options.Guidance.Guides(0), b.pool); err == nil {
		b.conditions, err = b.resolve(ctx)
	}
	if err == nil && r.judgeFiles.model != "" {
		b.judge, err = b.openJudge(ctx)
	}
	if err != nil {
		b.pool.Close()
		return nil, err
	}
	r.ui.detail("%s", b.setting())
	return b, nil
}

// openVQ reads the VQ decoder. Without one the pictures' pixels are neither
// timed nor compared.
func (b *bench) openVQ() error {
	if b.files.vae == "" {
		path, err := b.files.modelPath()
		if err != nil {
			return err
		}
		f, err := b.files.find(path)
		if err != nil {
			return err
		}
		if !vqgan.Present(f) {
			b.ui.remark("%s has no VQ decoder: no pixels are drawn; --vae FILE takes one from another file", path)
			return nil
		}
	}
	vq, err := b.files.decoder()
	if err != nil {
		return err
	}
	if b.model.Vocab() > vq.Codes() {
		return badModel(fmt.Errorf("%s writes %d codes, the VQ decoder knows %d: they do not belong together", b.model.Name(), b.model.Vocab(), vq.Codes()))
	}
	b.vq = vq
	return nil
}

// setting says under which circumstances the figures came about.
func (b *bench) setting() string {
	o := b.options
	seeds := fmt.Sprintf("seed %d", b.seed)
	if b.repeat > 1 {
		seeds = fmt.Sprintf("seeds %d to %d", b.seed, b.seed+uint64(b.repeat)-1)
	}
	return fmt.Sprintf("%s, %s tokens, guidance %g, temperature %g, top-k %d, top-p %g, %s, %d threads, %s kernels",
		b.model.Name(), o.Grid, o.Guidance.Scale, o.Sampling.Temperature, o.Sampling.TopK, o.Sampling.TopP, seeds, b.pool.Threads(), tensor.CPU())
}

// runs is how many pictures are drawn with each way to decode.
func (b *bench) runs() int { return len(b.conditions) * b.repeat }

// benchSamples are what was measured with one way to decode.
type benchSamples struct {
	mode   benchMode
	figure map[string][]float64 // by run
	passMS []float64            // of all passes but the prefills
	widest int
	peak   uint64
}

// measure draws every picture in every way. The ways take turns, so that a
// machine that gets slower with time does so for all.
func (b *bench) measure(ctx context.Context) (*benchReport, error) {
	if err := b.warmUp(ctx); err != nil {
		return nil, err
	}
	var all []*benchSamples
	for _, m := range b.modesFor(b.options.Grid) {
		all = append(all, &benchSamples{mode: m, figure: map[string][]float64{}})
	}
	resets := true
	var details []benchDetail
	for i := range b.runs() {
		condition := b.conditions[i/b.repeat]
		seed := b.seed + uint64(i%b.repeat)
		b.options.Noise = []zipar.Noise{{Seed: seed}}
		var ntp *drawn
		for _, s := range all {
			// What the run before left is not this one's.
			debug.FreeOSMemory()
			resets = memory.ResetPeak() && resets
			d, err := b.draw(ctx, condition, s, fmt.Sprintf("window %s, picture %d of %d", s.mode, i+1, b.runs()))
			if err != nil {
				return nil, err
			}
			if ntp == nil {
				ntp = d
			}
			figures := d.figures(ntp, s.mode)
			d.times.note(func(key string, v float64) { figures[key] = v }, b.readRate)
			s.add(figures)
			if b.details != "" {
				details = append(details, newBenchDetail(condition.subject.text, seed, s.mode, d, figures))
			}
		}
	}
	report := &benchReport{tables: measuredTables, notes: b.notes(resets), details: details}
	for _, s := range all {
		report.rows = append(report.rows, s.row(b.options.Grid, b.runs()))
	}
	if b.plot != "" {
		report.picture = plotBench(b.model.Name(), report.rows)
	}
	return report, nil
}

var measuredTables = []benchTable{
	{title: "Speed", keys: []string{"passes", "passes_saved", "columns_mean", "columns_max", "ms_per_pass", "ms_per_pass_p95", "tokens_per_second", "speed_up"}},
	{title: "Where a pass's time goes, ms", keys: []string{
		"ms_per_pass_mean", "ms_per_pass_matmul", "ms_per_pass_attention", "ms_per_pass_elementwise", "ms_per_pass_sampling", "ms_per_pass_other",
		"weights_gb_per_second", "weights_share_of_read",
	}},
	{title: "Seconds a picture, and memory", keys: []string{"text_seconds", "prefill_seconds", "token_seconds", "vq_seconds", "total_seconds", "speed_up_total", "peak_memory_bytes"}},
	{title: "Quality, compared with NTP from the same seed", keys: []string{"token_agreement", "psnr_db", "ssim", "log_likelihood", "log_likelihood_change"}},
}

func (b *bench) notes(resets bool) []string {
	notes := []string{b.setting() + "."}
	if n := b.runs(); n > 1 {
		notes = append(notes, fmt.Sprintf("Means of %d pictures; after ±, the standard deviation of a picture.", n))
	}
	if b.adaptive {
		notes = append(notes, "A window with a + is the smallest of adaptive ones.")
	}
	notes = append(notes, "ms/pass: median of all passes but the prefill; p95: 95th percentile. Tokens: these passes.",
		"Where the time goes: means of these passes. elementwise: norms, sums, SwiGLU; sampling: guidance, and drawing tokens. GB/s: the weights' bytes, read once a pass, over the pass's time.")
	if !resets {
		notes = append(notes, "Peak memory counts from the start of the program: this system does not measure it anew for each window.")
	}
	log := "log p: natural logarithm of a token's probability, given all before it, at temperature 1 without top-k and top-p"
	if b.judge != nil {
		log += ", by " + b.judgeFiles.model
	}
	return append(notes, log+".")
}

// warmUp brings weights and working memory into being: the first passes of a
// picture with the smallest window, and a picture of one token.
func (b *bench) warmUp(ctx context.Context) error {
	b.ui.detail("warm-up")
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	o := b.options
	o.Noise = []zipar.Noise{{Seed: b.seed}}
	o.Window = o.Grid.Cols
	for _, m := range b.modesFor(o.Grid) {
		o.Window = min(o.Window, m.window)
	}
	const passes = 4
	o.Observe = func(p zipar.Progress) {
		if p.Passes >= passes {
			cancel()
		}
	}
	_, err := zipar.Decode(short, b.model.Decoder(b.pool, []*family.Condition{b.conditions[0].Condition}), o)
	if short.Err() != nil {
		err = ctx.Err() // nil if only the warm-up has ended
	}
	if err == nil && b.vq != nil {
		_, err = b.vq.Decode(ctx, b.pool, []int32{0}, 1, 1, nil)
	}
	return err
}

// drawn is a picture and what it took.
type drawn struct {
	zipar.Picture
	pixels *image.NRGBA // nil without a VQ decoder

	text, prefill, tokens, vq float64 // seconds
	times                     passTimes

	likelihoods []float64 // log-likelihood of each token, [tokens]
	score       float64   // the mean of them
	expected    []float64 // what they are on average in next-token decoding, [tokens]; only for details
	trials      []benchTrial
}

// draw draws a picture and looks at it, noting in s what belongs to single
// passes.
func (b *bench) draw(ctx context.Context, c benchCondition, s *benchSamples, name string) (*drawn, error) {
	o := b.options
	o.Window, o.Adaptive = s.mode.window, s.mode.adaptive
	d := &drawn{text: c.seconds}
	decoder := b.model.Decoder(b.pool, []*family.Condition{c.Condition})
	b.ui.stage(name, o.Grid.Tokens())
	decoder.Time(&d.times.model)
	o.Observe = func(p zipar.Progress) {
		b.ui.step(p.Decoded, "")
		d.times.observe(p)
		if p.Passes == 1 {
			d.prefill = p.Elapsed.Seconds()
			return
		}
		d.tokens += p.Elapsed.Seconds()
		s.passMS = append(s.passMS, p.Elapsed.Seconds()*1000)
		s.widest = max(s.widest, p.Columns)
	}
	if b.details != "" {
		o.ObserveTrial = func(t zipar.TrialResult) { d.trials = append(d.trials, newBenchTrial(t)) }
	}
	pictures, err := zipar.Decode(ctx, decoder, o)
	decoder.Time(nil) // what reads the picture again is not part of it
	b.ui.done()
	if err != nil {
		return nil, err
	}
	d.Picture = pictures[0]
	if b.vq != nil {
		start := time.Now()
		im, err := b.vq.Decode(ctx, b.pool, d.Codes, o.Grid.Rows, o.Grid.Cols, b.ui.layers("pixels"))
		b.ui.done()
		if err != nil {
			return nil, err
		}
		d.pixels = imageio.RGB(im.Data, im.H, im.W)
		d.vq = time.Since(start).Seconds()
	}
	if peak, ok := memory.Peak(); ok {
		s.peak = max(s.peak, peak)
	}
	if err := b.readAgain(ctx, decoder, c, d); err != nil {
		return nil, err
	}
	for _, l := range d.likelihoods {
		d.score += l / float64(len(d.likelihoods))
	}
	return d, nil
}

// add notes the figures of a picture.
func (s *benchSamples) add(figures map[string]float64) {
	for key, v := range figures {
		s.figure[key] = append(s.figure[key], v)
	}
}

// figures are what is known of a picture, by the keys of benchColumns. It is
// compared with that of NTP.
func (d *drawn) figures(ntp *drawn, mode benchMode) map[string]float64 {
	figures := map[string]float64{}
	note := func(key string, v float64) { figures[key] = v }
	tokens := float64(d.Grid.Tokens())
	note("passes", float64(d.Passes))
	note("passes_saved", 1-float64(d.Passes)/tokens)
	note("columns_mean", float64(d.Columns)/float64(max(1, d.Passes-1)))
	if mode.adaptive && d.Grid.Rows > 1 {
		var sum float64
		for _, w := range d.Windows[1:] {
			sum += float64(w) / float64(len(d.Windows)-1)
		}
		note("window_mean", sum)
	}
	note("text_seconds", d.text)
	note("prefill_seconds", d.prefill)
	note("token_seconds", d.tokens)
	total := d.text + d.prefill + d.tokens + d.vq
	note("total_seconds", total)
	note("speed_up_total", (ntp.text+ntp.prefill+ntp.tokens+ntp.vq)/total)
	if d.tokens > 0 {
		// A grid of one token has no pass after the prefill.
		note("tokens_per_second", (tokens-1)/d.tokens)
		note("speed_up", ntp.tokens/d.tokens)
	}
	same := 0.0
	for i, code := range d.Codes {
		if code == ntp.Codes[i] {
			same++
		}
	}
	note("token_agreement", same/tokens)
	if d.pixels != nil {
		note("vq_seconds", d.vq)
		note("mse", quality.MSE(d.pixels, ntp.pixels))
		if v, ok := quality.SSIM(d.pixels, ntp.pixels); ok {
			note("ssim", v)
		}
	}
	note("log_likelihood", d.score)
	note("log_likelihood_ntp", ntp.score)
	note("log_likelihood_change", d.score-ntp.score)
	return figures
}

// row sums up the runs.
func (s *benchSamples) row(g zipar.Geometry, runs int) benchRow {
	row := benchRow{benchMode: s.mode, stats: map[string]stat{}}
	for key, values := range s.figure {
		row.stats[key] = statOf(values)
	}
	row.set("tokens", float64(g.Tokens()))
	row.set("runs", float64(runs))
	row.set("columns_max", float64(s.widest))
	if mse, ok := row.stats["mse"]; ok {
		// The mean of decibels would be infinite if one picture is that of NTP.
		row.set("psnr_db", quality.PSNR(mse.mean))
	}
	if s.peak > 0 {
		row.set("peak_memory_bytes", float64(s.peak))
	}
	if len(s.passMS) > 0 {
		slices.Sort(s.passMS)
		row.set("ms_per_pass", quantile(s.passMS, 0.5))
		row.set("ms_per_pass_p95", quantile(s.passMS, 0.95))
	}
	return row
}

// quantile is the smallest of the sorted values that at least a share q of
// them does not exceed.
func quantile(sorted []float64, q float64) float64 {
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

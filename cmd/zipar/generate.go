package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/zipar/zipar/internal/family"
	"github.com/zipar/zipar/internal/imageio"
	"github.com/zipar/zipar/internal/memory"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/vqgan"
	"github.com/zipar/zipar/internal/zipar"
)

// generateRequest is what the flags of generate ask for.
type generateRequest struct {
	ui        ui
	files     modelFiles
	condition conditionFlags
	sampling  samplingFlags
	window    int
	adaptive  bool
	initCodes string
	keepRows  int
	out       string
	codes     string
	batchFlags

	from        string              // a picture to repeat
	original    *imageio.Parameters // how it was made
	sameCaption bool                // this run shows the same caption
	noMetadata  bool
	record      *record // nil without metadata

	view  viewFlags
	views *views
}

func newGenerateCommand() *cobra.Command {
	var r generateRequest
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Draw a picture",
		Long: `Draw a picture of a prompt or, with a class model, of a class.` + ifBuiltIn(` Without -m and
$ZIPAR_MODEL the built-in model draws, which knows emoji.`, "") + `

With --window N several rows are decoded at once: a row starts when the row
above it is N tokens ahead. Small windows take fewer passes through the model;
0 is next-token decoding, one token a pass. With --adaptive N is the smallest
window: the first token of a row is tested once more is known of the row above,
and the window grows while the test fails.

With --init-codes and --keep-rows the first rows of a picture, as encode or
--codes wrote them, are kept and the rest is decoded.

The way of the decoding can be seen: --show draws the picture in the terminal
while it fills in, --preview into a file, --animate into a GIF for afterwards.
--step-map is a map of which pass decoded which token.

A picture's file says how it was made, in the form that viewers and hubs read
("parameters"); zipar inspect prints it. --from repeats the picture, bit for bit
with the same version, model and CPU level; other flags override what it says.

Ctrl-C (or SIGTERM) ends within one pass, keeps finished pictures and writes the
complete rows of others to NAME.partial.png; a second one ends at once.

--prompt-file draws a prompt a line, with one load of the model. The number of a
picture replaces %d or %03d in the names of its files. Picture i of the run has
the seed after that of picture i-1. --resume skips the pictures that are there
and were made with the same prompt, seed and settings.`,
		Example: ifBuiltIn(`  zipar generate --prompt "a red apple" --out apple.png
`, "") + `  zipar generate -m t2i-XL-512.gguf --prompt "a red apple on a table" --window 16 --out table.png
  zipar generate -m c2i-B-256.gguf --class "golden retriever" --out dog.png
  zipar generate -m c2i-B-256.gguf --class 207 --window 4 --seed 1 -b 4 --out dogs.png
  zipar generate -m t2i-XL-512.gguf --caption-embedding caption.npy --window 4 --adaptive
  zipar generate -m c2i-B-256.gguf --class 207 --init-codes dog.json --keep-rows 8 --out other.png
  zipar generate -m c2i-B-256.gguf --class 207 --window 4 --show --animate dog.gif --step-map map.png
  zipar generate -m c2i-B-256.gguf --from dog.png --window 2 --out again.png
  zipar generate -m t2i-XL-512.gguf --prompt-file prompts.txt --out "p%03d.png" --contact-sheet all.png`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return r.run(cmd.Context(), cmd.Flags()) },
	}
	f := cmd.Flags()
	r.files.addFlags(f)
	r.files.addCacheFlag(f)
	r.condition.addFlags(f)
	f.StringVarP(&r.out, "out", "o", "output.png", "write the picture to this PNG `FILE`; - is standard output (also --output)")
	f.IntVar(&r.window, "window", 0, "tokens that a row is ahead of the next; 0 is next-token decoding (default: the model's)")
	f.BoolVar(&r.adaptive, "adaptive", false, "let windows grow where the row above matters more than --window says")
	r.sampling.addFlags(f)
	f.StringVar(&r.initCodes, "init-codes", "", "start from the image tokens in this JSON `FILE`; needs --keep-rows")
	f.IntVar(&r.keepRows, "keep-rows", 0, "keep the first `K` rows of --init-codes and decode the rest")
	r.batchFlags.addFlags(f)
	f.StringVar(&r.codes, "codes", "", "also write the image tokens to this JSON `FILE`")
	f.StringVar(&r.from, "from", "", "repeat the picture in this PNG `FILE`: take from its metadata what no flag says")
	f.BoolVar(&r.noMetadata, "disable-image-metadata", false, "do not write into pictures how they were made")
	r.view.addFlags(f)
	r.ui.addFlags(f)
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "output" {
			name = "out"
		}
		return pflag.NormalizedName(name)
	})
	return cmd
}

func (r *generateRequest) run(ctx context.Context, flags *pflag.FlagSet) error {
	if err := r.checkFlags(flags); err != nil {
		return err
	}
	defer r.files.close()
	defer r.ui.done()
	start := time.Now()
	d := &drawing{}
	defer d.close()
	err := r.load(ctx, flags, d)
	if err != nil {
		return err
	}
	r.ui.detail("loaded in %s", since(start))
	if r.views, err = r.view.start(ctx, &r.ui, d.pool, d.vq, r.batch, r.out, r.codes); err != nil {
		return err
	}
	if !r.noMetadata || r.from != "" {
		if r.record, err = r.newRecord(ctx, d.options, r.files.weights()); err != nil {
			return err
		}
	}
	r.warnIfOther()
	if err := r.findDone(ctx, d.model, d.pool); err != nil {
		return err
	}
	if err := r.drawAll(ctx, d); err != nil {
		return err
	}
	if err := r.writeSheet(); err != nil {
		return err
	}
	r.ui.detail("%s in all", since(start))
	return r.views.failed()
}

// checkFlags takes what --from says and looks at what can be known before a
// model is read.
func (r *generateRequest) checkFlags(flags *pflag.FlagSet) error {
	if r.from != "" {
		if err := r.repeat(flags); err != nil {
			return err
		}
	}
	if flags.Changed("prompt") && r.condition.prompt == "" {
		return usagef("--prompt: %w", family.ErrNoText)
	}
	if err := r.check(); err != nil {
		return err
	}
	return r.view.check(flags, r.batch)
}

// drawing is what all pictures of a run are drawn with.
type drawing struct {
	model   family.Model
	vq      *vqgan.Decoder
	pool    *tensor.Pool
	options zipar.Options // but for the noise and who observes
}

func (d *drawing) close() {
	if d.pool != nil {
		d.pool.Close()
	}
}

// load reads the models and settles what is drawn, and how.
func (r *generateRequest) load(ctx context.Context, flags *pflag.FlagSet, d *drawing) (err error) {
	if d.model, err = r.files.family(); err != nil {
		return err
	}
	if d.vq, err = r.files.decoder(); err != nil {
		return err
	}
	if d.model.Vocab() > d.vq.Codes() {
		return badModel(fmt.Errorf("%s writes %d codes, the VQ decoder knows %d: they do not belong together", d.model.Name(), d.model.Vocab(), d.vq.Codes()))
	}
	o := &d.options
	if o.Guidance, o.Sampling, err = r.sampling.apply(flags, d.model.Defaults()); err != nil {
		return err
	}
	if r.subjects, err = r.condition.subjects(d.model, r.lines); err != nil {
		return err
	}
	if r.seed, err = r.firstSeed(); err != nil {
		return err
	}
	if d.pool, err = r.files.pool(); err != nil {
		return err
	}
	r.files.pixelsMeanwhile = r.view.preview == previewVAE
	if err := r.files.prepare(ctx, &r.ui, d.model, d.vq, o.Guidance.Guides(0), d.pool); err != nil {
		return err
	}
	if err := r.condition.checkPrompts(&r.files, d.model, r.subjects); err != nil {
		return err
	}
	window := r.window
	if !flags.Changed("window") {
		window = d.model.Defaults().Window
	}
	o.Grid, o.Adaptive = d.model.Grid(), r.adaptive
	o.Window = o.Grid.Window(window)
	if o.Keep, err = r.keep(o.Grid, d.model.Vocab()); err != nil {
		return err
	}
	r.ui.detail("%s: %d x %d tokens, window %d, guidance %g, temperature %g, top-k %d, top-p %g, %d threads, %s kernels",
		d.model.Name(), o.Grid.Rows, o.Grid.Cols, o.Window, o.Guidance.Scale, o.Sampling.Temperature, o.Sampling.TopK, o.Sampling.TopP, d.pool.Threads(), tensor.CPU())
	return nil
}

// drawAll draws the pictures of the run that are not there yet, as many
// together as fit.
func (r *generateRequest) drawAll(ctx context.Context, d *drawing) error {
	o := d.options
	together := r.together(d.model.PictureBytes(o.Guidance.Guides(0)))
	first, n := 0, 0
	for {
		var err error
		if first, n, err = r.next(first+n, together); err != nil || n == 0 {
			return err
		}
		if err := r.conditions(ctx, d.model, d.pool, first, n); err != nil {
			return r.salvage(ctx, err, d.pool, d.vq, nil, first, r.seed)
		}
		o.Noise = o.Noise[:0]
		var conditions []*family.Condition
		for i := first; i < first+n; i++ {
			o.Noise = append(o.Noise, zipar.Noise{Seed: r.seed + uint64(i)})
			conditions = append(conditions, r.subject(i).condition)
		}
		r.views.begin(first, r.keepRows)
		pictures, err := r.decode(ctx, d.pool, d.model, conditions, o)
		for i := 0; err == nil && len(pictures) > 0; i++ {
			if err = r.finish(ctx, d.pool, d.vq, pictures[0], first+i, o.Noise[i].Seed); err == nil {
				pictures = pictures[1:]
			}
		}
		if err != nil {
			return r.salvage(ctx, err, d.pool, d.vq, pictures, first+len(o.Noise)-len(pictures), r.seed)
		}
	}
}

// together returns how many pictures of this size are decoded in one go: as
// many as half of the free memory holds. The other half is for the pixels and
// for the weights, which the system drops and reads again when it runs short.
func (r *generateRequest) together(bytes int64) int {
	n := 1
	if free, ok := memory.Available(); ok {
		n = int(min(uint64(r.batch), free/2/uint64(bytes)))
	}
	n = max(1, n)
	if r.batch > 1 {
		r.ui.remark("%d pictures, %d at a time: each takes %d MiB while it is decoded", r.batch, n, bytes>>20)
	}
	return n
}

// check looks at what can be known before a model is read.
func (r *generateRequest) check() error {
	if err := r.checkBatch(); err != nil {
		return err
	}
	switch {
	case r.window < 0:
		return usagef("--window %d: want 0 (next-token decoding) or more", r.window)
	case (r.initCodes == "") != (r.keepRows == 0) || r.keepRows < 0:
		return usagef("--init-codes and --keep-rows (1 or more) go together")
	case r.out == stdoutName && r.batch > 1:
		return usagef("--out -: one picture at most goes to standard output, not %d", r.batch)
	case r.codes == stdoutName && (r.out == stdoutName || r.batch > 1):
		return usagef("--codes -: nothing else can go to standard output")
	case r.out == "" || (r.out == r.codes && r.codes != ""):
		return usagef("--out %q: want the name of a PNG file, not that of the codes", r.out)
	}
	if err := r.condition.check(); err != nil {
		return err
	}
	return r.checkNames()
}

// keep returns the codes that are kept, the first rows of --init-codes.
func (r *generateRequest) keep(g zipar.Geometry, vocab int) ([]int32, error) {
	if r.initCodes == "" {
		return nil, nil
	}
	c, err := readCodes(r.initCodes, func(rows, cols int) error {
		if cols != g.Cols || r.keepRows > rows || r.keepRows >= g.Rows {
			return usagef("--keep-rows %d of %s, which has %d rows of %d tokens: this model draws %d rows of %d, of which at most %d can be kept",
				r.keepRows, r.initCodes, rows, cols, g.Rows, g.Cols, g.Rows-1)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	codes := c.Flat()[:r.keepRows*g.Cols]
	for i, code := range codes {
		if int(code) >= vocab {
			return nil, fmt.Errorf("%s: code %d at row %d, column %d: this model has the codes 0 to %d", r.initCodes, code, i/g.Cols, i%g.Cols, vocab-1)
		}
	}
	return codes, nil
}

// decode returns the codes of a group of pictures, or what is known of them
// along with an error.
func (r *generateRequest) decode(ctx context.Context, pool *tensor.Pool, model family.Model, conditions []*family.Condition, o zipar.Options) ([]zipar.Picture, error) {
	start := time.Now()
	r.ui.stage("prefill", o.Grid.Tokens())
	widest := 0
	o.Observe = func(p zipar.Progress) {
		widest = max(widest, p.Columns)
		r.ui.step(p.Decoded, fmt.Sprintf("row %d of %d", min(p.Rows+1, o.Grid.Rows), o.Grid.Rows))
		r.views.observe(ctx, p)
	}
	o.Threads = pool
	pictures, err := zipar.Decode(ctx, model.Decoder(pool, conditions), o)
	r.ui.done()
	if err != nil {
		return pictures, r.files.damaged(err)
	}
	// The keys and values are garbage now. Without this the pixels' memory
	// would come on top of them.
	runtime.GC()
	n := len(pictures)
	elapsed := time.Since(start) - r.views.spent
	r.ui.detail("%d tokens in %d passes of at most %d columns, %s, %.1f ms a pass", n*o.Grid.Tokens(), pictures[0].Passes,
		widest, took(elapsed), elapsed.Seconds()*1000/float64(pictures[0].Passes))
	r.views.report()
	return pictures, nil
}

// finish turns a picture's codes into pixels and writes its files. number
// counts the pictures from 0.
func (r *generateRequest) finish(ctx context.Context, pool *tensor.Pool, vq *vqgan.Decoder, p zipar.Picture, number int, seed uint64) error {
	start := time.Now()
	im, err := vq.Decode(ctx, pool, p.Codes, p.Grid.Rows, p.Grid.Cols, r.ui.layers("pixels"))
	r.ui.done()
	if err != nil {
		return err
	}
	r.ui.detail("pixels in %s", since(start))
	if err := r.files.unchanged(&r.ui); err != nil {
		return err
	}
	if r.codes != "" {
		path := numbered(r.codes, number, r.batch)
		if err := writeFile(path, imageio.NewCodes(p.Codes, p.Grid.Rows, p.Grid.Cols, p.Passes).Write); err != nil {
			return err
		}
	}
	path := numbered(r.out, number, r.batch)
	picture := imageio.RGB(im.Data, im.H, im.W)
	if err := writePicture(path, picture, r.texts(number, p, im.W, im.H)...); err != nil {
		return err
	}
	r.addSheet(number, picture)
	r.dropPartial(number)
	if path != stdoutName {
		r.ui.remark("%s: %d x %d pixels, %d passes, seed %d", path, im.W, im.H, p.Passes, seed)
	}
	return r.views.finish(ctx, p, number, picture)
}

// since is the time passed, to three figures.
func since(start time.Time) string { return took(time.Since(start)) }

// took is a time to three figures.
func took(d time.Duration) string {
	unit := time.Millisecond
	if d > 10*time.Second {
		unit = 100 * time.Millisecond
	}
	return d.Round(unit).String()
}

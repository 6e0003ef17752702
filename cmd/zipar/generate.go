package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/zipar/zipar/internal/family"
	"github.com/zipar/zipar/internal/imageio"
	"github.com/zipar/zipar/internal/imagenet"
	"github.com/zipar/zipar/internal/npy"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/vqgan"
	"github.com/zipar/zipar/internal/zipar"
)

// groupBytes bounds the keys and values of the pictures that are decoded
// together. A picture that needs more is decoded alone.
const groupBytes = 1 << 30

// generateRequest is what the flags of generate ask for.
type generateRequest struct {
	ui        ui
	files     modelFiles
	condition conditionFlags
	sampling  samplingFlags
	window    int
	out       string
	codes     string
	batch     int
}

func newGenerateCommand() *cobra.Command {
	var r generateRequest
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Draw a picture",
		Long: `Draw a picture of a class or a caption.

With --window N several rows are decoded at once: a row starts when the row
above it is N tokens ahead. Small windows take fewer passes through the model;
0 is next-token decoding, one token a pass.`,
		Example: `  zipar generate -m c2i-B-256.gguf --class "golden retriever" --out dog.png
  zipar generate -m c2i-B-256.gguf --class 207 --window 4 --seed 1 -b 4 --out dogs.png
  zipar generate -m t2i-XL-512.gguf --caption-embedding caption.npy --window 16`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return r.run(cmd.Context(), cmd.Flags()) },
	}
	f := cmd.Flags()
	r.files.addFlags(f)
	r.condition.addFlags(f)
	f.StringVarP(&r.out, "out", "o", "output.png", "write the picture to this PNG `FILE`; - is standard output (also --output)")
	f.IntVar(&r.window, "window", 0, "tokens that a row is ahead of the next; 0 is next-token decoding (default: the model's)")
	r.sampling.addFlags(f)
	f.IntVarP(&r.batch, "batch-count", "b", 1, "pictures to draw; their files get -1, -2, ... before the extension")
	f.StringVar(&r.codes, "codes", "", "also write the image tokens to this JSON `FILE`")
	r.ui.addFlags(f)
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "output" {
			name = "out"
		}
		return pflag.NormalizedName(name)
	})
	return cmd
}

// conditionFlags say what is drawn.
type conditionFlags struct {
	class, caption string
}

func (c *conditionFlags) addFlags(f *pflag.FlagSet) {
	f.StringVar(&c.class, "class", "", "draw this class, a number or a `NAME` such as \"golden retriever\"")
	f.StringVar(&c.caption, "caption-embedding", "", "draw the caption whose T5 features are in this .npy `FILE`, [n, width] or [1, n, width]")
}

// resolve returns the condition that the flags name.
func (c *conditionFlags) resolve(m family.Model, p *tensor.Pool) (*family.Condition, error) {
	positions, width := m.CaptionShape()
	switch {
	case c.class != "" && c.caption != "":
		return nil, usagef("--class and --caption-embedding exclude each other")
	case c.class == "" && c.caption == "" && m.Classes() > 0:
		return nil, usagef("nothing to draw: %s is a class model: give --class NUMBER or NAME", m.Name())
	case c.class == "" && c.caption == "":
		return nil, usagef("nothing to draw: %s is a caption model: give --caption-embedding FILE", m.Name())
	case c.class != "" && m.Classes() == 0:
		return nil, usagef("--class %s: %s is a caption model, it has no classes: give --caption-embedding", c.class, m.Name())
	case c.caption != "" && positions == 0:
		return nil, usagef("--caption-embedding %s: %s is a class model, it takes no captions: give --class", c.caption, m.Name())
	case c.class != "":
		n, err := classNumber(m, c.class)
		if err != nil {
			return nil, usageError{err}
		}
		return m.Class(p, n)
	}
	features, n, err := readFeatures(c.caption, positions, width)
	if err != nil {
		return nil, err
	}
	return m.Caption(p, features, n)
}

// classNumber finds a class by number or name.
func classNumber(m family.Model, class string) (int, error) {
	if n, err := strconv.Atoi(strings.TrimSpace(class)); err == nil {
		if n < 0 || n >= m.Classes() {
			return 0, fmt.Errorf("--class %d: this model has the classes 0 to %d", n, m.Classes()-1)
		}
		return n, nil
	}
	names := m.ClassNames()
	if names == nil {
		if names = imagenet.Names(); len(names) != m.Classes() {
			return 0, fmt.Errorf("--class %q: the %d classes of this model have no names: give a number", class, m.Classes())
		}
	}
	n, err := imagenet.Lookup(class, names)
	if err != nil {
		return 0, fmt.Errorf("--class: %w", err)
	}
	return n, nil
}

// readFeatures reads T5 features as LlamaGen's extract_t5_feature.py saves
// them: [n, width] or [1, n, width].
func readFeatures(path string, positions, width int) (features []float32, n int, err error) {
	a, err := npy.Open(path)
	if err != nil {
		return nil, 0, err
	}
	shape := a.Shape
	if len(shape) == 3 && shape[0] == 1 {
		shape = shape[1:]
	}
	if a.IsInt() || len(shape) != 2 || shape[1] != width || shape[0] < 1 || shape[0] > positions {
		return nil, 0, fmt.Errorf("%s: holds an array of shape %v: want float features [n, %d] or [1, n, %d] with n from 1 to %d",
			path, a.Shape, width, width, positions)
	}
	for i, v := range a.Float32() {
		if v-v != 0 {
			return nil, 0, fmt.Errorf("%s: value %d of position %d is %v: want finite numbers", path, i%width, i/width, v)
		}
	}
	return a.Float32(), shape[0], nil
}

// samplingFlags override the model's settings.
type samplingFlags struct {
	scale, temperature, topP float32
	interval, topK           int
	seed                     int64
}

func (s *samplingFlags) addFlags(f *pflag.FlagSet) {
	f.Float32Var(&s.scale, "cfg-scale", 0, "guidance scale; up to 1 is no guidance (default: the model's)")
	f.IntVar(&s.interval, "cfg-interval", -1, "guide the tokens up to this number only; -1 guides all (default: the model's)")
	f.Float32Var(&s.temperature, "temp", 1, "sampling temperature; 0 takes the likeliest token (default: the model's)")
	f.IntVar(&s.topK, "top-k", 0, "draw from the K likeliest tokens; 0 is off (default: the model's)")
	f.Float32Var(&s.topP, "top-p", 1, "draw from the likeliest tokens that hold this share; 1 is off (default: the model's)")
	f.Int64VarP(&s.seed, "seed", "s", -1, "seed of the random numbers; picture i of a batch uses seed + i; -1 draws one")
}

// apply returns the model's settings with the flags that were given.
func (s *samplingFlags) apply(f *pflag.FlagSet, d family.Defaults) (zipar.Guidance, zipar.Sampling, error) {
	g, o := d.Guidance, d.Sampling
	if f.Changed("cfg-scale") {
		g.Scale = s.scale
	}
	if f.Changed("cfg-interval") {
		g.Interval = s.interval
	}
	if f.Changed("temp") {
		o.Temperature = s.temperature
	}
	if f.Changed("top-k") {
		o.TopK = s.topK
	}
	if f.Changed("top-p") {
		o.TopP = s.topP
	}
	if err := errors.Join(g.Check(), o.Check()); err != nil {
		return g, o, usageError{err}
	}
	return g, o, nil
}

// firstSeed returns the seed that was given, or draws one.
func (s *samplingFlags) firstSeed() (uint64, error) {
	if s.seed < -1 {
		return 0, usagef("--seed %d: want 0 or more, or -1 to draw one", s.seed)
	}
	if s.seed >= 0 {
		return uint64(s.seed), nil
	}
	var b [4]byte
	if _, err := rand.Read(b[:]); err != nil {
		return 0, fmt.Errorf("draw a seed: %w", err)
	}
	return uint64(binary.LittleEndian.Uint32(b[:])), nil
}

func (r *generateRequest) run(ctx context.Context, flags *pflag.FlagSet) error {
	if err := r.check(); err != nil {
		return err
	}
	defer r.files.close()
	defer r.ui.done()
	start := time.Now()
	model, err := r.files.family()
	if err != nil {
		return err
	}
	vq, err := r.files.decoder()
	if err != nil {
		return err
	}
	if model.Vocab() > vq.Codes() {
		return badModel(fmt.Errorf("%s writes %d codes, the VQ decoder knows %d: they do not belong together", model.Name(), model.Vocab(), vq.Codes()))
	}
	guidance, sampling, err := r.sampling.apply(flags, model.Defaults())
	if err != nil {
		return err
	}
	seed, err := r.sampling.firstSeed()
	if err != nil {
		return err
	}
	pool, err := r.files.pool()
	if err != nil {
		return err
	}
	defer pool.Close()
	condition, err := r.condition.resolve(model, pool)
	if err != nil {
		return err
	}
	window := r.window
	if !flags.Changed("window") {
		window = model.Defaults().Window
	}
	o := zipar.Options{Grid: model.Grid(), Window: model.Grid().Window(window), Guidance: guidance, Sampling: sampling}
	r.ui.detail("%s: %d x %d tokens, window %d, guidance %g, temperature %g, top-k %d, top-p %g, %d threads, %s kernels",
		model.Name(), o.Grid.Rows, o.Grid.Cols, o.Window, guidance.Scale, sampling.Temperature, sampling.TopK, sampling.TopP, pool.Threads(), tensor.CPU())
	r.ui.detail("loaded in %s", since(start))

	perPicture := model.PictureBytes(guidance.Guides(0))
	together := int(max(1, min(int64(r.batch), groupBytes/perPicture)))
	for first := 0; first < r.batch; first += together {
		o.Noise = o.Noise[:0]
		for i := first; i < min(first+together, r.batch); i++ {
			o.Noise = append(o.Noise, zipar.Noise{Seed: seed + uint64(i)})
		}
		pictures, err := r.decode(ctx, pool, model, condition, o)
		if err != nil {
			return err
		}
		for i, picture := range pictures {
			if err := r.finish(ctx, pool, vq, picture, first+i, o.Noise[i].Seed); err != nil {
				return err
			}
		}
	}
	r.ui.detail("%s in all", since(start))
	return nil
}

// check looks at what can be known before a model is read.
func (r *generateRequest) check() error {
	switch {
	case r.batch < 1 || r.batch > 1<<20:
		return usagef("--batch-count %d: want 1 to %d", r.batch, 1<<20)
	case r.window < 0:
		return usagef("--window %d: want 0 (next-token decoding) or more", r.window)
	case r.out == stdoutName && r.batch > 1:
		return usagef("--out -: one picture at most goes to standard output, not %d", r.batch)
	case r.codes == stdoutName && (r.out == stdoutName || r.batch > 1):
		return usagef("--codes -: nothing else can go to standard output")
	case r.out == "" || (r.out == r.codes && r.codes != ""):
		return usagef("--out %q: want the name of a PNG file, not that of the codes", r.out)
	}
	if err := checkOutput("--out", r.out); err != nil {
		return err
	}
	if r.codes == "" {
		return nil
	}
	return checkOutput("--codes", r.codes)
}

// decode returns the codes of a group of pictures.
func (r *generateRequest) decode(ctx context.Context, pool *tensor.Pool, model family.Model, c *family.Condition, o zipar.Options) ([]zipar.Picture, error) {
	conditions := make([]*family.Condition, len(o.Noise))
	for i := range conditions {
		conditions[i] = c
	}
	start := time.Now()
	r.ui.stage("prefill", o.Grid.Tokens())
	widest := 0
	o.Observe = func(p zipar.Progress) {
		widest = max(widest, p.Columns)
		r.ui.step(p.Decoded, fmt.Sprintf("row %d of %d", min(p.Rows+1, o.Grid.Rows), o.Grid.Rows))
	}
	pictures, err := zipar.Decode(ctx, model.Decoder(pool, conditions), o)
	r.ui.done()
	if err != nil {
		return nil, err
	}
	// The keys and values are garbage now. Without this the pixels' memory
	// would come on top of them.
	runtime.GC()
	n := len(pictures)
	elapsed := time.Since(start)
	r.ui.detail("%d tokens in %d passes of at most %d columns, %s, %.1f ms a pass", n*o.Grid.Tokens(), pictures[0].Passes,
		widest, since(start), elapsed.Seconds()*1000/float64(pictures[0].Passes))
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
	if r.codes != "" {
		path := numbered(r.codes, number, r.batch)
		if err := writeFile(path, imageio.NewCodes(p.Codes, p.Grid.Rows, p.Grid.Cols, p.Passes).Write); err != nil {
			return err
		}
	}
	path := numbered(r.out, number, r.batch)
	if err := writePicture(path, imageio.RGB(im.Pixels(), im.H, im.W)); err != nil {
		return err
	}
	if path != stdoutName {
		r.ui.remark("%s: %d x %d pixels, %d passes, seed %d", path, im.W, im.H, p.Passes, seed)
	}
	return nil
}

// since is the time passed, to three figures.
func since(start time.Time) string {
	d := time.Since(start)
	unit := time.Millisecond
	if d > 10*time.Second {
		unit = 100 * time.Millisecond
	}
	return d.Round(unit).String()
}

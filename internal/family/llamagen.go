package family

import (
	"context"
	"errors"
	"fmt"

	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/llama"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/weights"
	"github.com/zipar/zipar/internal/zipar"
)

// llamaGen is LlamaGen (Sun et al., arXiv 2406.06525): a Llama that writes the
// codes of a VQ image tokenizer row by row. Its sequence is
//
//	class model:   the class embedding                           T = 1 position
//	caption model: fc2(gelu(fc1(features))), padded on the left  T = 120 positions
//
// followed by the image tokens in raster order. Of a caption's T positions
// only the real ones are computed: padding is masked for every query.
type llamaGen struct {
	name     string
	grid     zipar.Geometry
	llama    *llama.Model
	prefix   int // T
	defaults Defaults
	classes  *classTable
	caption  *captionProjection
	file     *gguf.File

	halfCache bool // keys and values are half floats
}

// classTable holds the embeddings of the classes; the row after the last
// class is the unconditional one.
type classTable struct {
	count int
	names []string
	embd  tensor.Matrix // [count+1, dim]
}

// captionProjection is the MLP over a caption's features.
type captionProjection struct {
	width    int           // of the features
	fc1, fc2 tensor.Matrix // [dim, width], [dim, dim]
	uncond   []float32     // [T, width], the features of no caption
}

const maxPrefix = 1 << 16

func openLlamaGen(f *gguf.File) (Model, error) {
	const arch = "llamagen"
	config, err := llama.ReadConfig(f, arch)
	if err != nil {
		return nil, err
	}
	if config.HeadDim%4 != 0 {
		return nil, fmt.Errorf("%s: head size %d: two-dimensional rotary positions need a multiple of 4", f.Path, config.HeadDim)
	}
	m := &llamaGen{file: f}
	if m.name, err = f.Str("general.name"); errors.Is(err, gguf.ErrNoKey) {
		m.name, err = "LlamaGen", nil
	}
	if err != nil {
		return nil, err
	}
	if err := m.readGeometry(f, arch); err != nil {
		return nil, err
	}
	base, err := f.Float(arch + ".rope.freq_base")
	if err != nil {
		return nil, err
	}
	if !(base > 1) {
		return nil, fmt.Errorf("%s: %s.rope.freq_base is %v: want a number above 1", f.Path, arch, base)
	}
	kind, err := m.readCondition(f, arch, config.Dim)
	if err != nil {
		return nil, err
	}
	if m.defaults, err = readDefaults(f, arch, kind, m.grid); err != nil {
		return nil, err
	}
	w, err := llama.ReadWeights(f, config)
	if err != nil {
		return nil, err
	}
	m.llama = &llama.Model{
		Config: config, Weights: w,
		Rotary: llama.NewRotary2D(m.prefix, m.grid.Rows, m.grid.Cols, config.HeadDim, base),
	}
	m.halfCache = !w.Exact()
	return m, nil
}

func (m *llamaGen) Prepare(ctx context.Context, p *tensor.Pool) error {
	return m.llama.Pack(ctx, p, m.file.Forget)
}

func (m *llamaGen) PrepareBytes() int64 { return m.llama.PackBytes() }

func (m *llamaGen) UseCache(cache CacheType) {
	switch cache {
	case CacheF32:
		m.halfCache = false
	case CacheF16:
		m.halfCache = true
	}
}

func (m *llamaGen) readGeometry(f *gguf.File, arch string) error {
	rows, err := f.Uint(arch + ".image.rows")
	if err != nil {
		return err
	}
	cols, err := f.Uint(arch + ".image.columns")
	if err != nil {
		return err
	}
	prefix, err := f.Uint(arch + ".condition.token_count")
	if err != nil {
		return err
	}
	if prefix < 1 || prefix > maxPrefix {
		return fmt.Errorf("%s: %s.condition.token_count is %d: want 1 to %d", f.Path, arch, prefix, maxPrefix)
	}
	m.grid = zipar.Geometry{Rows: int(min(rows, 1<<30)), Cols: int(min(cols, 1<<30))}
	m.prefix = int(prefix)
	if err := m.grid.Check(); err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	return nil
}

// readCondition reads the part that differs between class and caption models.
func (m *llamaGen) readCondition(f *gguf.File, arch string, dim int) (kind string, err error) {
	if kind, err = f.Str(arch + ".condition.kind"); err != nil {
		return "", err
	}
	r := weights.Reader{File: f}
	switch kind {
	case "class":
		count, err := f.Uint(arch + ".condition.class_count")
		if err != nil {
			return "", err
		}
		if count < 1 || count > 1<<24 {
			return "", fmt.Errorf("%s: %s.condition.class_count is %d: want 1 to %d", f.Path, arch, count, 1<<24)
		}
		if m.prefix != 1 {
			return "", fmt.Errorf("%s: a class model with %d condition tokens: want 1", f.Path, m.prefix)
		}
		names, err := f.Strings(arch + ".condition.class_names")
		if err != nil && !errors.Is(err, gguf.ErrNoKey) {
			return "", err
		}
		if names != nil && len(names) != int(count) {
			return "", fmt.Errorf("%s: %d class names for %d classes", f.Path, len(names), count)
		}
		m.classes = &classTable{count: int(count), names: names, embd: r.Matrix("cond.class_embd.weight", int(count)+1, dim)}
	case "caption":
		width, err := f.Uint(arch + ".condition.embedding_length")
		if err != nil {
			return "", err
		}
		if width < 1 || width > 1<<24 {
			return "", fmt.Errorf("%s: %s.condition.embedding_length is %d: want 1 to %d", f.Path, arch, width, 1<<24)
		}
		m.caption = &captionProjection{
			width:  int(width),
			fc1:    r.Matrix("cond.cap_fc1.weight", dim, int(width)),
			fc2:    r.Matrix("cond.cap_fc2.weight", dim, dim),
			uncond: r.Floats("cond.uncond_embd.weight", m.prefix, int(width)),
		}
	default:
		return "", fmt.Errorf("%s: %s.condition.kind is %q: want class or caption", f.Path, arch, kind)
	}
	return kind, r.Err
}

// readDefaults reads {arch}.sampling.*. What a file leaves out is as in
// LlamaGen's sample_c2i.py and sample_t2i.py.
func readDefaults(f *gguf.File, arch, kind string, grid zipar.Geometry) (Defaults, error) {
	scale, interval, temperature, topK, topP, window := 4.0, -1.0, 1.0, 2000.0, 1.0, 0.0
	if kind == "caption" {
		scale, topK = 7.5, 1000
	}
	for _, k := range []struct {
		key string
		dst *float64
	}{
		{"cfg_scale", &scale}, {"cfg_interval", &interval}, {"temperature", &temperature},
		{"top_k", &topK}, {"top_p", &topP}, {"window", &window},
	} {
		v, err := f.Float(arch + ".sampling." + k.key)
		if errors.Is(err, gguf.ErrNoKey) {
			continue
		}
		if err != nil {
			return Defaults{}, err
		}
		*k.dst = v
	}
	clamp := func(v float64) int { return int(max(-1, min(v, 1<<30))) }
	d := Defaults{
		Guidance: zipar.Guidance{Scale: float32(scale), Interval: clamp(interval)},
		Sampling: zipar.Sampling{Temperature: float32(temperature), TopK: clamp(topK), TopP: float32(topP)},
		Window:   clamp(window),
	}
	err := errors.Join(d.Guidance.Check(), d.Sampling.Check())
	if err == nil && d.Window < 0 {
		err = fmt.Errorf("window %v", window)
	}
	if err != nil {
		return d, fmt.Errorf("%s: default settings (%s.sampling.*): %w", f.Path, arch, err)
	}
	return d, nil
}

func (m *llamaGen) Name() string         { return m.name }
func (m *llamaGen) Grid() zipar.Geometry { return m.grid }
func (m *llamaGen) Vocab() int           { return m.llama.Vocab }
func (m *llamaGen) Defaults() Defaults   { return m.defaults }

func (m *llamaGen) Classes() int {
	if m.classes == nil {
		return 0
	}
	return m.classes.count
}

func (m *llamaGen) ClassNames() []string {
	if m.classes == nil {
		return nil
	}
	return m.classes.names
}

func (m *llamaGen) CaptionShape() (positions, width int) {
	if m.caption == nil {
		return 0, 0
	}
	return m.prefix, m.caption.width
}

func (m *llamaGen) PictureBytes(guided bool) int64 {
	bytes := m.llama.CacheBytes(m.prefix+m.grid.Tokens(), m.halfCache)
	if guided {
		bytes *= 2
	}
	return bytes
}

// Class looks the class and the unconditional class up (gpt.py, LabelEmbedder).
func (m *llamaGen) Class(_ *tensor.Pool, class int) (*Condition, error) {
	if m.classes == nil {
		return nil, errors.New("this is a caption model: it draws a caption, not a class")
	}
	if class < 0 || class >= m.classes.count {
		return nil, fmt.Errorf("class %d: this model has the classes 0 to %d", class, m.classes.count-1)
	}
	dim := m.llama.Dim
	c := &Condition{cond: make([]float32, dim), uncond: make([]float32, dim), n: 1}
	m.classes.embd.Row(class, c.cond)
	m.classes.embd.Row(m.classes.count, c.uncond)
	return c, nil
}

// Caption projects the features of a caption and, for the same positions,
// those of no caption (gpt.py, CaptionEmbedder). The caption takes the last
// positions of the prefix (sample_t2i.py pads on the left).
func (m *llamaGen) Caption(p *tensor.Pool, features []float32, n int) (*Condition, error) {
	c := m.caption
	if c == nil {
		return nil, errors.New("this is a class model: it draws a class, not a caption")
	}
	if n < 1 || n > m.prefix || len(features) != n*c.width {
		return nil, fmt.Errorf("caption features of %d positions, %d values: this model takes 1 to %d positions of %d values", n, len(features), m.prefix, c.width)
	}
	return &Condition{
		cond:   c.project(p, features, n),
		uncond: c.project(p, c.uncond[(m.prefix-n)*c.width:], n),
		n:      n,
	}, nil
}

func (c *captionProjection) project(p *tensor.Pool, features []float32, n int) []float32 {
	hidden, out := make([]float32, n*c.fc1.Rows), make([]float32, n*c.fc2.Rows)
	p.MatMul(hidden, &c.fc1, features, n)
	tensor.GELUTanh(hidden)
	p.MatMul(out, &c.fc2, hidden, n)
	return out
}

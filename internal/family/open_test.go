package family

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/testmodel"
	"github.com/zipar/zipar/internal/vqgan"
	"github.com/zipar/zipar/internal/zipar"
)

// tiny returns a tiny random model.
func tiny(t testing.TB, o testmodel.Options) *llamaGen {
	t.Helper()
	var b bytes.Buffer
	if err := testmodel.Write(&b, o); err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Parse("tiny.gguf", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	m, err := Open(f)
	if err != nil {
		t.Fatal(err)
	}
	return m.(*llamaGen)
}

// conditions returns n conditions, all different.
func conditions(t testing.TB, p *tensor.Pool, m *llamaGen, n int) []*Condition {
	t.Helper()
	var list []*Condition
	for i := range n {
		var c *Condition
		var err error
		if m.Classes() > 0 {
			c, err = m.Class(p, i)
		} else {
			positions := 1 + i*5%testmodel.CaptionPositions
			features := make([]float32, positions*testmodel.CaptionWidth)
			for j := range features {
				features[j] = float32((j*37+i*11)%19-9) / 9
			}
			c, err = m.Caption(p, features, positions)
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
	}
	return list
}

// recorder notes the logits of every slot before the sampler overwrites them.
type recorder struct {
	zipar.Model
	grid   zipar.Geometry
	logits map[string][]float32 // "picture, slot, sequence"
}

func (r *recorder) Prefill(ctx context.Context, guided bool) (zipar.Logits, error) {
	out, err := r.Model.Prefill(ctx, guided)
	for i := range out.Cond {
		r.note(out, i, i, 0)
	}
	return out, err
}

func (r *recorder) Pass(ctx context.Context, feeds []zipar.Feed) (zipar.Logits, error) {
	out, err := r.Model.Pass(ctx, feeds)
	for _, f := range feeds {
		if f.Output >= 0 {
			r.note(out, f.Output, f.Picture, r.grid.Index(f.Slot)+1)
		}
	}
	return out, err
}

func (r *recorder) note(out zipar.Logits, output, picture, index int) {
	r.logits[fmt.Sprint(picture, index, "cond")] = slices.Clone(out.Cond[output])
	r.logits[fmt.Sprint(picture, index, "uncond")] = slices.Clone(out.Uncond[output])
}

// TestBitsDoNotDependOnThreadsOrBatch decodes pictures with 1, 2 and 8
// threads, alone and together, and wants the same bits in every logit.
func TestBitsDoNotDependOnThreadsOrBatch(t *testing.T) {
	for _, typ := range []ggml.Type{ggml.F32, ggml.F16, ggml.Q8_0} {
		for _, caption := range []bool{false, true} {
			m := tiny(t, testmodel.Options{Caption: caption, Type: typ})
			for _, window := range []int{1, 3, m.grid.Cols} {
				o := zipar.Options{
					Grid: m.grid, Window: window,
					Guidance: zipar.Guidance{Scale: 3, Interval: 20}, Sampling: zipar.Sampling{Temperature: 1, TopK: 20, TopP: 1},
				}
				const pictures = 3
				run := func(threads int, which ...int) map[string][]float32 {
					p := tensor.NewPool(threads)
					defer p.Close()
					o.Noise = nil
					var cs []*Condition
					for _, i := range which {
						o.Noise = append(o.Noise, zipar.Noise{Seed: uint64(i)})
						cs = append(cs, conditions(t, p, m, pictures)[i])
					}
					r := &recorder{Model: m.Decoder(p, cs), grid: m.grid, logits: map[string][]float32{}}
					if _, err := zipar.Decode(context.Background(), r, o); err != nil {
						t.Fatal(err)
					}
					return r.logits
				}
				want := run(1, 0, 1, 2)
				for _, threads := range []int{2, 8} {
					sameLogits(t, fmt.Sprintf("%s, caption %v, window %d, %d threads", typ, caption, window, threads), run(threads, 0, 1, 2), want)
				}
				for i := range pictures {
					alone := map[string][]float32{}
					for k, v := range run(2, i) {
						alone[fmt.Sprint(i)+k[1:]] = v
					}
					sameLogits(t, fmt.Sprintf("%s, caption %v, window %d, picture %d alone", typ, caption, window, i), alone, want)
				}
			}
		}
	}
}

// sameLogits wants every entry of got in want, with the same bits.
func sameLogits(t *testing.T, what string, got, want map[string][]float32) {
	t.Helper()
	if len(got) == 0 {
		t.Fatalf("%s: no logits", what)
	}
	for k, v := range got {
		if !slices.Equal(v, want[k]) {
			t.Errorf("%s: logits of (picture, index, sequence) %s differ", what, k)
			return
		}
	}
}

// TestBitsDoNotDependOnColumns feeds a finished grid in one pass of all
// tokens, and in pieces, and wants the logits of next-token decoding.
func TestBitsDoNotDependOnColumns(t *testing.T) {
	for _, typ := range []ggml.Type{ggml.F32, ggml.F16, ggml.BF16, ggml.Q8_0} {
		m := tiny(t, testmodel.Options{Type: typ})
		p := tensor.NewPool(2)
		defer p.Close()
		o := zipar.Options{
			Grid: m.grid, Window: m.grid.Cols,
			Guidance: zipar.Guidance{Scale: 2, Interval: -1}, Sampling: zipar.Sampling{Temperature: 1, TopP: 1},
			Noise: []zipar.Noise{{Seed: 1}},
		}
		ctx := context.Background()
		r := &recorder{Model: m.Decoder(p, conditions(t, p, m, 1)), grid: m.grid, logits: map[string][]float32{}}
		pictures, err := zipar.Decode(ctx, r, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, width := range []int{2, 3, 5, 7, 16, m.grid.Tokens() - 1} {
			again := &recorder{Model: m.Decoder(p, conditions(t, p, m, 1)), grid: m.grid, logits: map[string][]float32{}}
			if _, err := again.Prefill(ctx, true); err != nil {
				t.Fatal(err)
			}
			for lo := 0; lo < m.grid.Tokens()-1; lo += width {
				var feeds []zipar.Feed
				for i := lo; i < min(lo+width, m.grid.Tokens()-1); i++ {
					feeds = append(feeds, zipar.Feed{
						Slot: zipar.Slot{Row: i / m.grid.Cols, Col: i % m.grid.Cols}, Token: pictures[0].Codes[i], Guided: true, Output: len(feeds),
					})
				}
				if _, err := again.Pass(ctx, feeds); err != nil {
					t.Fatal(err)
				}
			}
			if len(again.logits) != len(r.logits) {
				t.Fatalf("%d logits, want %d", len(again.logits), len(r.logits))
			}
			sameLogits(t, fmt.Sprintf("%s, %d columns a pass", typ, width), again.logits, r.logits)
		}
	}
}

func TestAPassDoesNotAllocate(t *testing.T) {
	for _, typ := range []ggml.Type{ggml.F32, ggml.F16, ggml.Q8_0} {
		m := tiny(t, testmodel.Options{Type: typ})
		p := tensor.NewPool(2)
		defer p.Close()
		d := m.Decoder(p, conditions(t, p, m, 1))
		ctx := context.Background()
		if _, err := d.Prefill(ctx, true); err != nil {
			t.Fatal(err)
		}
		feeds := []zipar.Feed{
			{Slot: zipar.Slot{Row: 0, Col: 5}, Token: 3, Guided: true, Output: 0},
			{Slot: zipar.Slot{Row: 1, Col: 2}, Token: 9, Guided: true, Output: 1},
		}
		for name, times := range map[string]*Times{"": nil, " with times": {}} {
			d.Time(times)
			if n := testing.AllocsPerRun(10, func() {
				if _, err := d.Pass(ctx, feeds); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("%s%s: %v allocations a pass", typ, name, n)
			}
			if times != nil && (times.WeightBytes == 0 || times.MatMul == 0) {
				t.Errorf("%s: nothing was timed: %+v", typ, *times)
			}
		}
	}
}

// Rearranged weights give the same bits, and so does every other part of what
// Prepare does but the type of keys and values.
func TestPrepareChangesNoBit(t *testing.T) {
	p := tensor.NewPool(2)
	defer p.Close()
	m0 := tiny(t, testmodel.Options{})
	for _, typ := range []ggml.Type{ggml.F32, ggml.F16, ggml.Q8_0} {
		logits := func(prepare bool, cache CacheType) map[string][]float32 {
			m := tiny(t, testmodel.Options{Type: typ})
			if prepare {
				m.UseCache(cache)
				if takes := m.PrepareBytes(); (takes > 0) != (typ == ggml.Q8_0) {
					t.Errorf("%s: Prepare takes %d bytes", typ, takes)
				}
				if err := m.Prepare(t.Context(), p); err != nil {
					t.Fatal(err)
				}
				if takes := m.PrepareBytes(); takes != 0 {
					t.Errorf("%s: a second Prepare takes %d bytes", typ, takes)
				}
			}
			r := &recorder{Model: m.Decoder(p, conditions(t, p, m, 1)), grid: m.grid, logits: map[string][]float32{}}
			o := zipar.Options{
				Grid: m.grid, Window: 3, Guidance: zipar.Guidance{Scale: 2, Interval: -1},
				Sampling: zipar.Sampling{Temperature: 1, TopP: 1}, Noise: []zipar.Noise{{}},
			}
			if _, err := zipar.Decode(context.Background(), r, o); err != nil {
				t.Fatal(err)
			}
			return r.logits
		}
		plain := logits(false, CacheAuto)
		sameLogits(t, typ.String(), logits(true, CacheAuto), plain)
		same, other := CacheF16, CacheF32
		if typ == ggml.F32 {
			same, other = other, same
		}
		sameLogits(t, typ.String()+", the type that auto chooses", logits(true, same), plain)
		last := fmt.Sprint(0, m0.grid.Tokens()-1, "cond")
		if a, b := logits(true, other)[last], plain[last]; len(b) == 0 || slices.Equal(a, b) {
			t.Errorf("%s: the type of keys and values makes no difference", typ)
		}
	}
}

// A model that lies in memory may start anywhere: a program's own data has no alignment that Go promises.
func TestBitsDoNotDependOnAlignment(t *testing.T) {
	p := tensor.NewPool(2)
	defer p.Close()
	for _, typ := range []ggml.Type{ggml.F32, ggml.F16, ggml.BF16, ggml.Q8_0} {
		var b bytes.Buffer
		if err := testmodel.Write(&b, testmodel.Options{Caption: true, Text: true, Type: typ}); err != nil {
			t.Fatal(err)
		}
		var want map[string][]float32
		var pixels []float32
		for offset := range 3 {
			data := append(make([]byte, offset, offset+b.Len()), b.Bytes()...)[offset:]
			f, err := gguf.Parse("tiny.gguf", data)
			if err != nil {
				t.Fatal(err)
			}
			logits, im := drawn(t, p, f)
			if offset == 0 {
				want, pixels = logits, im
				continue
			}
			sameLogits(t, fmt.Sprintf("%s, offset %d", typ, offset), logits, want)
			if !slices.Equal(im, pixels) {
				t.Errorf("%s, offset %d: another picture", typ, offset)
			}
		}
	}
}

// drawn draws a prompt with all parts of a model.
func drawn(t *testing.T, p *tensor.Pool, f *gguf.File) (logits map[string][]float32, pixels []float32) {
	t.Helper()
	ctx := context.Background()
	opened, err := Open(f)
	if err != nil {
		t.Fatal(err)
	}
	m := opened.(*llamaGen)
	if err := m.Prepare(ctx, p); err != nil {
		t.Fatal(err)
	}
	encoder, err := OpenTextEncoder(f)
	if err != nil {
		t.Fatal(err)
	}
	positions, width := m.CaptionShape()
	prompt, err := encoder.Tokenize("a red apple", true, positions)
	if err != nil {
		t.Fatal(err)
	}
	features, err := encoder.Features(ctx, p, prompt, width, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := m.Caption(p, features, len(prompt.Pieces))
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{Model: m.Decoder(p, []*Condition{c}), grid: m.grid, logits: map[string][]float32{}}
	pictures, err := zipar.Decode(ctx, r, zipar.Options{
		Grid: m.grid, Window: 3, Guidance: zipar.Guidance{Scale: 2, Interval: -1},
		Sampling: zipar.Sampling{Temperature: 1, TopP: 1}, Noise: []zipar.Noise{{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	vq, err := vqgan.NewDecoder(f)
	if err != nil {
		t.Fatal(err)
	}
	im, err := vq.Decode(ctx, p, pictures[0].Codes, m.grid.Rows, m.grid.Cols, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r.logits, im.Data
}

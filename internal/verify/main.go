// Command verify compares a model file with what the official code computed
// from the same checkpoint (scripts/official_reference.py): greedy tokens and
// logits, VQ images and codes. It prints a line a comparison and fails when a
// token differs or a number is off by more than the tolerance.
//
//	go run ./internal/verify -model gptb.gguf -reference gptb_ntp_cfg4.npz
//
// It is for models of full size, whose references are too large to keep. The
// small ones are compared by the tests.
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"

	"github.com/zipar/zipar/internal/family"
	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/npy"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/vqgan"
	"github.com/zipar/zipar/internal/zipar"
)

func main() {
	model := flag.String("model", "", "GGUF `FILE`")
	reference := flag.String("reference", "", ".npz `FILE` of official_reference.py")
	caption := flag.String("caption", "", ".npy `FILE` with the caption's features, for caption models")
	tolerance := flag.Float64("tolerance", 1e-3, "largest difference of a number")
	flag.Parse()
	if err := run(*model, *reference, *caption, *tolerance); err != nil {
		fmt.Fprintln(os.Stderr, "verify:", err)
		os.Exit(1)
	}
}

func run(model, reference, caption string, tolerance float64) error {
	f, err := gguf.Open(model)
	if err != nil {
		return err
	}
	defer f.Close()
	ref, err := npy.OpenZip(reference)
	if err != nil {
		return err
	}
	p := tensor.NewPool(0)
	defer p.Close()
	if ref["tokens"] != nil {
		return verifyTokens(p, f, ref, caption, tolerance)
	}
	if ref["image"] != nil {
		return verifyImage(p, f, ref, tolerance)
	}
	return fmt.Errorf("%s: holds neither tokens nor an image", reference)
}

// verifyTokens decodes greedily and compares with tokens [n] and logits
// [m, vocab], those of the first m tokens.
func verifyTokens(p *tensor.Pool, f *gguf.File, ref map[string]*npy.Array, caption string, tolerance float64) error {
	m, err := family.Open(f)
	if err != nil {
		return err
	}
	c, err := condition(p, m, ref, caption)
	if err != nil {
		return err
	}
	want, logits := ref["tokens"].Int32(), ref["logits"].Float32()
	scale := ref["cfg_scale"].Float32()[0]
	o := zipar.Options{
		Grid: m.Grid(), Window: m.Grid().Window(int(ref["window"].Int32()[0])),
		Guidance: zipar.Guidance{Scale: scale, Interval: -1}, Sampling: zipar.Sampling{TopP: 1}, Noise: []zipar.Noise{{}},
	}
	// Decoding ends when the tokens that are compared are there.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o.Observe = func(progress zipar.Progress) {
		if progress.Decoded >= len(want) {
			cancel()
		}
	}
	r := &recorder{Model: m.Decoder(p, []*family.Condition{c}), grid: o.Grid, scale: scale, keep: len(logits) / m.Vocab()}
	pictures, err := zipar.Decode(ctx, r, o)
	if err != nil && len(want) == o.Grid.Tokens() {
		return err
	}
	equal := 0
	for i, w := range want {
		if pictures[0].Codes[i] == w {
			equal++
		}
	}
	var worst float64
	for i, l := range r.logits {
		for j, v := range l {
			worst = max(worst, math.Abs(float64(v-logits[i*m.Vocab()+j])))
		}
	}
	fmt.Printf("%s: window %d, guidance %g: %d of %d tokens equal, logits of %d tokens within %.2g\n",
		m.Name(), o.Window, scale, equal, len(want), len(r.logits), worst)
	if equal != len(want) || worst > tolerance {
		return fmt.Errorf("not equal to the reference")
	}
	return nil
}

func condition(p *tensor.Pool, m family.Model, ref map[string]*npy.Array, caption string) (*family.Condition, error) {
	if class := ref["class"]; class != nil {
		return m.Class(p, int(class.Int32()[0]))
	}
	a, err := npy.Open(caption)
	if err != nil {
		return nil, err
	}
	return m.Caption(p, a.Float32(), a.Shape[len(a.Shape)-2])
}

// recorder keeps the guided logits of the first tokens.
type recorder struct {
	zipar.Model
	grid   zipar.Geometry
	scale  float32
	keep   int
	logits [][]float32
}

func (r *recorder) Prefill(ctx context.Context, guided bool) (zipar.Logits, error) {
	out, err := r.Model.Prefill(ctx, guided)
	if err == nil {
		r.note(out, 0, 0)
	}
	return out, err
}

func (r *recorder) Pass(ctx context.Context, feeds []zipar.Feed) (zipar.Logits, error) {
	out, err := r.Model.Pass(ctx, feeds)
	for _, f := range feeds {
		if err == nil && f.Output >= 0 {
			r.note(out, f.Output, r.grid.Index(f.Slot)+1)
		}
	}
	return out, err
}

func (r *recorder) note(out zipar.Logits, output, index int) {
	if index != len(r.logits) || index >= r.keep {
		return
	}
	l := append([]float32(nil), out.Cond[output]...)
	if u := out.Uncond[output]; u != nil {
		for i := range l {
			l[i] = u[i] + (l[i]-u[i])*r.scale
		}
	}
	r.logits = append(r.logits, l)
}

// verifyImage decodes codes [h, w] and encodes enc_input [1, 3, H, W].
func verifyImage(p *tensor.Pool, f *gguf.File, ref map[string]*npy.Array, tolerance float64) error {
	d, err := vqgan.NewDecoder(f)
	if err != nil {
		return err
	}
	e, err := vqgan.NewEncoder(f)
	if err != nil {
		return err
	}
	codes := ref["codes"]
	im, err := d.Decode(context.Background(), p, codes.Int32(), codes.Shape[0], codes.Shape[1], nil)
	if err != nil {
		return err
	}
	var worst float64
	for i, v := range channelsLast(ref["image"]).Data {
		worst = max(worst, math.Abs(float64(v-im.Data[i])))
	}
	back, _, _, err := e.Encode(context.Background(), p, channelsLast(ref["enc_input"]), nil)
	if err != nil {
		return err
	}
	equal := 0
	for i, c := range ref["enc_codes"].Int32() {
		if back[i] == c {
			equal++
		}
	}
	fmt.Printf("%s: image of %d x %d pixels within %.2g, %d of %d encoder codes equal\n", f.Path, im.W, im.H, worst, equal, len(back))
	if worst > tolerance || equal != len(back) {
		return fmt.Errorf("not equal to the reference")
	}
	return nil
}

// channelsLast turns [1, 3, h, w] into [h, w, 3].
func channelsLast(a *npy.Array) *tensor.Image {
	h, w := a.Shape[2], a.Shape[3]
	im := tensor.NewImage(h, w, 3)
	for c := range 3 {
		for i := range h * w {
			im.Data[3*i+c] = a.Float32()[c*h*w+i]
		}
	}
	return im
}

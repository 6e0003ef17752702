package main

import (
	"fmt"
	"time"

	"github.com/zipar/zipar/internal/family"
	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/llama"
	"github.com/zipar/zipar/internal/zipar"
)

// passContext is how many positions a pass sees.
const passContext = 256

// pass is a pass of GPT-XL with so many columns, its output included.
type pass struct {
	typ     ggml.Type
	columns int
	weights int64 // bytes that it reads of them
	run     func() error
}

// passesOf opens GPT-XL and returns a pass for each number of columns.
func (b *bench) passesOf(typ ggml.Type, columns ...int) ([]*pass, *gguf.File, error) {
	f, err := b.open(xl(typ, 32))
	if err != nil {
		return nil, nil, err
	}
	c, err := llama.ReadConfig(f, "llamagen")
	if err != nil {
		return nil, f, err
	}
	w, err := llama.ReadWeights(f, c)
	if err != nil {
		return nil, f, err
	}
	m := &llama.Model{Config: c, Weights: w, Rotary: llama.NewRotary2D(official.CaptionPositions, 32, 32, c.HeadDim, 10000)}
	if err := m.Pack(b.ctx, b.pool, f.Forget); err != nil {
		return nil, f, err
	}
	k := llama.NewCache(c, official.CaptionPositions+32*32, true)
	k.Populate(b.pool)
	run := llama.NewRunner(m, b.pool)
	column := func(pos int) llama.Column {
		return llama.Column{Cache: k, Pos: pos, Token: int32(pos * 7919 % c.Vocab)}
	}
	var all []llama.Column
	for pos := range passContext {
		all = append(all, column(pos))
	}
	for lo := 0; lo < len(all); lo += 64 {
		run.Forward(all[lo:min(lo+64, len(all))])
	}
	var passes []*pass
	for _, n := range columns {
		var some []llama.Column
		for i := range n {
			some = append(some, column(passContext+i))
			some[i].Output = true
		}
		var t llama.Times
		run.Time(&t)
		run.Forward(some)
		run.Time(nil)
		passes = append(passes, &pass{typ: typ, columns: n, weights: t.WeightBytes, run: func() error { run.Forward(some); return nil }})
	}
	return passes, f, nil
}

// passes compares passes of different widths and types, and the narrowest with
// reading memory.
func (b *bench) passes() error {
	var all []*pass
	for _, measured := range []struct {
		typ     ggml.Type
		columns []int
	}{{ggml.Q8_0, []int{1, 8, 16}}, {ggml.Q4_K, []int{1, 8}}, {ggml.F16, []int{1, 8}}} {
		some, f, err := b.passesOf(measured.typ, measured.columns...)
		if f != nil {
			defer f.Close()
		}
		if err != nil {
			return err
		}
		all = append(all, some...)
	}
	works := b.reads()
	ways := len(works)
	for _, p := range all {
		works = append(works, p.run)
	}
	t, err := b.turnsOf(works...)
	if err != nil {
		return err
	}
	read := 0.0
	for _, seconds := range t[:ways] {
		read = max(read, readBytes/seconds)
	}
	seconds := map[ggml.Type]map[int]float64{}
	rate := map[ggml.Type]float64{} // of one column, bytes a second
	for i, p := range all {
		if seconds[p.typ] == nil {
			seconds[p.typ] = map[int]float64{}
		}
		seconds[p.typ][p.columns] = t[ways+i]
		if p.columns == 1 {
			rate[p.typ] = float64(p.weights) / t[ways+i]
		}
	}
	q1, q8, q16 := seconds[ggml.Q8_0][1], seconds[ggml.Q8_0][8], seconds[ggml.Q8_0][16]
	b.row("GPT-XL q8_0, whole pass at context 256, N=1", "70% of reading", "%.0f%%: %.1f ms, %.1f of %.1f GB/s",
		100*rate[ggml.Q8_0]/read, 1e3*q1, rate[ggml.Q8_0]/1e9, read/1e9)
	b.row("the same, N=8 / N=1", "1.4 at most", "%.2f: %.1f ms", q8/q1, 1e3*q8)
	b.row("the same, N=16 / N=1", "2.2 at most", "%.2f: %.1f ms", q16/q1, 1e3*q16)
	k1, k8 := seconds[ggml.Q4_K][1], seconds[ggml.Q4_K][8]
	b.row("GPT-XL q4_K: N=1 / that of q8_0", "0.7 at most", "%.2f: %.1f ms", k1/q1, 1e3*k1)
	b.row("GPT-XL q4_K: N=8 / N=1", "1.7 at most", "%.2f: %.1f ms", k8/k1, 1e3*k8)
	h1, h8 := seconds[ggml.F16][1], seconds[ggml.F16][8]
	b.row("GPT-XL f16: N=8 / N=1", "2.2 at most", "%.2f: %.1f, %.1f ms; N=1 reads at %.0f%%", h8/h1, 1e3*h1, 1e3*h8, 100*rate[ggml.F16]/read)
	return nil
}

// drawing is what decoding a picture took, but for its prefill.
type drawing struct {
	passes   int // after the prefill
	columns  int // of them, in all sequences
	elapsed  time.Duration
	sampling time.Duration
	times    family.Times
}

// draw decodes a picture with guidance.
func (b *bench) draw(m family.Model, window int) (*drawing, error) {
	positions, _ := m.CaptionShape()
	c, err := m.Caption(b.pool, captionFeatures(positions), positions)
	if err != nil {
		return nil, err
	}
	d := &drawing{}
	decoder := m.Decoder(b.pool, []*family.Condition{c})
	o := zipar.Options{
		Grid: m.Grid(), Window: m.Grid().Window(window), Noise: []zipar.Noise{{Seed: 1}},
		Guidance: zipar.Guidance{Scale: 4, Interval: -1}, Sampling: zipar.Sampling{Temperature: 1, TopK: 1000, TopP: 1}, Threads: b.pool,
	}
	o.Observe = func(p zipar.Progress) {
		if p.Passes == 1 { // the prefill
			decoder.Time(&d.times)
			return
		}
		d.passes++
		d.columns += 2 * p.Columns
		d.elapsed += p.Elapsed
		d.sampling += p.Sampling
	}
	_, err = zipar.Decode(b.ctx, decoder, o)
	return d, err
}

// pictures compares a window with next-token decoding, and shares out the time
// of the passes of a larger picture.
func (b *bench) pictures() error {
	m, f, err := b.drawable(16)
	if err != nil {
		return err
	}
	defer f.Close()
	const window = 4
	var ratios, gains []float64
	for turn := range max(2, b.turns/2) {
		ntp, err := b.draw(m, 0)
		if err != nil {
			return err
		}
		zip, err := b.draw(m, window)
		if err != nil {
			return err
		}
		if turn > 0 {
			ratios = append(ratios, float64(ntp.passes)/float64(zip.passes))
			gains = append(gains, ntp.elapsed.Seconds()/zip.elapsed.Seconds())
		}
	}
	ratio, gain := median(ratios), median(gains)
	b.row("window 4 on 16x16, GPT-XL q8_0, guidance: gain of the passes after the prefill over next-token decoding", "0.8 of the ratio of passes",
		"%.2f: %.2f times as fast, with %.2f times fewer passes", gain/ratio, gain, ratio)

	large, f, err := b.drawable(32)
	if err != nil {
		return err
	}
	defer f.Close()
	// Eight columns with the unconditional ones, and eight without.
	windows := []int{8, 3}
	drawings := make([][]*drawing, len(windows))
	for range max(1, b.turns/2) {
		for i, window := range windows {
			d, err := b.draw(large, window)
			if err != nil {
				return err
			}
			drawings[i] = append(drawings[i], d)
		}
	}
	for i, window := range windows {
		all := drawings[i]
		medianOf := func(number func(d *drawing) float64) float64 {
			var numbers []float64
			for _, d := range all {
				numbers = append(numbers, number(d))
			}
			return median(numbers)
		}
		share := func(part func(d *drawing) time.Duration) float64 {
			return medianOf(func(d *drawing) float64 { return 100 * part(d).Seconds() / d.elapsed.Seconds() })
		}
		b.row(fmt.Sprintf("all but matrix products, 512 px, GPT-XL q8_0, guidance, window %d: 2 x %.1f columns a pass, over the whole picture",
			window, float64(all[0].columns)/2/float64(all[0].passes)), "25% at most", "%.1f%%: attention %.1f%%, sampling %.1f%%; %.1f ms a pass",
			share(func(d *drawing) time.Duration { return d.elapsed - d.times.MatMul }),
			share(func(d *drawing) time.Duration { return d.times.Attention }),
			share(func(d *drawing) time.Duration { return d.sampling }),
			medianOf(func(d *drawing) float64 { return 1e3 * d.elapsed.Seconds() / float64(d.passes) }))
	}
	return nil
}

// captionFeatures are features of a caption of so many positions.
func captionFeatures(positions int) []float32 {
	features := make([]float32, positions*official.CaptionWidth)
	for i := range features {
		features[i] = float32(i%17)/17 - 0.5
	}
	return features
}

// drawable opens GPT-XL for pictures of side x side tokens.
func (b *bench) drawable(side int) (family.Model, *gguf.File, error) {
	f, err := b.open(xl(ggml.Q8_0, side))
	if err != nil {
		return nil, nil, err
	}
	m, err := family.Open(f)
	if err == nil {
		err = m.Prepare(b.ctx, b.pool)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return m, f, nil
}

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/zipar/zipar/internal/atomicfile"
	"github.com/zipar/zipar/internal/family"
	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/memory"
	"github.com/zipar/zipar/internal/npy"
	"github.com/zipar/zipar/internal/t5"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/vqgan"
)

// decoding is a work that decodes a picture of 256 x 256 pixels with VQ-16.
func (b *bench) decoding() (work func() error, done func(), err error) {
	f, err := b.open(pixelModel)
	if err != nil {
		return nil, nil, err
	}
	d, err := vqgan.NewDecoder(f)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	const side = 16
	codes := make([]int32, side*side)
	for i := range codes {
		codes[i] = int32(i * 7919 % d.Codes())
	}
	return func() error {
		_, err := d.Decode(b.ctx, b.pool, codes, side, side, nil)
		return err
	}, func() { f.Close() }, nil
}

// imageTokenizer compares the decoder with what the processor can do.
func (b *bench) imageTokenizer() error {
	decode, done, err := b.decoding()
	if err != nil {
		return err
	}
	defer done()
	peak, operations := b.peak(tensor.PeakFMA)
	t, err := b.turnsOf(decode, peak)
	if err != nil {
		return err
	}
	const known = 224e9 // of the processor that the limit of 1.4 s is for
	rate := operations / t[1]
	b.row("VQ-16 256 px, f32, whole decoder", "1.4 s at most at 224 GFLOP/s", "%.2f s at %.0f GFLOP/s, where that is %.2f s", t[0], rate/1e9, 1.4*known/rate)
	return nil
}

// encoding is a work that encodes so many tokens.
func (b *bench) encoding(tokens int) (work func() error, weights int64, done func(), err error) {
	f, err := b.open(textModel)
	if err != nil {
		return nil, 0, nil, err
	}
	e, err := t5.OpenEncoder(f)
	if err == nil {
		weights = e.PackBytes()
		err = e.Pack(b.ctx, b.pool, f.Forget)
	}
	if err != nil {
		f.Close()
		return nil, 0, nil, err
	}
	ids := make([]int32, tokens)
	for i := range ids {
		ids[i] = int32(3 + i%50)
	}
	return func() error {
		_, err := e.Encode(b.ctx, b.pool, ids, nil)
		return err
	}, weights, func() { f.Close() }, nil
}

// textEncoder compares the encoder with reading its weights and with its
// arithmetic.
func (b *bench) textEncoder() error {
	const tokens = 40
	encode, weights, done, err := b.encoding(tokens)
	if err != nil {
		return err
	}
	defer done()
	peak, operations := b.peak(tensor.PeakDot)
	works := append([]func() error{encode, peak}, b.reads()...)
	t, err := b.turnsOf(works...)
	if err != nil {
		return err
	}
	read := t[2]
	for _, s := range t[2:] {
		read = min(read, s)
	}
	reading := float64(weights) / readBytes * read
	arithmetic := 2 * tokens * textWeights * float64(official.TextLayers) / operations * t[1]
	b.row(fmt.Sprintf("T5 encoder, %d layers of flan-t5-xl's shapes, %d tokens, q8_0", official.TextLayers, tokens), "2x the larger of its limits at most",
		"%.2fx: %.1f ms; reading %.1f ms, arithmetic %.1f ms", t[0]/max(reading, arithmetic), 1e3*t[0], 1e3*reading, 1e3*arithmetic)
	return nil
}

// threads compares one thread with two in what arithmetic limits.
func (b *bench) threads() error {
	decode, done, err := b.decoding()
	if err != nil {
		return err
	}
	defer done()
	encode, _, done, err := b.encoding(120)
	if err != nil {
		return err
	}
	defer done()
	one, two := tensor.NewPool(1), tensor.NewPool(2)
	defer one.Close()
	defer two.Close()
	with := func(p *tensor.Pool, work func() error) func() error {
		return func() error { return b.withPool(p, work) }
	}
	t, err := b.turnsOf(with(two, decode), with(two, encode), with(one, decode), with(one, encode))
	if err != nil {
		return err
	}
	b.row("1 thread to 2: VQ-16 256 px; T5 encoder, 120 tokens, q8_0", "1.85x", "%.2fx; %.2fx", t[2]/t[0], t[3]/t[1])
	return nil
}

// levels compares the sets of kernels of the machine with the best one.
func (b *bench) levels() error {
	type times struct{ decode, narrow, wide float64 }
	measure := func(level string) (t times, err error) {
		err = b.atLevel(level, func() error {
			passes, f, err := b.passesOf(ggml.Q8_0, 1, 8)
			if f != nil {
				defer f.Close()
			}
			if err != nil {
				return err
			}
			decode, done, err := b.decoding()
			if err != nil {
				return err
			}
			defer done()
			defer func(usual int) { b.turns = usual }(b.turns)
			if level == "generic" {
				b.turns = 1 // it takes long
			}
			s, err := b.turnsOf(decode, passes[0].run, passes[1].run)
			if err == nil {
				t = times{s[0], s[1], s[2]}
			}
			return err
		})
		return t, err
	}
	best, err := measure(tensor.CPU())
	if err != nil {
		return err
	}
	all := tensor.CPUs()
	for i := len(all) - 2; i >= 0; i-- {
		t, err := measure(all[i])
		if err != nil {
			return err
		}
		want := "2.5x slower at most"
		if all[i] == "generic" {
			want = "reported"
		}
		b.row(fmt.Sprintf("%s against %s: VQ-16 256 px; GPT-XL q8_0, N=1; N=8", all[i], all[len(all)-1]), want, "%.1fx; %.1fx; %.1fx: %.2f s, %.0f ms, %.0f ms",
			t.decode/best.decode, t.narrow/best.narrow, t.wide/best.wide, t.decode, 1e3*t.narrow, 1e3*t.wide)
	}
	return nil
}

// loading measures opening a model whose file the system has in memory.
func (b *bench) loading() error {
	if _, err := b.model(xl(ggml.Q8_0, 16)); err != nil { // its making does not count
		return err
	}
	size := int64(0)
	t, err := b.turnsOf(func() error {
		_, f, err := b.drawable(16)
		if err != nil {
			return err
		}
		defer f.Close()
		size = f.Size
		_, err = vqgan.NewDecoder(f)
		return err
	})
	if err != nil {
		return err
	}
	b.row("loading GPT-XL q8_0 and VQ-16, the file in the system's cache", "0.5 s a GB at most", "%.2f s a GB: %.2f s", t[0]/float64(size)*1e9, t[0])
	return nil
}

// launch is the first argument of a process that only runs another one, for its
// peak of memory.
const launch = "launch"

// launched runs a command, prints the most memory that it held, in bytes, and
// ends the process. To Linux, what a process held before exec counts as the new
// program's (fs/exec.c, exec_mmap), and what it holds then is its parent's: so
// the parent has to be a small one.
func launched(command []string) {
	c := exec.Command(command[0], command[1:]...)
	out, err := c.CombinedOutput()
	if err != nil {
		fmt.Printf("%v: %s", err, out)
		os.Exit(1)
	}
	fmt.Print(memory.PeakOf(c.ProcessState))
	os.Exit(0)
}

// processes measures the command from its start to its end.
func (b *bench) processes() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	program := filepath.Join(b.dir, "zipar")
	// run runs a command, and returns what it printed.
	run := func(command ...string) (string, error) {
		out, err := exec.CommandContext(b.ctx, command[0], command[1:]...).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, out)
		}
		return string(out), nil
	}
	if _, err := run("go", "build", "-o", program, "./cmd/zipar"); err != nil {
		return fmt.Errorf("in the repository's root: %w", err)
	}
	path, err := b.model(xl(ggml.Q8_0, 16))
	if err != nil {
		return err
	}
	caption := filepath.Join(b.dir, "caption.npy")
	if err := atomicfile.Write(caption, func(w io.Writer) error {
		return npy.Write(w, []int{40, official.CaptionWidth}, captionFeatures(40))
	}); err != nil {
		return err
	}
	picture := filepath.Join(b.dir, "picture.png")
	generate := func(args ...string) []string {
		return append([]string{program, "generate", "--quiet", "--seed", "1", "--out", picture}, args...)
	}
	timed := func(command []string) ([]float64, error) {
		return b.turnsOf(func() error {
			if _, err := run(command...); err != nil {
				return err
			}
			return os.Remove(picture)
		})
	}
	large := generate("-m", path, "--caption-embedding", caption, "--cfg-scale", "4", "--window", "4", "--top-k", "1000")
	t, err := timed(large)
	if err != nil {
		return err
	}
	// Once more for the memory, since launching takes time, too.
	out, err := run(append([]string{self, launch}, large...)...)
	if err != nil {
		return err
	}
	peak, err := strconv.ParseInt(out, 10, 64)
	if err != nil {
		return fmt.Errorf("%s %s: %w", self, launch, err)
	}
	f, err := gguf.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	m, err := family.Open(f)
	if err != nil {
		return err
	}
	d, err := vqgan.NewDecoder(f)
	if err != nil {
		return err
	}
	b.row("GPT-XL 256 px, guidance 4, window 4, q8_0, process start to PNG, from a caption's features", "5 s at most", "%.2f s", t[0])
	buffers := max(m.PictureBytes(true), d.Bytes(16, 16))
	b.row("the same, peak memory, without keys, values and the tokenizer's buffers", "1.1 of the file at most", "%.2f: %d MiB, %d of them buffers, file %d",
		float64(peak-buffers)/float64(f.Size), peak>>20, buffers>>20, f.Size>>20)
	const builtIn = "the built-in model, process start to PNG"
	if _, err := run(program, "inspect", "builtin"); err != nil {
		return fmt.Errorf("%s: %w", builtIn, err)
	}
	if t, err = timed(generate("--prompt", "a red apple")); err != nil {
		return err
	}
	b.row(builtIn, "1 s at most", "%.2f s", t[0])
	return nil
}

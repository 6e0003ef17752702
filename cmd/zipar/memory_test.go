package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zipar/zipar/internal/builtin"
	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/testmodel"
	"github.com/zipar/zipar/internal/vqgan"
)

// pretendFree makes the machine have this much memory for a test.
func pretendFree(t *testing.T, free, swap uint64, ok bool) {
	t.Helper()
	before := freeMemory
	freeMemory = func() (uint64, uint64, bool) { return free, swap, ok }
	t.Cleanup(func() { freeMemory = before })
}

func TestMemoryNeed(t *testing.T) {
	const gib = 1 << 30
	need := memoryNeed{weights: 2 * gib, picture: 3 * gib, pixels: gib, guided: true, floats: true}
	if got := need.total(); got != 5*gib {
		t.Errorf("%d bytes, want the weights and the keys and values", got)
	}
	pixels := memoryNeed{weights: 2 * gib, picture: 3 * gib, pixels: 4 * gib}
	if got := pixels.total(); got != 6*gib {
		t.Errorf("%d bytes, want the weights and the pixels", got)
	}
	previews := pixels
	previews.both = true
	if got := previews.total(); got != 9*gib {
		t.Errorf("%d bytes, want everything", got)
	}
	for name, c := range map[string]struct {
		need       memoryNeed
		free, swap uint64
		unknown    bool
		want       string // part of the error; "" is none
	}{
		"enough":              {need, 5 * gib, 0, false, ""},
		"enough with swap":    {need, gib, 4 * gib, false, ""},
		"a byte short":        {need, 5*gib - 1, 0, false, "this takes 5.0 GiB of memory (2.0 GiB weights, 3.0 GiB keys and values, 1.0 GiB for the pixels), 5.0 GiB are free"},
		"short with swap":     {need, gib, gib, false, "2.0 GiB are free"},
		"advice":              {need, 0, 0, false, "close other programs, or make the weights smaller with `zipar quantize`, or halve the keys and values with --cache-type f16, or halve the keys and values with --cfg-scale 1"},
		"advice for pixels":   {pixels, 0, 0, false, "close other programs, or make the weights smaller with `zipar quantize`, or take a model of smaller pictures; --ignore"},
		"advice for previews": {previews, 0, 0, false, "make the weights smaller with `zipar quantize`, or take quick previews with --preview proj, or take a model of smaller pictures; --ignore"},
		"a picture alone":     {memoryNeed{pixels: 2048}, 1024, 0, false, "this takes 2 KiB of memory (2 KiB for the pixels), 1 KiB are free: close other programs, or take a smaller picture"},
		"nobody knows":        {need, 0, 0, true, ""},
		"mapped weights fine": {memoryNeed{mapped: 100 * gib, picture: 1}, gib, 0, false, ""},
		"small":               {memoryNeed{picture: 1500}, 1024, 0, false, "this takes 2 KiB of memory (2 KiB keys and values), 1 KiB are free: close other programs, or take"},
	} {
		pretendFree(t, c.free, c.swap, !c.unknown)
		err := c.need.check(&ui{quiet: true})
		switch {
		case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The command refuses before it loads, with nothing written.
func TestGenerateRefusesWhatDoesNotFit(t *testing.T) {
	dir := t.TempDir()
	model, out := filepath.Join(dir, "m.gguf"), filepath.Join(dir, "x.png")
	makeModel(t, model, testmodel.Options{Type: ggml.Q8_0})
	run := func(args ...string) error {
		cmd := newRootCommand()
		cmd.SetArgs(append([]string{"generate", "-m", model, "--class", "1", "-q", "-o", out}, args...))
		return cmd.Execute()
	}
	pretendFree(t, 100<<10, 0, true)
	err := run()
	if err == nil || exitCode(t.Context(), err) != exitFailed || !strings.Contains(err.Error(), "100 KiB are free") {
		t.Errorf("%v", err)
	}
	if names := namesIn(t, dir); len(names) != 1 {
		t.Errorf("the folder has %v", names)
	}
	if err := run("--ignore-memory"); err != nil {
		t.Errorf("--ignore-memory: %v", err)
	}
	pretendFree(t, 100<<20, 0, true)
	if err := run(); err != nil {
		t.Error(err)
	}
}

// decode refuses a grid that does not fit before it reads the codes: here they
// are not even there.
func TestDecodeRefusesWhatDoesNotFit(t *testing.T) {
	dir := t.TempDir()
	model, codes, out := filepath.Join(dir, "m.gguf"), filepath.Join(dir, "c.json"), filepath.Join(dir, "x.png")
	makeModel(t, model, testmodel.Options{VQOnly: true})
	if err := os.WriteFile(codes, []byte(`{"rows":100,"cols":200,"codes":[[1,`), 0o666); err != nil {
		t.Fatal(err)
	}
	pretendFree(t, 1<<20, 0, true)
	cmd := newRootCommand()
	cmd.SetArgs([]string{"decode", "-m", model, "-q", "-o", out, codes})
	err := cmd.Execute()
	if err == nil || exitCode(t.Context(), err) != exitFailed || !strings.HasPrefix(err.Error(), codes+": this takes ") || !strings.Contains(err.Error(), "1 MiB are free") {
		t.Errorf("%v", err)
	}
	if names := namesIn(t, dir); len(names) != 2 {
		t.Errorf("the folder has %v", names)
	}
}

// A picture that could not be read back, and would take hours, is refused
// whatever the memory.
func TestDecodeRefusesPicturesThatAreTooLarge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	makeModel(t, path, testmodel.Options{VQOnly: true})
	f, err := openModel(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	vq, err := vqgan.NewDecoder(f)
	if err != nil {
		t.Fatal(err)
	}
	vq.PixelsPerToken = 16 // as the official ones have
	pretendFree(t, 1<<60, 0, true)
	for _, g := range []struct {
		rows, cols int
		want       string
	}{
		{512, 512, ""},
		{1, 1 << 18, ""},
		{1, 700000, "c.json: a picture of 11200000 x 16 pixels: want at most 67108864 in all"},
		{513, 512, "c.json: a picture of 8192 x 8208 pixels: want at most 67108864 in all"},
	} {
		got := ""
		if err := checkGrid(&ui{}, vq, "c.json", g.rows, g.cols); err != nil {
			got = err.Error()
		}
		if got != g.want {
			t.Errorf("%d x %d: %q, want %q", g.rows, g.cols, got, g.want)
		}
	}
}

// The built-in model counts as the same model in a file does: what is
// rearranged, and what can be read again from where it is.
func TestMemoryNeedOfTheBuiltInModel(t *testing.T) {
	file := buildIn(t, testmodel.Options{Caption: true, Text: true, Type: ggml.Q8_0})
	var needs []memoryNeed
	for _, name := range []string{file, builtin.Name} {
		m := modelFiles{model: name, cacheType: "auto"}
		defer m.close()
		model, err := m.family()
		if err != nil {
			t.Fatal(err)
		}
		vq, err := m.decoder()
		if err != nil {
			t.Fatal(err)
		}
		needs = append(needs, m.need(model, vq, true))
	}
	if needs[0] != needs[1] || needs[0].weights+needs[0].mapped < 1<<10 {
		t.Errorf("as a file %+v, built in %+v", needs[0], needs[1])
	}
}

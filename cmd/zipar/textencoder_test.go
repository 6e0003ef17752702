package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/zipar/zipar/internal/family"
	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/tensor"
)

// A text encoder is rearranged for several prompts where there is memory for
// it, and gives the same features.
func TestTextEncoderIsPreparedIfThereIsMemory(t *testing.T) {
	p := tensor.NewPool(2)
	defer p.Close()
	folder := filepath.Join(t.TempDir(), "t5")
	writeTinyT5(t, folder)
	path := filepath.Join(t.TempDir(), "t5.gguf")
	if out, err := exec.Command("zipar", "convert", "--out", path, "--type", "q8_0", "--text-encoder", folder).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	encoder, err := family.OpenTextEncoder(f)
	if err != nil {
		t.Fatal(err)
	}
	need := encoder.PrepareBytes()
	if need < 1<<10 {
		t.Fatalf("rearranging takes %d bytes", need)
	}
	const limit, width = 120, 48 // of writeTinyT5
	features := func() []float32 {
		t.Helper()
		prompt, err := encoder.Tokenize("a red apple", true, limit)
		if err != nil {
			t.Fatal(err)
		}
		x, err := encoder.Features(context.Background(), p, prompt, width, nil)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	want := features()
	for name, c := range map[string]struct {
		free uint64
		ok   bool
	}{"too little memory": {2*uint64(need) - 1, true}, "memory is not known": {1 << 60, false}} {
		pretendFree(t, c.free, 1<<60, c.ok)
		if encoderFits(encoder) {
			t.Errorf("%s: it is said to fit", name)
		}
	}
	pretendFree(t, 2*uint64(need), 0, true)
	if !encoderFits(encoder) {
		t.Error("half of the free memory is not enough")
	}
	if err := encoder.Prepare(t.Context(), p); err != nil || encoder.PrepareBytes() != 0 {
		t.Errorf("not rearranged: %d bytes are left, %v", encoder.PrepareBytes(), err)
	}
	if !slices.Equal(features(), want) {
		t.Error("other features")
	}
	if encoderFits(encoder) {
		t.Error("it is to be rearranged a second time")
	}
}

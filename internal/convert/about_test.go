package convert

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
)

// about are the texts of a file about itself, by key.
func about(f *gguf.File) map[string]string {
	texts := map[string]string{}
	for _, key := range []string{"general.author", "general.description", "general.license", "general.attribution"} {
		if s, err := f.Str(key); err == nil {
			texts[key] = s
		}
	}
	return texts
}

// What a file is told about itself is in it, whatever kind of model it holds, and stays there when it is quantised.
func TestAbout(t *testing.T) {
	credits, err := os.ReadFile("testdata/attribution.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{golden("c2i-tiny"), golden("vq-tiny"), {TextEncoder: hfFolder(t, nil, hfTensors(t))}} {
		if f, _ := convertTo(t, o); len(about(f)) != 0 {
			t.Errorf("a file that was told nothing has %v", about(f))
		}
		o.Author, o.Description, o.License, o.Attribution = "Jöns", "Draws\nnoise.", "MIT", "testdata/attribution.txt"
		f, _ := convertTo(t, o)
		small := filepath.Join(t.TempDir(), "small.gguf")
		if _, err := Quantize(context.Background(), QuantizeOptions{In: f.Path, Out: small, Type: ggml.Q8_0}); err != nil {
			t.Fatal(err)
		}
		quantized, err := gguf.Open(small)
		if err != nil {
			t.Fatal(err)
		}
		defer quantized.Close()
		for _, f := range []*gguf.File{f, quantized} {
			got := about(f)
			if got["general.author"] != "Jöns" || got["general.description"] != "Draws\nnoise." || got["general.license"] != "MIT" ||
				got["general.attribution"] != string(credits) {
				t.Errorf("%s has %q", f.Path, got)
			}
		}
	}
}

func TestAboutRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credits.txt")
	for text, want := range map[string]string{
		"":                                "credits.txt is empty",
		"a\xff":                           "is not UTF-8",
		"a\x00b":                          "has a NUL character",
		strings.Repeat("ä", maxAbout/2+1): "more than 65536 bytes",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		o := golden("vq-tiny")
		o.Attribution = path
		wantError(t, fails(t, o), option(), "--attribution: ", want)
		if text == "" {
			continue
		}
		for flag, set := range map[string]func(*Options){
			"--author":      func(o *Options) { o.Author = text },
			"--description": func(o *Options) { o.Description = text },
			"--license":     func(o *Options) { o.License = text },
		} {
			o := golden("vq-tiny")
			set(&o)
			wantError(t, fails(t, o), option(), flag+": ", want)
		}
	}
	// As much as may be.
	o := golden("vq-tiny")
	o.Attribution = path
	if err := os.WriteFile(path, []byte(strings.Repeat("ä", maxAbout/2)), 0o600); err != nil {
		t.Fatal(err)
	}
	if f, _ := convertTo(t, o); len(about(f)["general.attribution"]) != maxAbout {
		t.Error("the text was cut")
	}
	o.Out = path
	_, err := Convert(context.Background(), o)
	wantError(t, err, option(), "--out: ", "is an input itself")
	o.Attribution = filepath.Join(t.TempDir(), "none.txt")
	if err := fails(t, o); !os.IsNotExist(err) {
		t.Errorf("no such file: %v", err)
	}
}

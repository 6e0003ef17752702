package imageio

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

func example() *Parameters {
	return &Parameters{
		Prompt: "a red apple, on a table", Steps: 94, Sampler: "zipar-w16", CFGScale: 7.5, Seed: 42,
		Width: 512, Height: 512, Model: "t2i-XL", ModelHash: "0123456789", Version: "zipar v1.0.0",
		Temperature: 1, TopK: 1000, TopP: 1, CFGInterval: -1, Window: 16, CaptionHash: "abcdef0123",
		WeightType: "Q8_0", CPU: "amd64 avx512",
	}
}

const exampleText = "a red apple, on a table\n" +
	"Steps: 94, Sampler: zipar-w16, CFG scale: 7.5, Seed: 42, Size: 512x512, Model: t2i-XL, Model hash: 0123456789, " +
	"Version: zipar v1.0.0, Temperature: 1, Top K: 1000, Top P: 1, CFG interval: -1, Window: 16, Caption hash: abcdef0123, " +
	"Weight type: Q8_0, CPU: amd64 avx512"

func TestEncodeParameters(t *testing.T) {
	if got := example().Encode(); got != exampleText {
		t.Errorf("got  %s\nwant %s", got, exampleText)
	}
	class := 207
	p := &Parameters{Prompt: "class 207: golden retriever", Class: &class, Adaptive: true, RawPrompt: true, KeptRows: 3,
		Model: "a, b: c", VAE: `"q"`, CPU: " x", More: []Field{{"Partial rows", "1 of 2"}, {"Note", "1\n2"}}}
	want := "class 207: golden retriever\nSteps: 0, CFG scale: 0, Seed: 0, Size: 0x0, Model: \"a, b: c\", VAE: \"\\\"q\\\"\", " +
		"Temperature: 0, Top K: 0, Top P: 0, CFG interval: 0, Window: 0, Adaptive: yes, Class: 207, Raw prompt: yes, Kept rows: 3, " +
		"CPU: \" x\", Partial rows: 1 of 2, Note: \"1\\n2\""
	if got := p.Encode(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What other programs write is understood.
func TestParseParametersOfOthers(t *testing.T) {
	p, err := ParseParameters("a cat (big:1.2)\nNegative prompt: bad, ugly\nSteps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 1234567890, " +
		"Size: 512x768, Model hash: 6ce0161689, Model: v1-5, Lora hashes: \"a: 1, b: 2\", Hires upscaler: R-ESRGAN 4x+, Version: v1.10.0\n")
	if err != nil {
		t.Fatal(err)
	}
	if p.Prompt != "a cat (big:1.2)\nNegative prompt: bad, ugly" || p.Steps != 20 || p.Sampler != "DPM++ 2M Karras" || p.CFGScale != 7 ||
		p.Seed != 1234567890 || p.Width != 512 || p.Height != 768 || p.Model != "v1-5" || p.ModelHash != "6ce0161689" || p.Version != "v1.10.0" {
		t.Errorf("%+v", p)
	}
	if want := []Field{{"Lora hashes", "a: 1, b: 2"}, {"Hires upscaler", "R-ESRGAN 4x+"}}; !reflect.DeepEqual(p.More, want) {
		t.Errorf("more: %q", p.More)
	}
}

func TestParseParametersErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      ErrNoParameters.Error(),
		"a picture of a cat":                    ErrNoParameters.Error(),
		"Steps: 1, Seed: 2":                     ErrNoParameters.Error(),
		"Steps: 1, Seed: 2, Size: 1x1\nnot":     ErrNoParameters.Error(),
		"Steps: 1, Seed: 2, Size: 1x1\xff":      ErrNoParameters.Error(),
		"Steps: x, Seed: 2, Size: 1x1":          `Steps "x": want a whole number from 0 up`,
		"Steps: -1, Seed: 2, Size: 1x1":         `Steps "-1": want a whole number from 0 up`,
		"Steps: 1, Seed: -1, Size: 1x1":         `Seed "-1": want a whole number`,
		"Steps: 1, Seed: 2, Size: 1":            `Size "1": want WIDTHxHEIGHT`,
		"Steps: 1, Seed: 2, Size: -1x4":         `Size "-1x4": want WIDTHxHEIGHT`,
		"Steps: 1, Seed: 2, Size: 9999999999x1": `want WIDTHxHEIGHT`,
		"Steps: 1, Seed: 2, CFG scale: NaN":     `CFG scale "NaN": want a number`,
		"Steps: 1, Seed: 2, Top P: 1e99":        `Top P "1e99": want a number`,
		"Steps: 1, Seed: 2, Adaptive: maybe":    `Adaptive "maybe": want yes or no`,
		"Steps: 1, Seed: 2, CFG interval: -2":   `CFG interval "-2": want a whole number from -1 up`,
		"Steps: 1, Seed: 2, Class: dog":         `Class "dog": want a whole number`,
	} {
		if p, err := ParseParameters(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v; want %q", text, p, err, want)
		}
	}
	if _, err := ParseParameters("x"); !errors.Is(err, ErrNoParameters) {
		t.Error(err)
	}
}

// Whatever is written is read back.
func TestParametersRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	letters := []rune("ab ,:\"\\\n\r\tü苹🍎=-/{}[]<&\u2028\u00a0xSteps: 1,")
	text := func() string {
		var b strings.Builder
		for range rng.IntN(12) {
			b.WriteRune(letters[rng.IntN(len(letters))])
		}
		return b.String()
	}
	number := func() float32 {
		for {
			if v := math.Float32frombits(rng.Uint32()); v-v == 0 {
				return v
			}
		}
	}
	for range 20000 {
		class := rng.IntN(1000)
		p := &Parameters{
			Prompt: text(), Steps: rng.IntN(5000), Sampler: text(), CFGScale: number(), Seed: rng.Uint64(), Width: rng.IntN(4096), Height: rng.IntN(4096),
			Model: text(), ModelHash: text(), VAE: text(), VAEHash: text(), TextEncoder: text(), TextEncoderHash: text(), Version: text(),
			Temperature: number(), TopK: rng.IntN(20000), TopP: number(), CFGInterval: rng.IntN(50) - 1, Window: rng.IntN(40), Adaptive: rng.IntN(2) == 0,
			Class: &class, RawPrompt: rng.IntN(2) == 0, CaptionHash: text(), KeptRows: rng.IntN(3), KeptHash: text(),
			WeightType: text(), CacheType: text(), CPU: text(),
		}
		if rng.IntN(2) == 0 {
			p.Class = nil
			p.More = []Field{{"Partial rows", text()}, {"Other-key/of two", text()}}
		}
		got, err := ParseParameters(p.Encode())
		if err != nil || !reflect.DeepEqual(got, p) {
			t.Fatalf("%q:\ngot  %+v, %v\nwant %+v", p.Encode(), got, err, p)
		}
	}
}

// Every field of the struct takes part in the round trip above: a new one
// changes the number of keys here.
func TestEveryFieldIsWritten(t *testing.T) {
	// Width and Height are one key; Prompt and More are none.
	if got, want := len(fields), reflect.TypeFor[Parameters]().NumField()-3; got != want {
		t.Errorf("%d keys for %d fields", got, want)
	}
}

func FuzzParseParameters(f *testing.F) {
	f.Add(exampleText)
	f.Add("a\nb\n\nSteps: 1, Foo: \"a, \\\"b\", Bar:, Baz: \"\", x y/z-w : \" q, Seed: 3")
	f.Add("Steps: 20, Model: a:b, Civitai resources: [{\"type\":\"checkpoint\",\"id\":1}], Civitai metadata: {}\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseParameters(text)
		if err != nil {
			return
		}
		again, err := ParseParameters(p.Encode())
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("%q\nfirst  %+v\nsecond %+v, %v", p.Encode(), p, again, err)
		}
	})
}

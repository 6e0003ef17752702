// Generation parameters as AUTOMATIC1111's web UI writes them into PNG
// pictures (modules/infotext_utils.py, modules/processing.py) and as viewers
// and hubs parse them:
//
//	the prompt, of any number of lines
//	Steps: 94, Sampler: zipar-w16, CFG scale: 7.5, Seed: 1, Size: 512x512, ...
//
// A value that has a comma, a colon or a line end is written as JSON writes a
// string.

package imageio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ParametersKeyword is the keyword of the text that holds the parameters.
const ParametersKeyword = "parameters"

// Parameters says how a picture was made. Strings are UTF-8 without NUL.
// Hashes are the first 10 hexadecimal digits of a SHA-256.
type Parameters struct {
	Prompt  string // what the picture is to show, as it was given
	Steps   int    // forward passes
	Sampler string // "zipar-w16", "zipar-w4a" (adaptive), "zipar-ntp"

	CFGScale      float32
	Seed          uint64
	Width, Height int // pixels

	Model, ModelHash             string // the file's name without .gguf, its hash
	VAE, VAEHash                 string // the same of the VQ decoder, if it is a file of its own
	TextEncoder, TextEncoderHash string // the same of the text encoder
	Version                      string // "zipar v1.2.3"

	Temperature float32
	TopK        int
	TopP        float32
	CFGInterval int // guided tokens, -1 for all
	Window      int // tokens that a row is ahead of the next
	Adaptive    bool
	Class       *int   // of a class model
	RawPrompt   bool   // the prompt was not cleaned
	CaptionHash string // of the caption's features
	KeptRows    int    // rows that were given instead of decoded
	KeptHash    string // of their codes
	WeightType  string // of most weights, "Q8_0"
	CacheType   string // of keys and values
	CPU         string // architecture and set of kernels, "amd64 avx512"

	// More are other fields in the order of the text.
	More []Field
}

// A Field is a key with its value.
type Field struct{ Key, Value string }

// field is how a part of Parameters is written: get returns the text, or
// false where the field is absent; set parses it.
type field struct {
	key string
	get func(*Parameters) (string, bool)
	set func(*Parameters, string) error
}

// fields are the known ones in the order in which they are written.
var fields = []field{
	intField("Steps", func(p *Parameters) *int { return &p.Steps }, 0),
	textField("Sampler", func(p *Parameters) *string { return &p.Sampler }),
	floatField("CFG scale", func(p *Parameters) *float32 { return &p.CFGScale }),
	{"Seed",
		func(p *Parameters) (string, bool) { return strconv.FormatUint(p.Seed, 10), true },
		func(p *Parameters, s string) (err error) {
			if p.Seed, err = strconv.ParseUint(s, 10, 64); err != nil {
				return errors.New("want a whole number from 0 up")
			}
			return nil
		}},
	{"Size",
		func(p *Parameters) (string, bool) { return fmt.Sprintf("%dx%d", p.Width, p.Height), true },
		func(p *Parameters, s string) error {
			w, h, _ := strings.Cut(s, "x")
			width, err1 := strconv.ParseUint(w, 10, 31)
			height, err2 := strconv.ParseUint(h, 10, 31)
			if err1 != nil || err2 != nil {
				return errors.New("want WIDTHxHEIGHT")
			}
			p.Width, p.Height = int(width), int(height)
			return nil
		}},
	textField("Model", func(p *Parameters) *string { return &p.Model }),
	textField("Model hash", func(p *Parameters) *string { return &p.ModelHash }),
	textField("VAE", func(p *Parameters) *string { return &p.VAE }),
	textField("VAE hash", func(p *Parameters) *string { return &p.VAEHash }),
	textField("Version", func(p *Parameters) *string { return &p.Version }),
	floatField("Temperature", func(p *Parameters) *float32 { return &p.Temperature }),
	intField("Top K", func(p *Parameters) *int { return &p.TopK }, 0),
	floatField("Top P", func(p *Parameters) *float32 { return &p.TopP }),
	intField("CFG interval", func(p *Parameters) *int { return &p.CFGInterval }, -1),
	intField("Window", func(p *Parameters) *int { return &p.Window }, 0),
	boolField("Adaptive", func(p *Parameters) *bool { return &p.Adaptive }),
	{"Class",
		func(p *Parameters) (string, bool) {
			if p.Class == nil {
				return "", false
			}
			return strconv.Itoa(*p.Class), true
		},
		func(p *Parameters, s string) error {
			n, err := parseInt(s, 0)
			p.Class = &n
			return err
		}},
	boolField("Raw prompt", func(p *Parameters) *bool { return &p.RawPrompt }),
	textField("Caption hash", func(p *Parameters) *string { return &p.CaptionHash }),
	textField("Text encoder", func(p *Parameters) *string { return &p.TextEncoder }),
	textField("Text encoder hash", func(p *Parameters) *string { return &p.TextEncoderHash }),
	optionalInt("Kept rows", func(p *Parameters) *int { return &p.KeptRows }),
	textField("Kept hash", func(p *Parameters) *string { return &p.KeptHash }),
	textField("Weight type", func(p *Parameters) *string { return &p.WeightType }),
	textField("Cache type", func(p *Parameters) *string { return &p.CacheType }),
	textField("CPU", func(p *Parameters) *string { return &p.CPU }),
}

func textField(key string, at func(*Parameters) *string) field {
	return field{key,
		func(p *Parameters) (string, bool) { return *at(p), *at(p) != "" },
		func(p *Parameters, s string) error { *at(p) = s; return nil }}
}

func intField(key string, at func(*Parameters) *int, least int) field {
	return field{key,
		func(p *Parameters) (string, bool) { return strconv.Itoa(*at(p)), true },
		func(p *Parameters, s string) (err error) { *at(p), err = parseInt(s, least); return err }}
}

// optionalInt is absent where it is 0.
func optionalInt(key string, at func(*Parameters) *int) field {
	f := intField(key, at, 0)
	get := f.get
	f.get = func(p *Parameters) (string, bool) { s, _ := get(p); return s, *at(p) != 0 }
	return f
}

func parseInt(s string, least int) (int, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || int(n) < least {
		return 0, fmt.Errorf("want a whole number from %d up", least)
	}
	return int(n), nil
}

func floatField(key string, at func(*Parameters) *float32) field {
	return field{key,
		func(p *Parameters) (string, bool) { return strconv.FormatFloat(float64(*at(p)), 'g', -1, 32), true },
		func(p *Parameters, s string) error {
			v, err := strconv.ParseFloat(s, 32)
			if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
				return errors.New("want a number")
			}
			*at(p) = float32(v)
			return nil
		}}
}

// boolField is absent where it is false.
func boolField(key string, at func(*Parameters) *bool) field {
	return field{key,
		func(p *Parameters) (string, bool) { return "yes", *at(p) },
		func(p *Parameters, s string) error {
			if s != "yes" && s != "no" {
				return errors.New("want yes or no")
			}
			*at(p) = s == "yes"
			return nil
		}}
}

// Fields returns all fields in the order in which they are written.
func (p *Parameters) Fields() []Field {
	var all []Field
	for _, f := range fields {
		if value, ok := f.get(p); ok {
			all = append(all, Field{f.key, value})
		}
	}
	return append(all, p.More...)
}

// Encode returns the text. The keys of More must be valid and not be those of
// known fields.
func (p *Parameters) Encode() string {
	var b strings.Builder
	if p.Prompt != "" {
		b.WriteString(p.Prompt + "\n")
	}
	for i, f := range p.Fields() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(f.Key + ": " + quoteValue(f.Value))
	}
	return b.String()
}

// Text is the text chunk that holds the parameters.
func (p *Parameters) Text() Text { return Text{ParametersKeyword, p.Encode()} }

// quoteValue writes a value as JSON where it could be taken for something else.
func quoteValue(s string) string {
	special := func(r rune) bool { return r == ',' || r == ':' || r < ' ' || r == 0x7f }
	if !strings.ContainsFunc(s, special) && strings.TrimSpace(s) == s && !strings.HasPrefix(s, `"`) {
		return s
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("imageio: a string that JSON cannot hold: " + err.Error())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func unquoteValue(s string) string {
	s = strings.TrimSpace(s)
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	var text string
	if json.Unmarshal([]byte(s), &text) != nil || strings.ContainsRune(text, 0) {
		return s
	}
	return text
}

// pair is A1111's pattern of a key with its value.
var pair = regexp.MustCompile(`\s*([\pL\pN_][\pL\pN_ \-/]+):\s*("(?:\\.|[^\\"])+"\s*|[^,]*)(?:,|$)`)

// ErrNoParameters is returned for a text without a line of parameters.
var ErrNoParameters = errors.New("holds no generation parameters")

// ParseParameters parses a text as Encode and other programs write it: the
// last line has the fields, what is before it is the prompt. It fails where
// the line has fewer than three fields or a known field a value that it
// cannot have. Of a field that is given twice the last one counts.
func ParseParameters(text string) (*Parameters, error) {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return nil, ErrNoParameters
	}
	// Others end the text with a line end.
	text = strings.TrimRight(text, "\r\n")
	p := &Parameters{}
	line := text
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		p.Prompt, line = text[:i], text[i+1:]
	}
	found := pair.FindAllStringSubmatch(line, -1)
	if len(found) < 3 {
		return nil, ErrNoParameters
	}
	for _, m := range found {
		key := strings.TrimSpace(m[1])
		if utf8.RuneCountInString(key) < 2 {
			continue
		}
		if err := p.set(key, unquoteValue(m[2])); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *Parameters) set(key, value string) error {
	for _, f := range fields {
		if f.key == key {
			if err := f.set(p, value); err != nil {
				return fmt.Errorf("%s %q: %w", key, value, err)
			}
			return nil
		}
	}
	for i, f := range p.More {
		if f.Key == key {
			p.More[i].Value = value
			return nil
		}
	}
	p.More = append(p.More, Field{key, value})
	return nil
}

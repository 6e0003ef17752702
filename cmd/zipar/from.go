package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/zipar/zipar/internal/imageio"
)

// readParameters reads how the picture in a PNG file was made. The error is
// imageio.ErrNoParameters where the file does not say.
func readParameters(path string) (*imageio.Parameters, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h, err := imageio.ReadText(f, path)
	if err != nil {
		return nil, err
	}
	p, err := imageio.ParseParameters(h.Text(imageio.ParametersKeyword))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// repeat sets the flags that were not given to what the picture of --from was
// made with.
func (r *generateRequest) repeat(flags *pflag.FlagSet) error {
	p, err := readParameters(r.from)
	if errors.Is(err, imageio.ErrNoParameters) {
		return fmt.Errorf("--from %w: it was not written by zipar, or with --disable-image-metadata", err)
	}
	if err != nil {
		return fmt.Errorf("--from %w", err)
	}
	if !strings.HasPrefix(p.Sampler, "zipar-") || !strings.HasPrefix(p.Version, "zipar ") {
		return fmt.Errorf("--from %s: it was made by %.60q with the sampler %.60q, want a picture by zipar", r.from, p.Version, p.Sampler)
	}
	float := func(v float32) string { return strconv.FormatFloat(float64(v), 'g', -1, 32) }
	settings := []struct{ flag, value string }{
		{"window", strconv.Itoa(p.Window)},
		{"adaptive", strconv.FormatBool(p.Adaptive)},
		{"cfg-scale", float(p.CFGScale)},
		{"cfg-interval", strconv.Itoa(p.CFGInterval)},
		{"temp", float(p.Temperature)},
		{"top-k", strconv.Itoa(p.TopK)},
		{"top-p", float(p.TopP)},
		{"seed", strconv.FormatUint(p.Seed, 10)},
	}
	if p.CacheType != "" {
		settings = append(settings, struct{ flag, value string }{"cache-type", strings.ToLower(p.CacheType)})
	}
	if p.KeptRows > 0 {
		settings = append(settings, struct{ flag, value string }{"keep-rows", strconv.Itoa(p.KeptRows)})
		if r.initCodes == "" {
			return usagef("--from %s: %d rows of it were given: give them again, --init-codes FILE", r.from, p.KeptRows)
		}
	}
	if !flags.Changed("prompt") && !flags.Changed("class") && !flags.Changed("caption-embedding") && !flags.Changed("prompt-file") {
		switch {
		case p.Class != nil:
			r.condition.class = strconv.Itoa(*p.Class)
		case p.Prompt != "":
			r.condition.prompt, r.condition.literal = p.Prompt, true
			settings = append(settings, struct{ flag, value string }{"no-clean-prompt", strconv.FormatBool(p.RawPrompt)})
		default:
			return usagef("--from %s: it shows a caption of which only features were given: give them again, --caption-embedding FILE", r.from)
		}
		r.sameCaption = r.condition.class == ""
	} else {
		r.sameCaption = flags.Changed("caption-embedding")
	}
	for _, s := range settings {
		if flags.Changed(s.flag) {
			continue
		}
		if err := flags.Set(s.flag, s.value); err != nil {
			return fmt.Errorf("--from %s: %w", r.from, flagError("zipar generate", err))
		}
	}
	r.original = p
	return nil
}

// warnIfOther tells what of the picture of --from cannot be repeated here.
func (r *generateRequest) warnIfOther() {
	if r.original == nil || r.record == nil {
		return
	}
	for _, d := range sameMaker(*r.original, r.record.known(&r.ui)) {
		r.ui.warn("%s was made with another %s: the picture may differ", r.from, d)
	}
}

// warnIfOtherCaption does so for the features of the caption, which are known
// later.
func (r *generateRequest) warnIfOtherCaption(s *subject) {
	if r.original != nil && r.sameCaption && s.features != r.original.CaptionHash {
		r.ui.warn("%s was made with other features of its caption, hash %s, here %s: the picture may differ",
			r.from, orNone(r.original.CaptionHash), orNone(s.features))
		r.sameCaption = false
	}
}

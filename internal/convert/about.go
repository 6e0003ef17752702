package convert

// What a file says about itself beside its name: author, description, licence and credits. quantize keeps these keys.

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// maxAbout bounds each text, in bytes.
const maxAbout = 64 << 10

// aboutKeys writes the texts that were given.
func (p *plan) aboutKeys(o *Options) error {
	credits, err := readAttribution(o.Attribution)
	if err != nil {
		return err
	}
	for _, t := range []struct{ flag, key, text string }{
		{"--author", "general.author", o.Author},
		{"--description", "general.description", o.Description},
		{"--license", "general.license", o.License},
		{"--attribution", "general.attribution", credits},
	} {
		if t.text == "" {
			continue
		}
		if err := checkText(t.text); err != nil {
			return badOption(t.flag, "%v", err)
		}
		p.out.SetString(t.key, t.text)
	}
	return nil
}

// readAttribution reads the text of a file, or nothing of no file. One byte beyond the limit is enough for checkText.
func readAttribution(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxAbout+1))
	if err == nil && len(text) == 0 {
		err = badOption("--attribution", "%s is empty", path)
	}
	return string(text), err
}

// checkText refuses what is no text to show: models come from anywhere, and so do their tools.
func checkText(text string) error {
	switch {
	case len(text) > maxAbout:
		return fmt.Errorf("more than %d bytes, the limit", maxAbout)
	case !utf8.ValidString(text):
		return fmt.Errorf("the text is not UTF-8")
	case strings.ContainsRune(text, 0):
		return fmt.Errorf("the text has a NUL character")
	}
	return nil
}

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/zipar/zipar/internal/imageio"
)

// isPicture says whether a file is a PNG picture. One that cannot be read is
// none: who opens it reports the error.
func isPicture(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var head [8]byte
	_, err = io.ReadFull(f, head[:])
	return err == nil && imageio.IsPNG(head[:])
}

// inspectPicture prints all texts of a PNG picture.
func inspectPicture(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h, err := imageio.ReadText(f, path)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%s: PNG, %d x %d pixels, texts: %d\n", path, h.Width, h.Height, len(h.Texts))
	for _, t := range h.Texts {
		p, err := imageio.ParseParameters(t.Text)
		// What others write may have parts that have no key.
		if t.Keyword != imageio.ParametersKeyword || err != nil || !strings.HasPrefix(p.Version, "zipar ") {
			printText(out, t.Keyword, t.Text)
			continue
		}
		printText(out, "Prompt", p.Prompt)
		for _, field := range p.Fields() {
			printText(out, field.Key, field.Value)
		}
	}
	return out.Flush()
}

// printText writes a text that may come from anywhere, further lines below the
// first.
func printText(w io.Writer, key, text string) {
	lines := strings.Split(text, "\n")
	fmt.Fprintf(w, "%-20s %s\n", harmless(key), harmless(lines[0]))
	for _, line := range lines[1:] {
		fmt.Fprintf(w, "%-20s %s\n", "", harmless(line))
	}
}

// harmless writes characters that could change what a terminal shows as
// escapes.
func harmless(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			fmt.Fprintf(&b, "\\u%04x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

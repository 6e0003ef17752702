//go:build !nomodel

package builtin

import (
	"strings"
	"testing"

	"github.com/zipar/zipar/internal/family"
	"github.com/zipar/zipar/internal/vqgan"
)

// maxSize bounds what the model adds to the program, in bytes.
const maxSize = 16 << 20

// The model has all parts of one, says what it recommends and whose work it
// has learned from.
func TestModel(t *testing.T) {
	f, err := Embedded().Open()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Path != Name || f.Size > maxSize {
		t.Errorf("%s has %d bytes, want at most %d", f.Path, f.Size, maxSize)
	}
	m, err := family.Open(f)
	if err != nil {
		t.Fatal(err)
	}
	g := m.Grid()
	if positions, _ := m.CaptionShape(); g.Rows != 16 || g.Cols != 16 || positions != 32 {
		t.Errorf("%s draws %s tokens of captions of %d positions, want 16x16 and 32", m.Name(), g, positions)
	}
	if w := m.Defaults().Window; w < 1 || w >= g.Cols {
		t.Errorf("it recommends the window %d, want one that is faster than next-token decoding", w)
	}
	if !family.HasTextEncoder(f) {
		t.Error("it has no text encoder")
	}
	vq, err := vqgan.NewDecoder(f)
	if err != nil {
		t.Fatal(err)
	}
	if vq.Codes() != m.Vocab() {
		t.Errorf("it writes %d codes, its VQ decoder knows %d", m.Vocab(), vq.Codes())
	}
	if _, err := vqgan.NewEncoder(f); err != nil {
		t.Error(err)
	}
	for key, want := range map[string][]string{
		"general.name":        {"zipar"},
		"general.license":     {"MIT", "Apache-2.0", "CC-BY-4.0"},
		"general.attribution": {"Microsoft", "Google", "Twitter", "EmojiTwo", "Miles Johnson", "creativecommons.org/licenses/by/4.0"},
	} {
		text, err := f.Str(key)
		if err != nil {
			t.Error(err)
		}
		for _, part := range want {
			if !strings.Contains(text, part) {
				t.Errorf("%s lacks %q", key, part)
			}
		}
	}
}

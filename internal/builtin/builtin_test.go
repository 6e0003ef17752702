package builtin

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/zipar/zipar/internal/family"
	"github.com/zipar/zipar/internal/testmodel"
	"github.com/zipar/zipar/internal/vqgan"
)

// maxSize bounds what the model adds to the program, in bytes.
const maxSize = 16 << 20

// embedded is the model that the program is built with. Tests that are about it
// are skipped if there is none.
func embedded(t *testing.T) *Model {
	t.Helper()
	m := Embedded()
	if !m.Available() {
		t.Skipf("internal/builtin/%s is not there: zipar is built without a model", modelFile)
	}
	return m
}

// There is a model if its file is there.
func TestEmbedded(t *testing.T) {
	_, err := os.Stat(modelFile)
	if there := err == nil; Embedded().Available() != there {
		t.Errorf("available: %v, but the file is there: %v", !there, there)
	}
}

// tiny is a model of testmodel.
func tiny(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := testmodel.Write(&b, testmodel.Options{Caption: true, Text: true}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestNone(t *testing.T) {
	m := New(nil)
	if _, err := m.Open(); m.Available() || m.SHA256() != "" || !errors.Is(err, ErrNone) {
		t.Errorf("available: %v, hash %q, error %v", m.Available(), m.SHA256(), err)
	}
}

func TestModelOfDamagedData(t *testing.T) {
	_, err := New(tiny(t)[:1000]).Open()
	if err == nil || !strings.Contains(err.Error(), Name) {
		t.Errorf("%v, want an error that names %s", err, Name)
	}
}

// The model has all parts of one, says what it recommends and whose work it
// has learned from.
func TestModel(t *testing.T) {
	f, err := embedded(t).Open()
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

func TestSHA256(t *testing.T) {
	data := tiny(t)
	if sum, got := sha256.Sum256(data), New(data).SHA256(); got != hex.EncodeToString(sum[:]) {
		t.Errorf("SHA256 is %s, want %x", got, sum)
	}
}

func TestSHA256OfTheEmbeddedModel(t *testing.T) {
	m := embedded(t)
	data, err := os.ReadFile(modelFile)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(data); m.SHA256() != hex.EncodeToString(sum[:]) {
		t.Errorf("SHA256 is %s, that of the file %x", m.SHA256(), sum)
	}
}

// A File that is closed takes nothing from those that are opened later.
func TestOpenTwice(t *testing.T) {
	m := New(tiny(t))
	for range 2 {
		f, err := m.Open()
		if err != nil {
			t.Fatal(err)
		}
		if x, ok := f.Tensor("token_embd.weight"); !ok || len(x.Data) == 0 {
			t.Error("no data")
		}
		f.Forget(f.Tensors[0].Data) // does nothing here
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

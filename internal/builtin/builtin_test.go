package builtin

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/zipar/zipar/internal/testmodel"
)

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

func TestSHA256(t *testing.T) {
	data := tiny(t)
	if sum, got := sha256.Sum256(data), New(data).SHA256(); got != hex.EncodeToString(sum[:]) {
		t.Errorf("SHA256 is %s, want %x", got, sum)
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

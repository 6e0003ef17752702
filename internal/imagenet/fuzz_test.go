package imagenet

import (
	"strings"
	"testing"
)

func FuzzLookup(f *testing.F) {
	for _, s := range []string{"golden retriever", "GOLDEN_RETRIEVER", "crane", "golden retreiver", "", " ", "\x00", "\xff\xfe", strings.Repeat("a", 5000), "é"} {
		f.Add(s)
	}
	names := Names()
	f.Fuzz(func(t *testing.T, query string) {
		n, err := Lookup(query, names)
		if err == nil && (n < 0 || n >= len(names)) {
			t.Fatalf("%q is class %d", query, n)
		}
		if err != nil && (strings.Contains(err.Error(), "\n") || len(err.Error()) > 2000) {
			t.Fatalf("%q: %d bytes: %s", query, len(err.Error()), err)
		}
	})
}

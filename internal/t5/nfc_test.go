package t5

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

// TestNFCEqualsNorm: on runs of marks that are not too long for it, norm.NFC
// gives the same.
func TestNFCEqualsNorm(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	ranges := [][2]rune{
		{' ', 0x17f}, {0x300, 0x345}, {0x370, 0x3ff}, {0x591, 0x5bd}, {0x915, 0x9cd}, {0xf40, 0xf84},
		{0x1100, 0x1175}, {0x11a8, 0x11c2}, {0x1e00, 0x1fff}, {0x2120, 0x212b}, {0x3040, 0x309a}, {0xac00, 0xac40}, {0x1d15e, 0x1d169},
	}
	for range 20000 {
		s := make([]rune, rnd.IntN(12))
		for i := range s {
			r := ranges[rnd.IntN(len(ranges))]
			s[i] = r[0] + rnd.Int32N(r[1]-r[0]+1)
		}
		if got, want := string(nfc(slices.Clone(s))), norm.NFC.String(string(s)); got != want {
			t.Fatalf("nfc(%+q) = %+q, want %+q", string(s), got, want)
		}
	}
}

// TestNFCLongRuns: 40 marks get no grapheme joiner among them.
func TestNFCLongRuns(t *testing.T) {
	in := "e" + strings.Repeat("\u0301\u0316", 20)
	want := "é" + strings.Repeat("\u0316", 20) + strings.Repeat("\u0301", 19)
	if got := string(nfc([]rune(in))); got != want {
		t.Errorf("got %+q, want %+q", got, want)
	}
}

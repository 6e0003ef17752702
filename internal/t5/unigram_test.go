package t5

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// model makes a unigram model of pieces, "<unk>" being token 0.
func model(t *testing.T, pieces string, scores ...float64) *segmenter {
	t.Helper()
	v := Vocab{Tokens: strings.Fields("<unk> " + pieces), Scores: append([]float64{0}, scores...)}
	for i, token := range v.Tokens {
		v.Types = append(v.Types, NormalToken)
		if _, ok := byteOf(token); ok {
			v.Types[i] = ByteToken
		}
	}
	for len(v.Scores) < len(v.Tokens) {
		v.Scores = append(v.Scores, 0)
	}
	if err := v.check(); err != nil {
		t.Fatal(err)
	}
	return &segmenter{unigram: newUnigram(&v)}
}

func TestUnigram(t *testing.T) {
	for _, c := range []struct {
		pieces string
		scores []float64
		word   string
		want   []int32
	}{
		{"a b ab", []float64{-1, -1, -3}, "ab", []int32{1, 2}},
		{"a b ab", []float64{-1, -1, -1.5}, "ab", []int32{3}},
		{"a b ab", []float64{-1, -1, -2}, "ab", []int32{3}}, // a tie: the longer last piece
		{"a aa", []float64{-1, -1}, "aaa", []int32{1, 2}},   // likewise
		{"a", []float64{-1}, "xay", []int32{0, 1, 0}},       // unknown characters
		{"a", []float64{-1}, "xyazéz", []int32{0, 1, 0}},    // are one token in a row
		{"a xy", []float64{-1, -50}, "xy", []int32{2}},      // unless they make a piece
		{"a xy", []float64{-1, -1}, "xyx", []int32{2, 0}},
		{"a b a", []float64{-1, -2, -3}, "ab", []int32{3, 2}}, // of equal pieces the last counts
		{"é", []float64{-1}, "é", []int32{1}},
		{"a", []float64{-1}, "", nil},
	} {
		u := model(t, c.pieces, c.scores...)
		if u.word(c.word); !slices.Equal(u.ids, c.want) {
			t.Errorf("pieces %q, word %q: ids %v, want %v", c.pieces, c.word, u.ids, c.want)
		}
	}
}

func TestUnigramByteFallback(t *testing.T) {
	var names []string
	for b := range byteCount {
		names = append(names, fmt.Sprintf("<0x%02X>", b))
	}
	u := model(t, strings.Join(names, " ")+" a")
	if u.word("éa"); !slices.Equal(u.ids, []int32{0xc3 + 1, 0xa9 + 1, 257}) {
		t.Errorf("ids %v", u.ids)
	}
	// With a byte missing there is none.
	u = model(t, strings.Join(names[:255], " ")+" a")
	if u.word("éa"); !slices.Equal(u.ids, []int32{0, 256}) {
		t.Errorf("ids %v", u.ids)
	}
}

func TestByteOf(t *testing.T) {
	for token, want := range map[string]int{"<0x00>": 0, "<0xfF>": 255, "<0x4>": -1, "<0x4g>": -1, "<0x411>": -1, "<1x41>": -1, "<0x41)": -1, "": -1} {
		b, ok := byteOf(token)
		if ok != (want >= 0) || ok && int(b) != want {
			t.Errorf("byteOf(%q) = %d, %v, want %d", token, b, ok, want)
		}
	}
}

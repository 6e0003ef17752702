package t5

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// promptLimit is the limit of LlamaGen's caption models.
const promptLimit = 120

func spiece(t testing.TB) *Tokenizer {
	t.Helper()
	return fromSentencePiece(t, gunzip(t, "spiece.model.gz"))
}

func fromSentencePiece(t testing.TB, data []byte) *Tokenizer {
	t.Helper()
	tokenizer, err := FromSentencePiece(data)
	if err != nil {
		t.Fatal(err)
	}
	return tokenizer
}

// A hostileLine is a line of hostile text and its ids: by Hugging Face's fast
// tokenizer in the form that is followed, in two older ones, by SentencePiece,
// and with byte fallback. See tokens.py.
type hostileLine struct {
	In    string
	HF    []int32
	F2022 []int32 `json:"2022"`
	F2020 []int32 `json:"2020"`
	SP    []int32
	Bytes []int32
}

func hostilePage(t testing.TB) []hostileLine {
	t.Helper()
	data, err := os.ReadFile("testdata/tokens_hostile.json")
	if err != nil {
		t.Fatal(err)
	}
	var page []hostileLine
	if err := json.Unmarshal(data, &page); err != nil {
		t.Fatal(err)
	}
	if len(page) < 200 {
		t.Fatalf("%d lines, want at least 200", len(page))
	}
	return page
}

// checkIDs fails unless text has the ids want.
func checkIDs(t *testing.T, what string, tokenizer *Tokenizer, text string, want []int32) {
	t.Helper()
	if got := tokenizer.Encode(text); !slices.Equal(got, want) {
		t.Errorf("%s: %+q: got %v %q, want %v %q", what, text, got, pieces(tokenizer, got), want, pieces(tokenizer, want))
	}
}

func pieces(tokenizer *Tokenizer, ids []int32) []string {
	var s []string
	for _, id := range ids {
		s = append(s, tokenizer.Piece(id))
	}
	return s
}

func TestEncodeCaptions(t *testing.T) {
	tokenizer := spiece(t)
	packed := bytes.NewReader(gunzip(t, "tokens_captions.gz"))
	number := func() int32 {
		n, err := binary.ReadUvarint(packed)
		if err != nil {
			t.Fatal(err)
		}
		return int32(n)
	}
	captions := lines(t, "captions.txt.gz")
	for _, caption := range captions {
		want := make([]int32, number())
		for i := range want {
			want[i] = number()
		}
		checkIDs(t, "caption", tokenizer, caption, want)
	}
	if len(captions) < 5000 || packed.Len() != 0 {
		t.Errorf("%d captions, %d bytes of ids left over", len(captions), packed.Len())
	}
}

func TestEncodeHostileText(t *testing.T) {
	tokenizer := spiece(t)
	fallback := fromSentencePiece(t, gunzip(t, "spiece_bytes.model.gz"))
	for _, line := range hostilePage(t) {
		checkIDs(t, "hostile", tokenizer, line.In, line.HF)
		checkIDs(t, "byte fallback", fallback, line.In, line.Bytes)
	}
}

// TestHuggingFaceNotSentencePiece: where the two differ, Hugging Face's is
// followed. The page has cases of each kind.
func TestHuggingFaceNotSentencePiece(t *testing.T) {
	tokenizer := spiece(t)
	kinds := map[string]int{}
	for _, line := range hostilePage(t) {
		if line.SP == nil {
			continue
		}
		if slices.Equal(line.SP, tokenizer.Encode(line.In)) {
			t.Errorf("%+q: as by SentencePiece: %v", line.In, line.SP)
		}
		switch {
		case strings.ContainsAny(line.In, "<＜"):
			kinds["special tokens"]++
		case strings.ContainsFunc(line.In, func(r rune) bool { return combiningClass(r) != 0 }):
			kinds["lost marks"]++
		case len(line.In) > 60:
			kinds["ties"]++
		default:
			kinds["white space"]++
		}
	}
	for kind, least := range map[string]int{"special tokens": 10, "lost marks": 10, "ties": 3, "white space": 2} {
		if kinds[kind] < least {
			t.Errorf("%s: %d lines, want at least %d", kind, kinds[kind], least)
		}
	}
}

// Bytes that are not UTF-8 are unknown characters, as for SentencePiece 0.2.3,
// while a U+FFFD in the text becomes a space.
func TestEncodeInvalidUTF8(t *testing.T) {
	tokenizer := spiece(t)
	for _, c := range []struct{ in, want string }{
		{"a\xff b", "▁a <unk> ▁b"},
		{"\xe2\x82 a", "▁ <unk> ▁a"},
		{"a\xff\xfe", "▁a <unk>"},
		{"a\ufffd b", "▁a ▁b"},
	} {
		if got := strings.Join(pieces(tokenizer, tokenizer.Encode(c.in)), " "); got != c.want {
			t.Errorf("%+q: got %q, want %q", c.in, got, c.want)
		}
	}
}

func TestEncodePrompt(t *testing.T) {
	tokenizer := spiece(t)
	words := strings.TrimSpace(strings.Repeat("a ", 119))
	for _, c := range []struct {
		text          string
		limit         int
		length, total int
	}{
		{"", promptLimit, 1, 1},
		{"a", promptLimit, 2, 2},
		{words, promptLimit, 120, 120},
		{words + " a", promptLimit, 120, 121},
		{words, 1, 1, 120},
		{words, 5, 5, 120},
	} {
		ids, total := tokenizer.EncodePrompt(c.text, c.limit)
		if len(ids) != c.length || total != c.total || ids[len(ids)-1] != 1 || slices.Contains(ids[:len(ids)-1], 1) {
			t.Errorf("limit %d: %d ids, %d in all, want %d, %d: %v", c.limit, len(ids), total, c.length, c.total, ids)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic for a limit of 0")
		}
	}()
	tokenizer.EncodePrompt("a", 0)
}

func TestPieces(t *testing.T) {
	tokenizer := spiece(t)
	n := int32(tokenizer.Size())
	for id, want := range map[int32]string{0: "<pad>", 1: "</s>", 2: "<unk>", n - 1: "<extra_id_0>", n - 100: "<extra_id_99>", -1: "", n: ""} {
		if got := tokenizer.Piece(id); got != want {
			t.Errorf("piece %d is %q, want %q", id, got, want)
		}
	}
}

// TestEncodeLinear: 100 KB of what could take long.
func TestEncodeLinear(t *testing.T) {
	tokenizer := spiece(t)
	for _, part := range []string{"a", "a ", " ", "é", "\u0301", "<extra_id_", "</s>", "😀", "\u200d", "▁", "\xff", "\r", "👨\u200d", "🇩", "\u0600", "\u1100", "क\u094d"} {
		start := time.Now()
		tokenizer.Encode(strings.Repeat(part, 100_000/len(part)))
		if d := time.Since(start); d > 3*time.Second {
			t.Errorf("%+q: %v", part, d)
		}
	}
}

func TestEncodeConcurrently(t *testing.T) {
	tokenizer := spiece(t)
	page := hostilePage(t)
	done := make(chan bool)
	for range 4 {
		go func() {
			defer func() { done <- true }()
			for _, line := range page {
				if !slices.Equal(tokenizer.Encode(line.In), line.HF) {
					t.Errorf("%q differs", line.In)
				}
			}
		}()
	}
	for range 4 {
		<-done
	}
}

func TestNewTokenizerRefuses(t *testing.T) {
	good := func() Vocab {
		return Vocab{Tokens: []string{"<pad>", "</s>", "<unk>", "a"}, Scores: []float64{0, 0, 0, -1}, Types: []TokenType{3, 3, 2, 1}, EOS: 1, Unk: 2}
	}
	if _, err := NewTokenizer(good()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change func(*Vocab)
		want   string
	}{
		{func(v *Vocab) { v.Tokens = nil }, "the vocabulary has no tokens"},
		{func(v *Vocab) { v.Tokens = make([]string, maxTokens+1) }, "has 16777217 tokens, limit 16777216"},
		{func(v *Vocab) { v.Scores = v.Scores[1:] }, "4 tokens and 3 scores"},
		{func(v *Vocab) { v.Types = v.Types[1:] }, "4 tokens and 3 token types"},
		{func(v *Vocab) { v.EOS = 4 }, "the end token has id 4, the vocabulary has 4 tokens"},
		{func(v *Vocab) { v.Pad = -1 }, "the padding token has id -1"},
		{func(v *Vocab) { v.Unk = 4 }, "the unknown token has id 4"},
		{func(v *Vocab) { v.Tokens[3] = strings.Repeat("a", 513) }, "token 3 has 513 bytes, limit 512"},
		{func(v *Vocab) { v.Scores[3] = math.Inf(1) }, "token 3 has the score +Inf"},
		{func(v *Vocab) { v.Scores[3] = math.NaN() }, "token 3 has the score NaN"},
		{func(v *Vocab) { v.Charsmap = []byte{1} }, "charsmap: 1 bytes"},
	} {
		v := good()
		c.change(&v)
		if _, err := NewTokenizer(v); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

func FuzzEncode(f *testing.F) {
	tokenizer, fallback := spiece(f), fromSentencePiece(f, gunzip(f, "spiece_bytes.model.gz"))
	for _, line := range hostilePage(f) {
		f.Add(line.In)
	}
	f.Add("a\xff\xe2\x82")
	f.Fuzz(func(t *testing.T, s string) {
		for _, tokenizer := range []*Tokenizer{tokenizer, fallback} {
			ids, total := tokenizer.EncodePrompt(s, promptLimit)
			if len(ids) == 0 || len(ids) > promptLimit || total < len(ids) {
				t.Fatalf("%d ids, %d in all", len(ids), total)
			}
			for _, id := range ids {
				if tokenizer.Piece(id) == "" {
					t.Fatalf("no token %d", id)
				}
			}
		}
	})
}

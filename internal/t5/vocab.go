package t5

import "fmt"

// TokenType says what a token is for, numbered as in SentencePiece and GGUF.
type TokenType int32

// The types of tokens.
const (
	NormalToken  TokenType = 1 // a piece of text
	UnknownToken TokenType = 2 // stands for text without a piece
	ControlToken TokenType = 3 // a sign such as </s>, matched as a whole in text
	UserToken    TokenType = 4 // text that is always one token
	UnusedToken  TokenType = 5
	ByteToken    TokenType = 6 // "<0x41>", for text without a piece
)

// Vocab is a SentencePiece Unigram vocabulary, as files of three formats hold
// it. The index of a token is its id.
type Vocab struct {
	Tokens []string
	Scores []float64 // log probabilities; float32 values in SentencePiece and GGUF files
	Types  []TokenType

	Charsmap               []byte // SentencePiece's precompiled_charsmap; empty: text is not normalised
	AddSpacePrefix         bool   // a word begins with a space, the first one too
	RemoveExtraWhitespaces bool   // spaces in a row are one, at the end none

	EOS, Pad, Unk int32
}

// maxPiece is the longest token in bytes. SentencePiece makes none of more
// than 16 characters by default.
const maxPiece = 512

// maxTokens is the largest vocabulary: ids are int32, and the largest known
// has a quarter of a million.
const maxTokens = 1 << 24

// byteCount is the number of tokens that byte fallback takes.
const byteCount = 256

// check returns an error unless the vocabulary can be used.
func (v *Vocab) check() error {
	n := len(v.Tokens)
	switch {
	case n == 0:
		return fmt.Errorf("t5: the vocabulary has no tokens")
	case n > maxTokens:
		return fmt.Errorf("t5: the vocabulary has %d tokens, limit %d", n, maxTokens)
	case len(v.Scores) != n:
		return fmt.Errorf("t5: the vocabulary has %d tokens and %d scores", n, len(v.Scores))
	case len(v.Types) != n:
		return fmt.Errorf("t5: the vocabulary has %d tokens and %d token types", n, len(v.Types))
	}
	for _, special := range []struct {
		name string
		id   int32
	}{{"end", v.EOS}, {"padding", v.Pad}, {"unknown", v.Unk}} {
		if special.id < 0 || int(special.id) >= n {
			return fmt.Errorf("t5: the %s token has id %d, the vocabulary has %d tokens", special.name, special.id, n)
		}
	}
	for id, token := range v.Tokens {
		if len(token) > maxPiece {
			return fmt.Errorf("t5: token %d has %d bytes, limit %d", id, len(token), maxPiece)
		}
		if s := v.Scores[id]; s != s || s-s != 0 {
			return fmt.Errorf("t5: token %d has the score %v", id, s)
		}
	}
	return nil
}

// filler reports whether a token only fills the vocabulary up to the size of
// the embedding, as llama.cpp's converter has it: no text is ever matched by it.
func (v *Vocab) filler(id int) bool {
	return v.Types[id] == UnusedToken && v.Tokens[id] == fillerName(id)
}

func fillerName(id int) string { return fmt.Sprintf("[PAD%d]", id) }

// special reports whether a token is matched in text before it is normalised,
// whatever surrounds it.
func (v *Vocab) special(id int) bool {
	switch v.Types[id] {
	case UnknownToken, ControlToken, UserToken:
		return true
	}
	return false
}

// extraTokens is the number of tokens <extra_id_N> that every T5 has beside
// the pieces of its SentencePiece model.
const extraTokens = 100

// extraName is the i-th of them: they count down.
func extraName(i int) string { return fmt.Sprintf("<extra_id_%d>", extraTokens-1-i) }

package t5

// Tokens that are matched as a whole in a text, before it is cut into pieces:
// </s>, <extra_id_0> and what a model's maker added. Source of the behaviour:
// Hugging Face's tokenizers (tokenizer/added_vocabulary.rs).

import (
	"unicode"
	"unicode/utf8"
)

// An addedToken is one of them.
type addedToken struct {
	id         int32
	content    string
	singleWord bool // only between characters that make no word
	trimLeft   bool // takes the white space before it along
	trimRight  bool // and after it
	normalized bool // matched in the normalised text
}

// addedTokens finds added tokens in a text.
type addedTokens struct {
	tokens []addedToken
	match  *trie // of contents; values are indices of tokens
}

func newAddedTokens(tokens []addedToken) *addedTokens {
	names := make([]string, len(tokens))
	values := make([]int32, len(tokens))
	for i, token := range tokens {
		names[i], values[i] = token.content, int32(i)
	}
	return &addedTokens{tokens, newTrie(names, values)}
}

// split cuts s at the added tokens in it, the longest at each place, and calls
// text for what lies between them and token for each.
func (a *addedTokens) split(s string, text func(string), token func(id int32)) {
	done := 0 // s[:done] has been given out
	for i := 0; i < len(s); {
		k, n := a.match.longest(s[i:])
		if k < 0 {
			i++
			continue
		}
		t := &a.tokens[k]
		start, end := i, i+n
		i = end
		if t.singleWord && (endsWord(s[:start]) || startsWord(s[end:])) {
			continue
		}
		if t.trimLeft {
			start = max(trimmedRight(s[:start]), done)
		}
		if t.trimRight {
			end += leadingSpace(s[end:])
		}
		if done < start {
			text(s[done:start])
		}
		token(t.id)
		done = end
	}
	if done < len(s) {
		text(s[done:])
	}
}

// startsWord and endsWord report whether a word character is at that end of s.
func startsWord(s string) bool {
	r, n := utf8.DecodeRuneInString(s)
	return n > 0 && wordChar(r)
}

func endsWord(s string) bool {
	r, n := utf8.DecodeLastRuneInString(s)
	return n > 0 && wordChar(r)
}

// wordChar is \w of Unicode's regular expressions, which has marks and joiners
// too, as Python's has not.
func wordChar(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.Nl, unicode.Pc, unicode.Other_Alphabetic, unicode.Join_Control)
}

// trimmedRight is the length of s without white space at its end.
func trimmedRight(s string) int {
	for len(s) > 0 {
		r, n := utf8.DecodeLastRuneInString(s)
		if !unicode.IsSpace(r) {
			break
		}
		s = s[:len(s)-n]
	}
	return len(s)
}

// leadingSpace is the length of the white space that s starts with.
func leadingSpace(s string) int {
	for i, r := range s {
		if !unicode.IsSpace(r) {
			return i
		}
	}
	return len(s)
}

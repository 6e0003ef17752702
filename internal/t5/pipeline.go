package t5

// What happens to a text before it is cut into pieces: it is normalised and
// divided into words, each of which begins with U+2581 for the space before it.

import (
	"strings"
	"unicode"
)

// spaceMark stands for a space in pieces.
const spaceMark = "\u2581"

// A pipeline is the normaliser and pre-tokenizer of a model.
type pipeline struct {
	normalizers []func(string) string
	dropSpace   bool // words are divided at white space of every kind, which is dropped
	prefix      prefixScheme
	split       bool // and at each space mark
}

// prefixScheme says which texts get a space mark in front that have none.
type prefixScheme int

const (
	prefixAlways prefixScheme = iota
	prefixFirst               // only one that begins the prompt
	prefixNever
)

// newPipeline is the pipeline of a vocabulary without one of its own: that
// which transformers makes of a T5's SentencePiece model (T5Converter).
func newPipeline(v *Vocab, m *charsmap) *pipeline {
	p := &pipeline{prefix: prefixAlways, split: true}
	if !v.AddSpacePrefix {
		p.prefix = prefixNever
	}
	if m != nil {
		p.normalizers = append(p.normalizers, m.normalize)
	} else {
		p.normalizers = append(p.normalizers, validUTF8)
	}
	if v.RemoveExtraWhitespaces {
		p.normalizers = append(p.normalizers, trimSpaceRight, collapseSpaces(spaceMark))
	}
	return p
}

// validUTF8 makes each byte that is not UTF-8 U+FFFD.
func validUTF8(s string) string { return string([]rune(s)) }

func trimSpaceRight(s string) string { return s[:trimmedRight(s)] }

func trimSpaceLeft(s string) string { return s[leadingSpace(s):] }

// collapseSpaces replaces each run of two or more spaces.
func collapseSpaces(with string) func(string) string {
	return func(s string) string {
		if !strings.Contains(s, "  ") {
			return s
		}
		var b strings.Builder
		for len(s) > 0 {
			i := strings.Index(s, "  ")
			if i < 0 {
				break
			}
			b.WriteString(s[:i])
			b.WriteString(with)
			s = strings.TrimLeft(s[i:], " ")
		}
		b.WriteString(s)
		return b.String()
	}
}

func (p *pipeline) normalize(s string) string {
	for _, f := range p.normalizers {
		s = f(s)
	}
	return s
}

// words divides normalised text. first says that it begins the prompt.
func (p *pipeline) words(s string, first bool, word func(string)) {
	if !p.dropSpace {
		p.markedWords(s, first, word)
		return
	}
	for start := leadingSpace(s); start < len(s); {
		end := start + strings.IndexFunc(s[start:], unicode.IsSpace)
		if end < start {
			end = len(s)
		}
		p.markedWords(s[start:end], first && start == 0, word)
		start = end + leadingSpace(s[end:])
	}
}

// markedWords turns spaces into marks, puts one in front and divides at them.
func (p *pipeline) markedWords(s string, first bool, word func(string)) {
	s = strings.ReplaceAll(s, " ", spaceMark)
	if s != "" && !strings.HasPrefix(s, spaceMark) && (p.prefix == prefixAlways || p.prefix == prefixFirst && first) {
		s = spaceMark + s
	}
	for p.split && s != "" {
		next := strings.Index(s[1:], spaceMark)
		if next < 0 {
			break
		}
		word(s[:next+1])
		s = s[next+1:]
	}
	if s != "" {
		word(s)
	}
}

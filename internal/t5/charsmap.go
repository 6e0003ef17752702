package t5

// SentencePiece's precompiled_charsmap: the normalisation rules of a model,
// here those of nmt_nfkc, as a double-array trie.
//
//	u32       size of the trie in bytes
//	trie      u32 units (Darts-clone)
//	strings   what the sequences become, each ended by a zero byte
//
// All numbers are little-endian. Source of the format: sentencepiece's
// normalizer.cc; of the way it is applied: Hugging Face's tokenizers
// (normalizers/precompiled.rs), which looks at grapheme clusters where
// SentencePiece takes the longest match, and so differs on some of them.

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

type charsmap struct {
	units   []uint32
	strings string
}

// parseCharsmap parses a charsmap. data is copied.
func parseCharsmap(data []byte) (*charsmap, error) {
	if len(data) < 4 {
		return nil, fmt.Errorf("t5: charsmap: %d bytes, needs at least 4", len(data))
	}
	size, rest := uint64(binary.LittleEndian.Uint32(data)), data[4:]
	switch {
	case size == 0 || size%4 != 0:
		return nil, fmt.Errorf("t5: charsmap: the trie has %d bytes, want a multiple of 4", size)
	case size > uint64(len(rest)):
		return nil, fmt.Errorf("t5: charsmap: the trie needs %d bytes, %d are left", size, len(rest))
	case !utf8.Valid(rest[size:]):
		return nil, fmt.Errorf("t5: charsmap: the replacements are not UTF-8")
	}
	m := &charsmap{units: make([]uint32, size/4), strings: string(rest[size:])}
	for i := range m.units {
		m.units[i] = binary.LittleEndian.Uint32(rest[4*i:])
	}
	return m, nil
}

// A unit of the trie: the byte that leads to it, where its children lie
// relative to it, and whether a value does, at its own offset.
func unitOffset(u uint32) uint32 { return u >> 10 << (u & (1 << 9) >> 6) }
func unitLeaf(u uint32) bool     { return u>>8&1 == 1 }
func unitLabel(u uint32) uint32  { return u & (1<<31 | 0xff) }
func unitValue(u uint32) uint32  { return u & (1<<31 - 1) }

// lookup returns the replacement of the shortest sequence that s starts with,
// and whether there is one. A trie that points out of itself has none there.
func (m *charsmap) lookup(s string) (string, bool) {
	at := unitOffset(m.units[0])
	for i := 0; i < len(s) && s[i] != 0; i++ {
		at ^= uint32(s[i])
		if uint64(at) >= uint64(len(m.units)) {
			return "", false
		}
		u := m.units[at]
		if unitLabel(u) != uint32(s[i]) {
			return "", false
		}
		at ^= unitOffset(u)
		if unitLeaf(u) {
			if uint64(at) >= uint64(len(m.units)) {
				return "", false
			}
			return m.replacement(unitValue(m.units[at]))
		}
	}
	return "", false
}

func (m *charsmap) replacement(at uint32) (string, bool) {
	if uint64(at) > uint64(len(m.strings)) {
		return "", false
	}
	text, _, _ := strings.Cut(m.strings[at:], "\x00")
	return text, true
}

// maxCluster is the length in bytes from which on a grapheme cluster is
// normalised character by character.
const maxCluster = 6

// normalize applies the rules to s, of which bytes that are not UTF-8 become
// U+FFFD each, untouched by the rules.
//
// A cluster of up to five bytes is looked up as a whole. As Hugging Face's
// does, the look-up takes the first rule that matches a prefix, and what it
// says then stands for all of the cluster: marks after a character that has a
// rule are lost.
func (m *charsmap) normalize(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for len(s) > 0 {
		valid := validPrefix(s)
		m.appendNormal(&b, s[:valid])
		if s = s[valid:]; len(s) > 0 {
			b.WriteRune(utf8.RuneError)
			s = s[1:]
		}
	}
	return b.String()
}

// validPrefix is the length of the UTF-8 text that s starts with.
func validPrefix(s string) int {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(s)
}

func (m *charsmap) appendNormal(b *strings.Builder, s string) {
	for len(s) > 0 {
		cluster := s[:1]
		if s[0] >= utf8.RuneSelf || s[0] == '\r' || len(s) > 1 && s[1] >= utf8.RuneSelf {
			cluster, _, _, _ = uniseg.FirstGraphemeClusterInString(s, -1)
		}
		s = s[len(cluster):]
		if len(cluster) < maxCluster {
			if text, ok := m.lookup(cluster); ok {
				b.WriteString(text)
				continue
			}
		}
		for len(cluster) > 0 {
			_, n := utf8.DecodeRuneInString(cluster)
			text, ok := m.lookup(cluster[:n])
			if !ok {
				text = cluster[:n]
			}
			b.WriteString(text)
			cluster = cluster[n:]
		}
	}
}

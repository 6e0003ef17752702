package t5

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf8"
)

// charsmapBytes packs a trie and replacements.
func charsmapBytes(units []uint32, replacements string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(4*len(units)))
	for _, u := range units {
		b = binary.LittleEndian.AppendUint32(b, u)
	}
	return append(b, replacements...)
}

// abcTrie has the rules "a" to the first replacement and "ab" to the one at
// byte offset second.
func abcTrie(second uint32) []uint32 {
	const leaf = 1 << 8
	units := make([]uint32, 512)
	units[0] = 256 << 10                            // children of the root at 256 ^ byte
	units[256^'a'] = (256^'a'^128)<<10 | leaf | 'a' // its leaf at 128, its children at 128 ^ byte
	units[128] = 1 << 31
	units[128^'b'] = (128^'b'^64)<<10 | leaf | 'b'
	units[64] = 1<<31 | second
	return units
}

func TestCharsmap(t *testing.T) {
	m, err := parseCharsmap(charsmapBytes(abcTrie(2), "x\x00yz\x00"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ in, want string }{
		{"", ""}, {"a", "x"}, {"ab", "xb"}, {"aab", "xxb"}, {"cab", "cxb"},
		{"a\u0301b", "xb"}, // a cluster becomes what its first rule says
		{"b\u0301", "b\u0301"},
		{"a\u0301\u0301\u0301", "x\u0301\u0301\u0301"}, // but not one of seven bytes
		{"\xffa\xe2\x82", "\ufffdx\ufffd\ufffd"},
		{"\x00a", "\x00x"},
	} {
		if got := m.normalize(c.in); got != c.want {
			t.Errorf("normalize(%+q) = %+q, want %+q", c.in, got, c.want)
		}
	}
}

// TestCharsmapOutOfBounds: tries that point out of themselves or of their
// replacements have no rule there.
func TestCharsmapOutOfBounds(t *testing.T) {
	children, leaf, text := abcTrie(2), abcTrie(2), abcTrie(2)
	children[0] = 1 << 30
	leaf[256^'a'] = 1<<30 | 1<<8 | 'a'
	text[128] = 1<<31 - 1
	for name, units := range map[string][]uint32{"children": children, "leaf": leaf, "text": text, "tiny": {0}} {
		m, err := parseCharsmap(charsmapBytes(units, "x\x00"))
		if err != nil {
			t.Fatal(err)
		}
		if got := m.normalize("ab"); got != "ab" {
			t.Errorf("%s: got %q", name, got)
		}
	}
	m, err := parseCharsmap(charsmapBytes(abcTrie(2), "unended"))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.normalize("a"); got != "unended" {
		t.Errorf("got %q", got)
	}
}

func TestParseCharsmapRefuses(t *testing.T) {
	for _, c := range []struct {
		data []byte
		want string
	}{
		{[]byte{1, 2, 3}, "3 bytes, needs at least 4"},
		{[]byte{0, 0, 0, 0}, "the trie has 0 bytes"},
		{[]byte{5, 0, 0, 0, 1, 2, 3, 4, 5}, "the trie has 5 bytes, want a multiple of 4"},
		{[]byte{8, 0, 0, 0, 1, 2, 3, 4}, "the trie needs 8 bytes, 4 are left"},
		{[]byte{0xfc, 0xff, 0xff, 0xff, 1}, "the trie needs 4294967292 bytes, 1 are left"},
		{charsmapBytes([]uint32{0}, "\xff\x00"), "the replacements are not UTF-8"},
	} {
		if _, err := parseCharsmap(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want %q", c.data, err, c.want)
		}
	}
}

func FuzzCharsmap(f *testing.F) {
	f.Add(charsmapBytes(abcTrie(2), "x\x00yz\x00"), "abc")
	f.Add(charsmapBytes([]uint32{0}, ""), "a\xff")
	f.Fuzz(func(t *testing.T, data []byte, s string) {
		m, err := parseCharsmap(data)
		if err != nil {
			return
		}
		if got := m.normalize(s); len(got) > len(s)*(len(data)+4) {
			t.Errorf("%d bytes from %d", len(got), len(s))
		} else if got == "" && s != "" && !utf8.ValidString(s) {
			t.Errorf("%q: a malformed byte is gone", s)
		}
	})
}

package t5

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestTrie(t *testing.T) {
	keys := []string{"a", "abc", "ab", "b", "", "\xff\x00", "abc", "é"}
	values := []int32{10, 11, 12, 13, 14, 15, 16, 17}
	tree := newTrie(keys, values)
	for key, want := range map[string]int32{
		"a": 10, "ab": 12, "abc": 16, "b": 13, "": -1, "\xff\x00": 15, "\xff": -1, "é": 17, "abcd": -1, "c": -1, "\xc3": -1,
	} {
		if got := tree.find(key); got != want {
			t.Errorf("find(%q) = %d, want %d", key, got, want)
		}
	}
	for _, c := range []struct {
		text  string
		value int32
		n     int
	}{{"abd", 12, 2}, {"abcd", 16, 3}, {"ac", 10, 1}, {"xa", -1, 0}, {"", -1, 0}, {"\xffa", -1, 0}} {
		if value, n := tree.longest(c.text); value != c.value || n != c.n {
			t.Errorf("longest(%q) = %d, %d, want %d, %d", c.text, value, n, c.value, c.n)
		}
	}
}

func TestTrieRandom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		b := make([]byte, rnd.IntN(6))
		for i := range b {
			b[i] = "ab\xfe\xff"[rnd.IntN(4)]
		}
		return string(b)
	}
	for range 200 {
		var keys []string
		var values []int32
		want := map[string]int32{}
		for i := range rnd.IntN(60) {
			key := word()
			keys, values = append(keys, key), append(values, int32(i))
			want[key] = int32(i)
		}
		delete(want, "")
		tree := newTrie(keys, values)
		for range 100 {
			text := word()
			value, ok := want[text]
			if !ok {
				value = -1
			}
			if got := tree.find(text); got != value {
				t.Fatalf("find(%q) = %d, want %d, of %q", text, got, value, keys)
			}
			longest, n := tree.longest(text)
			for key, v := range want {
				if strings.HasPrefix(text, key) && (len(key) > n || len(key) == n && v != longest) {
					t.Fatalf("longest(%q) = %d, %d, but there is %q", text, longest, n, key)
				}
			}
		}
	}
}

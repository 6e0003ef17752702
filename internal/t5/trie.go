package t5

// A prefix tree over the tokens.

import (
	"cmp"
	"slices"
)

// A trie finds the tokens that a text starts with. The children of a node lie
// next to one another, sorted by their byte.
type trie struct {
	label []byte  // of the edge to the node
	child []int32 // first child; those of node i end where those of node i+1 begin
	value []int32 // of the key that ends there, -1 for none
}

// newTrie builds a trie of keys; values[i] belongs to keys[i]. Of equal keys
// the last counts, an empty key is left out.
func newTrie(keys []string, values []int32) *trie {
	order := make([]int32, len(keys))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(keys[a], keys[b]) })

	// Breadth first: a node is a range of the sorted keys that share a prefix.
	type span struct{ lo, hi int }
	t := &trie{label: []byte{0}, value: []int32{-1}}
	level := []span{{0, len(order)}}
	for depth := 0; len(level) > 0; depth++ {
		var next []span
		for _, s := range level {
			t.child = append(t.child, int32(len(t.label)))
			lo := s.lo
			for lo < s.hi && len(keys[order[lo]]) == depth {
				lo++ // the key of the node itself
			}
			for lo < s.hi {
				c := keys[order[lo]][depth]
				hi, value := lo, int32(-1)
				for hi < s.hi && keys[order[hi]][depth] == c {
					if len(keys[order[hi]]) == depth+1 {
						value = values[order[hi]]
					}
					hi++
				}
				t.label = append(t.label, c)
				t.value = append(t.value, value)
				next = append(next, span{lo, hi})
				lo = hi
			}
		}
		level = next
	}
	t.child = append(t.child, int32(len(t.label)))
	return t
}

// step returns the child of node along c, -1 if there is none. The root is 0.
func (t *trie) step(node int32, c byte) int32 {
	lo, hi := t.child[node], t.child[node+1]
	for lo < hi {
		mid := (lo + hi) / 2
		if t.label[mid] < c {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < t.child[node+1] && t.label[lo] == c {
		return lo
	}
	return -1
}

// find returns the value of the key s, -1 if there is none.
func (t *trie) find(s string) int32 {
	node := int32(0)
	for i := 0; i < len(s); i++ {
		if node = t.step(node, s[i]); node < 0 {
			return -1
		}
	}
	return t.value[node]
}

// longest returns the longest key that s starts with, and its length; -1 if
// there is none.
func (t *trie) longest(s string) (value int32, n int) {
	value = -1
	node := int32(0)
	for i := 0; i < len(s); i++ {
		if node = t.step(node, s[i]); node < 0 {
			break
		}
		if v := t.value[node]; v >= 0 {
			value, n = v, i+1
		}
	}
	return value, n
}

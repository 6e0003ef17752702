package imagenet

import (
	"cmp"
	"slices"
	"strings"
)

const (
	// A class is worth a mention if one of its names has at least this share of the query's letters, or of its words.
	minLetters, minWords = 0.7, 0.5
	// Two words count as one misspelt word if this share of their letters agrees.
	sameWord = 0.75
	// Longer queries are cut before the comparison, which takes time proportional to their length.
	maxCompared = 100
)

// nearest returns up to limit classes with a name near to query, the nearest first, equally near ones in class order. A name
// is near if few edits lead to it ("golden retreiver") or if it shares words with the query ("retriever").
func nearest(query string, names []string, limit int) []Candidate {
	if r := []rune(query); len(r) > maxCompared {
		query = string(r[:maxCompared])
	}
	type scored struct {
		Candidate
		score float64
	}
	var near []scored
	q, qWords := []rune(plainKey(query)), words(query)
	for i, label := range names {
		best := 0.0
		for name := range strings.SplitSeq(label, ",") {
			if s := similarity(q, []rune(plainKey(name))); s >= minLetters {
				best = max(best, s)
			}
			if s := overlap(qWords, words(name)); s >= minWords {
				best = max(best, s)
			}
		}
		if best > 0 {
			near = append(near, scored{Candidate{i, label}, best})
		}
	}
	slices.SortStableFunc(near, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	out := make([]Candidate, min(len(near), limit))
	for i := range out {
		out[i] = near[i].Candidate
	}
	return out
}

// overlap returns the Dice coefficient of two word lists, 0 to 1, misspelt words counting by their similarity.
func overlap(a, b []string) float64 {
	if len(a)+len(b) == 0 {
		return 0
	}
	shared := 0.0
	for _, x := range a {
		best := 0.0
		for _, y := range b {
			if s := similarity([]rune(x), []rune(y)); s >= sameWord {
				best = max(best, s)
			}
		}
		shared += best
	}
	// A word said twice finds the same partner twice: the coefficient stays at most 1.
	return min(1, 2*shared/float64(len(a)+len(b)))
}

// similarity returns 1 - edits/length of the longer one: 1 for equal texts, 0 for texts with nothing in common or for two
// empty ones.
func similarity(a, b []rune) float64 {
	n := max(len(a), len(b))
	if n == 0 {
		return 0
	}
	return 1 - float64(edits(a, b))/float64(n)
}

// edits returns the least number of insertions, deletions, substitutions and swaps of neighbours, no place edited twice, that
// turn a into b (the optimal string alignment distance).
func edits(a, b []rune) int {
	before, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range a {
		cur[0] = i + 1
		for j := range b {
			change := 1
			if a[i] == b[j] {
				change = 0
			}
			cur[j+1] = min(prev[j+1]+1, cur[j]+1, prev[j]+change)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				cur[j+1] = min(cur[j+1], before[j-1]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(b)]
}

package t5

// The Unigram model: the segmentation of a word whose pieces have the highest
// total score. Source of the behaviour: Hugging Face's tokenizers
// (models/unigram/model.rs), which LlamaGen's pipeline runs. Against
// SentencePiece, which segments a whole text at once in float32, it scores word
// by word in float64, breaks ties in its own way and knows no difference
// between pieces and control tokens.

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// unknownPenalty lies between the score of an unknown character and the
// lowest score of a piece.
const unknownPenalty = 10

type unigram struct {
	pieces  *trie
	scores  []float64
	unknown int32
	penalty float64 // the score of an unknown character

	fallback bool // unknown text is spelt in bytes
	bytes    [byteCount]int32
}

// A segmenter is the work space of one text.
type segmenter struct {
	*unigram
	best []bestPath // one for each position of the word at hand
	ids  []int32
}

// A bestPath is the best segmentation of a word up to some position.
type bestPath struct {
	score float64
	start int32 // of the last piece, -1: there is no such segmentation
	id    int32 // of the last piece
}

// word adds the ids of a word. The time is linear in its length times that of
// the longest piece.
func (u *segmenter) word(word string) {
	u.search(word)
	// Read the path from its end. Unknown characters in a row are one token.
	first, unknownEnd := len(u.ids), -1
	for end := len(word); end > 0; {
		node := u.best[end]
		if node.id == u.unknown {
			if unknownEnd < 0 {
				unknownEnd = end
			}
		} else {
			if unknownEnd >= 0 {
				u.unknownText(word[end:unknownEnd])
				unknownEnd = -1
			}
			u.ids = append(u.ids, node.id)
		}
		end = int(node.start)
	}
	if unknownEnd >= 0 {
		u.unknownText(word[:unknownEnd])
	}
	slices.Reverse(u.ids[first:])
}

// search fills u.best for word.
func (u *segmenter) search(word string) {
	u.best = u.best[:0]
	for range len(word) + 1 {
		u.best = append(u.best, bestPath{start: -1})
	}
	for start := 0; start < len(word); {
		_, width := utf8.DecodeRuneInString(word[start:])
		score := u.best[start].score
		single := false // there is a piece of just the one character
		node := int32(0)
		for end := start; end < len(word); {
			if node = u.pieces.step(node, word[end]); node < 0 {
				break
			}
			end++
			if id := u.pieces.value[node]; id >= 0 {
				u.best[end].offer(score+u.scores[id], start, id)
				single = single || end-start == width
			}
		}
		if !single {
			u.best[start+width].offer(score+u.penalty, start, u.unknown)
		}
		start += width
	}
}

// offer replaces the path by a better one; of equal ones the first stays, which
// has the longer last piece.
func (p *bestPath) offer(score float64, start int, id int32) {
	if p.start < 0 || score > p.score {
		*p = bestPath{score, int32(start), id}
	}
}

// unknownText adds the ids of text without pieces, the last one first.
func (u *segmenter) unknownText(text string) {
	// Characters that are unknown one by one may make a piece together.
	if id := u.pieces.find(text); id >= 0 {
		u.ids = append(u.ids, id)
		return
	}
	if !u.fallback {
		u.ids = append(u.ids, u.unknown)
		return
	}
	for i := len(text) - 1; i >= 0; i-- {
		u.ids = append(u.ids, u.bytes[text[i]])
	}
}

// newUnigram sets the model up for a vocabulary that was checked.
func newUnigram(v *Vocab) *unigram {
	u := &unigram{scores: v.Scores, unknown: v.Unk}
	var names []string
	var ids []int32
	lowest := 0.0
	for b := range u.bytes {
		u.bytes[b] = -1
	}
	for id, token := range v.Tokens {
		if v.filler(id) {
			continue
		}
		if v.Types[id] == ByteToken {
			if b, ok := byteOf(token); ok {
				u.bytes[b] = int32(id)
			}
		}
		names = append(names, token)
		ids = append(ids, int32(id))
		if len(ids) == 1 || v.Scores[id] < lowest {
			lowest = v.Scores[id]
		}
	}
	u.pieces = newTrie(names, ids)
	u.penalty = lowest - unknownPenalty
	u.fallback = !slices.Contains(u.bytes[:], -1)
	return u
}

// byteOf reads the name of a byte token, "<0x41>".
func byteOf(token string) (byte, bool) {
	if len(token) != len("<0x41>") || !strings.HasPrefix(token, "<0x") || token[5] != '>' {
		return 0, false
	}
	hi, lo := hexValue(rune(token[3])), hexValue(rune(token[4]))
	return byte(hi<<4 | lo), hi >= 0 && lo >= 0
}

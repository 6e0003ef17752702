package llama

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/zipar/zipar/internal/tensor"
)

// A Cache holds the keys and values of one sequence by position. Positions
// may be fed in any order and more than once, the last feed counts; a query
// sees the positions that have been fed, up to its own.
//
// Keys and values are float32, or half floats in half the memory.
type Cache struct {
	positions int
	heads     int // of keys and values
	headDim   int
	width     int // of values, see valueWidth
	keyLen    int // of a head's keys

	// keys: [layers][kv heads, keyLen], in blocks of positions; see
	// tensor.KeyBlock. values: [layers][kv heads, positions, width]. Those of
	// one type are nil.
	keys, values       [][]float32
	keysF16, valuesF16 [][]uint16

	fed   []uint64 // a bit a position
	share float32  // what the score of the first position gets, see Fold
}

// NewCache returns an empty cache for a sequence of at most this length. half
// keeps keys and values as half floats.
func NewCache(c Config, positions int, half bool) *Cache {
	k := &Cache{
		positions: positions, heads: c.KVHeads, headDim: c.HeadDim, width: c.valueWidth(), keyLen: tensor.KeyLen(positions, c.HeadDim),
		fed: make([]uint64, (positions+63)/64),
	}
	keys, values := c.KVHeads*k.keyLen, c.KVHeads*positions*k.width
	for range c.Layers {
		if half {
			k.keysF16 = append(k.keysF16, make([]uint16, keys))
			k.valuesF16 = append(k.valuesF16, make([]uint16, values))
		} else {
			k.keys = append(k.keys, make([]float32, keys))
			k.values = append(k.values, make([]float32, values))
		}
	}
	return k
}

// Reset forgets everything.
func (k *Cache) Reset() {
	clear(k.fed)
	k.share = 0
}

// Fold merges the positions before end, all of which have the key zero, as
// prefixes have (see NewRotary2D), into one: position end-1. Every query gives
// each of these n positions the score 0. So a single one with the mean of their
// values and the score ln n does the same, but for rounding, and later
// queries read n-1 keys and values less. Position end-1 must have been fed; no
// position before end may be fed any more until Reset.
func (k *Cache) Fold(end int) {
	spans := k.visible(end-1, nil)
	n := 0
	for _, at := range spans {
		n += at.hi - at.lo
	}
	if n < 2 {
		return
	}
	weights, mean := make([]float32, n), make([]float32, k.width)
	for i := range weights {
		weights[i] = 1 / float32(n)
	}
	for layer := range max(len(k.values), len(k.valuesF16)) {
		for head := range k.heads {
			clear(mean)
			done := 0
			for _, at := range spans {
				k.mix(mean, weights[done:], n, 1, layer, head, at)
				done += at.hi - at.lo
			}
			at := (head*k.positions + end - 1) * k.width
			if k.valuesF16 != nil {
				tensor.ToF16(k.valuesF16[layer][at:][:k.width], mean)
			} else {
				copy(k.values[layer][at:], mean)
			}
		}
	}
	for pos := range end - 1 {
		k.fed[pos/64] &^= 1 << (pos % 64)
	}
	k.share = float32(math.Log(float64(n)))
}

// feed marks a position as fed.
func (k *Cache) feed(pos int) {
	if pos < 0 || pos >= k.positions {
		panic(fmt.Sprintf("llama: position %d of a cache for %d", pos, k.positions))
	}
	k.fed[pos/64] |= 1 << (pos % 64)
}

// put stores a layer's keys and values of a position, all heads in a row.
// half is working memory, as many values as one head's.
func (k *Cache) put(layer, pos int, key, value []float32, half []uint16) {
	d := k.headDim
	for h := 0; h*d < len(key); h++ {
		key, value := key[h*d:][:d], value[h*d:][:d]
		keys, at := h*k.keyLen, (h*k.positions+pos)*k.width
		if k.keysF16 != nil {
			tensor.ToF16(half[:d], key)
			tensor.SetKey(k.keysF16[layer][keys:], pos, half[:d])
			tensor.ToF16(k.valuesF16[layer][at:][:d], value)
			continue
		}
		tensor.SetKey(k.keys[layer][keys:], pos, key)
		copy(k.values[layer][at:][:d], value)
	}
}

// scores sets s[c·lds+i] to the product of query c, [rows][head size] at
// c·ldq, and the key of position at.lo+i of a head, for all positions of at.
// work is tensor.AttentionWork floats.
func (k *Cache) scores(s []float32, lds int, q []float32, ldq, rows, layer, head int, at span, work []float32) {
	from := head * k.keyLen
	if k.keysF16 != nil {
		tensor.AttentionScoresOfRowsF16(s, lds, q, ldq, rows, k.keysF16[layer][from:], k.headDim, at.lo, at.hi, work)
		return
	}
	tensor.AttentionScoresOfRows(s, lds, q, ldq, rows, k.keys[layer][from:], k.headDim, at.lo, at.hi, work)
}

// mix adds the values of the positions of at, weighted with p[c·ldp+i], to
// row c of out, [rows][width].
func (k *Cache) mix(out []float32, p []float32, ldp, rows, layer, head int, at span) {
	d, from, n := k.width, (head*k.positions+at.lo)*k.width, at.hi-at.lo
	if k.valuesF16 != nil {
		tensor.AttentionMixRowsF16(out, d, p, ldp, rows, k.valuesF16[layer][from:], d, n)
		return
	}
	tensor.AttentionMixRows(out, d, p, ldp, rows, k.values[layer][from:], d, n)
}

// span is a run of positions lo..hi-1.
type span struct{ lo, hi int }

// visible appends the runs of fed positions up to and including pos, which
// must have been fed.
func (k *Cache) visible(pos int, dst []span) []span {
	for lo := 0; lo <= pos; {
		lo = k.next(lo, 0)
		if lo > pos {
			break
		}
		hi := min(k.next(lo, ^uint64(0)), pos+1)
		dst = append(dst, span{lo, hi})
		lo = hi
	}
	return dst
}

// next returns the first position from pos on that has been fed, or, with all
// bits of invert set, that has not been.
func (k *Cache) next(pos int, invert uint64) int {
	for w := pos / 64; w < len(k.fed); w++ {
		word := k.fed[w] ^ invert
		if w == pos/64 {
			word &= ^uint64(0) << (pos % 64)
		}
		if word != 0 {
			return w*64 + bits.TrailingZeros64(word)
		}
	}
	return k.positions
}

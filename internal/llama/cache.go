package llama

import (
	"fmt"
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
	headDim   int
	// [layers][kv heads, positions, head size]; those of one type are nil.
	keys, values       [][]float32
	keysF16, valuesF16 [][]uint16
	fed                []uint64 // a bit a position
}

// NewCache returns an empty cache for a sequence of at most this length. half
// keeps keys and values as half floats.
func NewCache(c Config, positions int, half bool) *Cache {
	k := &Cache{positions: positions, headDim: c.HeadDim, fed: make([]uint64, (positions+63)/64)}
	n := positions * c.kvDim()
	for range c.Layers {
		if half {
			k.keysF16 = append(k.keysF16, make([]uint16, n))
			k.valuesF16 = append(k.valuesF16, make([]uint16, n))
		} else {
			k.keys = append(k.keys, make([]float32, n))
			k.values = append(k.values, make([]float32, n))
		}
	}
	return k
}

// Reset forgets everything.
func (k *Cache) Reset() { clear(k.fed) }

// feed marks a position as fed.
func (k *Cache) feed(pos int) {
	if pos < 0 || pos >= k.positions {
		panic(fmt.Sprintf("llama: position %d of a cache for %d", pos, k.positions))
	}
	k.fed[pos/64] |= 1 << (pos % 64)
}

// put stores a layer's keys and values of a position, all heads in a row.
func (k *Cache) put(layer, pos int, key, value []float32) {
	d := k.headDim
	for h := 0; h*d < len(key); h++ {
		at := (h*k.positions + pos) * d
		if k.keysF16 != nil {
			tensor.ToF16(k.keysF16[layer][at:][:d], key[h*d:][:d])
			tensor.ToF16(k.valuesF16[layer][at:][:d], value[h*d:][:d])
			continue
		}
		copy(k.keys[layer][at:][:d], key[h*d:])
		copy(k.values[layer][at:][:d], value[h*d:])
	}
}

// scores sets s[c·lds+i] to the product of query c, [rows][head size] at
// c·ldq, and the key of position at.lo+i of a head, for all positions of at.
func (k *Cache) scores(s []float32, lds int, q []float32, ldq, rows, layer, head int, at span) {
	d, from, n := k.headDim, (head*k.positions+at.lo)*k.headDim, at.hi-at.lo
	if k.keysF16 != nil {
		tensor.AttentionScoresOfRowsF16(s, lds, q, ldq, rows, k.keysF16[layer][from:], d, n)
		return
	}
	tensor.AttentionScoresOfRows(s, lds, q, ldq, rows, k.keys[layer][from:], d, n)
}

// mix adds the values of the positions of at, weighted with p[c·ldp+i], to
// row c of out, [rows][head size] at c·ldo.
func (k *Cache) mix(out []float32, ldo int, p []float32, ldp, rows, layer, head int, at span) {
	d, from, n := k.headDim, (head*k.positions+at.lo)*k.headDim, at.hi-at.lo
	if k.valuesF16 != nil {
		tensor.AttentionMixRowsF16(out, ldo, p, ldp, rows, k.valuesF16[layer][from:], d, n)
		return
	}
	tensor.AttentionMixRows(out, ldo, p, ldp, rows, k.values[layer][from:], d, n)
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

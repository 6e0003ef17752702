package llama

import (
	"fmt"
	"math/bits"
)

// A Cache holds the keys and values of one sequence by position. Positions
// may be fed in any order and more than once, the last feed counts; a query
// sees the positions that have been fed, up to its own.
type Cache struct {
	positions int
	headDim   int
	// keys, values: [layers][kv heads, positions, head size]
	keys, values [][]float32
	fed          []uint64 // a bit a position
}

// NewCache returns an empty cache for a sequence of at most this length.
func NewCache(c Config, positions int) *Cache {
	k := &Cache{positions: positions, headDim: c.HeadDim, fed: make([]uint64, (positions+63)/64)}
	for range c.Layers {
		k.keys = append(k.keys, make([]float32, positions*c.kvDim()))
		k.values = append(k.values, make([]float32, positions*c.kvDim()))
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
		copy(k.keys[layer][at:][:d], key[h*d:])
		copy(k.values[layer][at:][:d], value[h*d:])
	}
}

// head returns the keys and values of a head, [positions, head size] each.
func (k *Cache) head(layer, h int) (keys, values []float32) {
	n := k.positions * k.headDim
	return k.keys[layer][h*n:][:n], k.values[layer][h*n:][:n]
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

package llama

import (
	"fmt"
	"math"
	"math/bits"
	"unsafe"

	"github.com/zipar/zipar/internal/memory"
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
	pad       int // a position's key lies so many places further on; see Fold

	// keys: [layers][kv heads, keyLen], in blocks of positions; see
	// tensor.KeyBlock. values: [layers][kv heads, positions, width]. Those of
	// one type are nil. all, or allF16, is their memory.
	keys, values       [][]float32
	keysF16, valuesF16 [][]uint16
	all                []float32
	allF16             []uint16

	fed    []uint64 // a bit a position
	folded int      // the position that stands for the prefix, or -1
	share  float32  // its score with every query
}

// NewCache returns an empty cache for a sequence of at most this length. half
// keeps keys and values as half floats.
func NewCache(c Config, positions int, half bool) *Cache {
	k := &Cache{
		positions: positions, heads: c.KVHeads, headDim: c.HeadDim, width: c.valueWidth(), keyLen: c.keyLen(positions),
		fed: make([]uint64, (positions+63)/64), folded: -1,
	}
	keys, values := c.KVHeads*k.keyLen, c.KVHeads*positions*k.width
	if half {
		k.allF16, k.keysF16, k.valuesF16 = layersOf[uint16](c.Layers, keys, values)
	} else {
		k.all, k.keys, k.values = layersOf[float32](c.Layers, keys, values)
	}
	return k
}

// layersOf returns so many keys and values for each layer, all of them in one piece of
// memory, where large pages fit, and each on pages of its own.
func layersOf[T float32 | uint16](layers, keys, values int) (all []T, k, v [][]T) {
	page := 4096 / int(unsafe.Sizeof(T(0)))
	whole := func(n int) int { return (n + page - 1) / page * page }
	all = make([]T, layers*(whole(keys)+whole(values)))
	rest := all
	take := func(n int) []T {
		s := rest[:n:n]
		rest = rest[whole(n):]
		return s
	}
	for range layers {
		k, v = append(k, take(keys)), append(v, take(values))
	}
	return all, k, v
}

// Populate has all memory of the cache ready before it is used, so that no pass
// waits for the system to find some: on large pages, if it has such.
func (k *Cache) Populate(p *tensor.Pool) {
	if k.allF16 != nil {
		populate(p, k.allF16)
	} else {
		populate(p, k.all)
	}
}

func populate[T any](p *tensor.Pool, s []T) {
	memory.Large(s)
	const piece = 2 << 20
	p.Each((len(s)+piece-1)/piece, func(_, i int) {
		memory.Populate(s[i*piece : min((i+1)*piece, len(s))])
	})
}

// Reset forgets everything.
func (k *Cache) Reset() {
	clear(k.fed)
	k.pad, k.folded, k.share = 0, -1, 0
}

// Fold merges the positions before end, all of which have the key zero, as
// prefixes have (see NewRotary2D), into one: position end-1. Every query gives
// each of these n positions the score 0. So a single one with the mean of their
// values and the score ln n does the same, but for rounding, and later
// queries read n-1 keys and values less. Position end-1 must have been fed and
// none after it; no position before end may be fed any more until Reset.
//
// The keys that follow begin with a block of their own: the rows of a picture
// then do, too, where their length is a multiple of the block's.
func (k *Cache) Fold(end int) {
	var runs []tensor.Run
	n := 0
	for _, at := range k.visible(end-1, nil) {
		r := k.valueRun(at, n)
		r.End = 1
		runs = append(runs, r)
		n += at.hi - at.lo
	}
	k.pad = tensor.KeyLen(end, 1) - end
	k.folded, k.share = end-1, float32(math.Log(float64(n)))
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
			k.mix(mean, weights, n, layer, head, runs, nil)
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
}

// feed marks a position as fed.
func (k *Cache) feed(pos int) {
	if pos < 0 || pos >= k.positions {
		panic(fmt.Sprintf("llama: position %d of a cache for %d", pos, k.positions))
	}
	k.fed[pos/64] |= 1 << (pos % 64)
}

// put stores the key and the value of a layer, a head and a position. half is
// working memory, as many values as a key has.
func (k *Cache) put(layer, head, pos int, key, value []float32, half []uint16) {
	keys, at := head*k.keyLen, (head*k.positions+pos)*k.width
	if k.keysF16 != nil {
		tensor.ToF16(half, key)
		tensor.SetKey(k.keysF16[layer][keys:], pos+k.pad, half)
		tensor.ToF16(k.valuesF16[layer][at:][:len(value)], value)
		return
	}
	tensor.SetKey(k.keys[layer][keys:], pos+k.pad, key)
	copy(k.values[layer][at:], value)
}

// keysOf is the memory of the keys of a run of positions: whole blocks.
func (k *Cache) keysOf(layer, head int, at span) (lo, hi uintptr) {
	if at.lo == k.folded {
		at.lo++ // it needs none
	}
	start, _, size := k.addresses(layer)
	start += size * uintptr(head*k.keyLen)
	first := (at.lo + k.pad) / tensor.KeyBlock * tensor.KeyBlock
	end := max(first, at.hi+k.pad)
	return start + size*uintptr(first*k.headDim), start + size*uintptr(tensor.KeyLen(end, k.headDim))
}

// valuesOf is the memory of the values of a run of positions.
func (k *Cache) valuesOf(layer, head int, at span) (lo, hi uintptr) {
	_, start, size := k.addresses(layer)
	value := func(pos int) uintptr { return start + size*uintptr((head*k.positions+pos)*k.width) }
	return value(at.lo), value(at.hi)
}

// addresses says where a layer's keys and values lie, and how many bytes each number
// takes.
func (k *Cache) addresses(layer int) (keys, values, size uintptr) {
	if k.keysF16 != nil {
		return tensor.Address(k.keysF16[layer]), tensor.Address(k.valuesF16[layer]), 2
	}
	return tensor.Address(k.keys[layer]), tensor.Address(k.values[layer]), 4
}

// blockOf is the first position whose key lies in a position's block.
func (k *Cache) blockOf(pos int) int {
	return max(0, (pos+k.pad)/tensor.KeyBlock*tensor.KeyBlock-k.pad)
}

// keyRun and valueRun are the keys and the values of some positions as a run, for
// scores from a place on. Which rows see it is for the caller to say.
func (k *Cache) keyRun(at span, place int) tensor.Run {
	if at.lo == k.folded {
		at.lo++ // it has none; see fill
		place++
	}
	return tensor.Run{Lo: at.lo + k.pad, Hi: at.hi + k.pad, At: place}
}

func (k *Cache) valueRun(at span, place int) tensor.Run {
	return tensor.Run{Lo: at.lo, Hi: at.hi, At: place}
}

// fill sets the first score of some rows, at c·lds, if the first position stands for
// the prefix.
func (k *Cache) fill(s []float32, lds, rows int, first span) {
	if first.lo == k.folded {
		for c := range rows {
			s[c*lds] = k.share
		}
	}
}

// scores sets s to the products of queries, q, [rows][head size] at c·ldq, and the keys
// of runs; see tensor.AttentionScores. work is tensor.AttentionWork floats, ahead what
// the thread reads next, or nil.
func (k *Cache) scores(s []float32, lds int, q []float32, ldq, layer, head int, runs []tensor.Run, work []float32, ahead *tensor.Stream) {
	if k.keysF16 != nil {
		tensor.AttentionScoresF16(s, lds, q, ldq, k.keysF16[layer][head*k.keyLen:][:k.keyLen], k.headDim, runs, work, ahead)
		return
	}
	tensor.AttentionScores(s, lds, q, ldq, k.keys[layer][head*k.keyLen:][:k.keyLen], k.headDim, runs, work, ahead)
}

// mix adds the values of runs, weighted with p, [rows][places] at c·ldp, to out,
// [rows][width]; see tensor.AttentionMix.
func (k *Cache) mix(out []float32, p []float32, ldp, layer, head int, runs []tensor.Run, ahead *tensor.Stream) {
	d := k.width
	from, size := head*k.positions*d, k.positions*d
	if k.valuesF16 != nil {
		tensor.AttentionMixF16(out, d, p, ldp, k.valuesF16[layer][from:][:size], d, runs, ahead)
		return
	}
	tensor.AttentionMix(out, d, p, ldp, k.values[layer][from:][:size], d, runs, ahead)
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

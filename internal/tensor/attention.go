package tensor

import (
	"fmt"
	"unsafe"
)

// The two products of attention, for one or several rows of queries over the
// same keys and values: each key and value is read once for all rows.
//
//	keys:   [blocks of KeyBlock positions][d][KeyBlock], float32 or half floats
//	values: [count, d], float32 or half floats
//	q:      [rows][d], row c at c·ldq
//	s, p:   [rows][count], row c at c·lds
//	out:    [rows][d], row c at c·ldo
//
// A row's bits do not depend on the other rows. A mix may be done in parts,
// one after the other: the sums are chains in the order of the positions.
//
// Memory is the limit, so that the kernels ask for what the thread reads next:
// ahead, or nil for no more than the rest of their own keys and values.

// KeyBlock is how many positions' keys lie in a block: value j of all of
// them, then value j+1. So a vector has the same value of 16 keys, and a score
// is a single chain, with no lanes to add up at its end.
const KeyBlock = 16

// KeyLen is how many values the keys of some positions, d values each, take:
// whole blocks.
func KeyLen(positions, d int) int { return (positions + KeyBlock - 1) / KeyBlock * KeyBlock * d }

// SetKey stores the key of a position.
func SetKey[T float32 | uint16](keys []T, pos int, key []T) {
	at := keys[pos/KeyBlock*KeyBlock*len(key)+pos%KeyBlock:]
	// Four values at a time, with one check of the lengths.
	for len(key) >= 4 && len(at) > 4*KeyBlock {
		b, k := at[:3*KeyBlock+1], key[:4]
		b[0], b[KeyBlock], b[2*KeyBlock], b[3*KeyBlock] = k[0], k[1], k[2], k[3]
		at, key = at[4*KeyBlock:], key[4:]
	}
	for j, v := range key {
		at[j*KeyBlock] = v
	}
}

// SetKeys sets a block of keys, [d][KeyBlock], to those of its first count
// positions, [count][d], key i at i·stride. What it has for the other positions
// is undefined then. It is fastest if d is a multiple of 4 and the keys are
// followed by others, up to a multiple of 4.
func SetKeys(block, keys []float32, stride, count, d int) {
	if count <= 0 || d <= 0 {
		return
	}
	if count > KeyBlock || len(block) < KeyBlock*d || len(keys) < (count-1)*stride+d {
		panic(fmt.Sprintf("tensor: SetKeys of %d keys, %d values each: the block has %d, the keys %d", count, d, len(block), len(keys)))
	}
	active.setKeys(block, keys, stride, count, d)
}

// AttentionWork is how many floats of working memory scores need: those of a
// block for the widest tile of columns.
const AttentionWork = 8 * KeyBlock

// AttentionScoresOfRows sets s[c·lds+i-lo] = q_c·key i for lo <= i < hi. work
// is AttentionWork floats of the caller's. It is fastest if lo begins a block and
// there is room behind each row's scores, in lds and in s, for those of a
// whole block, which are overwritten then.
func AttentionScoresOfRows(s []float32, lds int, q []float32, ldq, rows int, keys []float32, d, lo, hi int, work []float32, ahead *Stream) {
	if checkScores(s, lds, q, ldq, rows, len(keys), d, lo, hi, work) {
		active.scores(s, lds, q, ldq, rows, keys, d, lo, hi, work, ahead)
	}
}

// Address is where a slice begins, for what is to be fetched ahead; 0 if it is
// empty.
func Address[T any](s []T) uintptr {
	if len(s) == 0 {
		return 0
	}
	return uintptr(unsafe.Pointer(&s[0]))
}

// endOf is the address after a slice that is not empty.
func endOf[T any](s []T) uintptr { return Address(s) + uintptr(len(s))*unsafe.Sizeof(s[0]) }

// Fetch asks for so many bytes of memory, which come into the second cache while
// the thread goes on. That pays for what it will soon read from scattered places.
func Fetch(address uintptr, bytes int) {
	if first := address &^ (cacheLine - 1); address != 0 && bytes > 0 {
		active.fetch(first, int(address+uintptr(bytes)-first+cacheLine-1)/cacheLine, cacheLine)
	}
}

// FetchPages asks for a line of every page from an address up to another. A kernel
// that is the first to touch a page waits until the processor has found it; of
// pages that are asked for one right after the other it looks for several at a time.
func FetchPages(lo, hi uintptr) {
	if lo != 0 && lo < hi {
		active.fetch(lo, int(hi-lo+pageBytes-1)/pageBytes, pageBytes)
	}
}

// cacheLine is how many bytes a processor fetches at least, pageBytes how many it
// finds at a time; pages may be larger.
const (
	cacheLine = 64
	pageBytes = 4096
)

// AttentionScoresOfRowsF16 is AttentionScoresOfRows with half floats as keys.
func AttentionScoresOfRowsF16(s []float32, lds int, q []float32, ldq, rows int, keys []uint16, d, lo, hi int, work []float32, ahead *Stream) {
	if checkScores(s, lds, q, ldq, rows, len(keys), d, lo, hi, work) {
		active.scoresF16(s, lds, q, ldq, rows, keys, d, lo, hi, work, ahead)
	}
}

// AttentionMixRows adds Σ_i p[c·ldp+i]·values[i] for i < count to row c of out.
// It is fastest if d is a multiple of 16.
func AttentionMixRows(out []float32, ldo int, p []float32, ldp, rows int, values []float32, d, count int, ahead *Stream) {
	if checkAttention(len(p), ldp, len(out), ldo, rows, len(values), d, count) {
		active.mix(out, ldo, p, ldp, rows, values, d, count, ahead)
	}
}

// AttentionMixRowsF16 is AttentionMixRows with half floats as values.
func AttentionMixRowsF16(out []float32, ldo int, p []float32, ldp, rows int, values []uint16, d, count int, ahead *Stream) {
	if checkAttention(len(p), ldp, len(out), ldo, rows, len(values), d, count) {
		active.mixF16(out, ldo, p, ldp, rows, values, d, count, ahead)
	}
}

// checkScores is checkAttention for keys in blocks.
func checkScores(s []float32, lds int, q []float32, ldq, rows, keys, d, lo, hi int, work []float32) bool {
	if !checkAttention(len(s), lds, len(q), ldq, rows, keys, d, hi-lo) {
		return false
	}
	if lo < 0 || keys < KeyLen(hi, d) || len(work) < AttentionWork {
		panic(fmt.Sprintf("tensor: scores of positions %d to %d, %d values each: %d values of keys, %d of working memory",
			lo, hi, d, keys, len(work)))
	}
	return true
}

// checkAttention panics unless the buffers hold what is asked for. It reports
// whether there is anything to compute.
func checkAttention(scores, lds, rowsLen, ldr, rows, kv, d, count int) bool {
	if rows <= 0 || count <= 0 || d <= 0 {
		return false
	}
	if scores < (rows-1)*lds+count || rowsLen < (rows-1)*ldr+d || kv < count*d {
		panic(fmt.Sprintf("tensor: attention of %d rows over %d positions of %d values: %d scores, %d row values, %d keys or values",
			rows, count, d, scores, rowsLen, kv))
	}
	return true
}

// ToF16 rounds to half floats, to nearest, ties to even; what is too large
// becomes infinite. dst and src have the same length.
func ToF16(dst []uint16, src []float32) { active.half(dst[:len(src)], src) }

package tensor

import (
	"fmt"
	"unsafe"
)

// The two products of attention, for one or several rows of queries over the
// same keys and values: each key and value is read once for all rows.
//
//	keys:   [blocks of KeyBlock positions][d][KeyBlock], float32 or half floats
//	values: [positions, d], float32 or half floats
//	q:      [rows][d], row c at c·ldq
//	s, p:   [rows][places], row c at c·lds
//	out:    [rows][d], row c at c·ldo
//
// Which positions and which rows is a list of runs. A row's bits do not depend on
// the other rows. A mix may be done in parts, one after the other: the sums are chains
// in the order of the runs, and of the positions in them.
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

// A Run is the positions Lo..Hi-1 and the rows First..End-1, which see them. Their
// scores lie at the places At.. of a row.
type Run struct {
	Lo, Hi     int
	First, End int
	At         int
}

// AttentionScores sets s[c·lds+At+i-Lo] = q_c·key i for all positions i and rows c of
// each run. work is AttentionWork floats of the caller's. It is fastest if a run begins
// with a block and has room behind each row's scores, in lds and in s, for those
// of a whole block, which are overwritten then: so runs come by ascending place.
func AttentionScores(s []float32, lds int, q []float32, ldq int, keys []float32, d int, runs []Run, work []float32, ahead *Stream) {
	checkScores(s, lds, q, ldq, len(keys), d, runs, work)
	active.scores(s, lds, q, ldq, keys, d, runs, work, ahead)
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

// AttentionScoresF16 is AttentionScores with half floats as keys.
func AttentionScoresF16(s []float32, lds int, q []float32, ldq int, keys []uint16, d int, runs []Run, work []float32, ahead *Stream) {
	checkScores(s, lds, q, ldq, len(keys), d, runs, work)
	active.scoresF16(s, lds, q, ldq, keys, d, runs, work, ahead)
}

// AttentionMix adds Σ_i p[c·ldp+At+i-Lo]·values[i] for the positions i of each run to
// row c of out, for its rows c. It is fastest if d is a multiple of 16.
func AttentionMix(out []float32, ldo int, p []float32, ldp int, values []float32, d int, runs []Run, ahead *Stream) {
	checkMix(len(p), ldp, len(out), ldo, len(values), d, runs)
	active.mix(out, ldo, p, ldp, values, d, runs, ahead)
}

// AttentionMixF16 is AttentionMix with half floats as values.
func AttentionMixF16(out []float32, ldo int, p []float32, ldp int, values []uint16, d int, runs []Run, ahead *Stream) {
	checkMix(len(p), ldp, len(out), ldo, len(values), d, runs)
	active.mixF16(out, ldo, p, ldp, values, d, runs, ahead)
}

// checkScores is checkMix for keys in blocks.
func checkScores(s []float32, lds int, q []float32, ldq, keys, d int, runs []Run, work []float32) {
	for i := range runs {
		if r := &runs[i]; keys < KeyLen(r.Hi, d) || len(work) < AttentionWork {
			panic(fmt.Sprintf("tensor: scores of %+v, %d values each: %d values of keys, %d of working memory", *r, d, keys, len(work)))
		}
	}
	checkMix(len(s), lds, len(q), ldq, keys, d, runs)
}

// checkMix panics unless the buffers hold what is asked for.
func checkMix(scores, lds, rowsLen, ldr, kv, d int, runs []Run) {
	for i := range runs {
		r := &runs[i]
		n := r.Hi - r.Lo
		if d <= 0 || r.Lo < 0 || n <= 0 || r.First < 0 || r.End <= r.First || r.At < 0 ||
			scores < (r.End-1)*lds+r.At+n || rowsLen < (r.End-1)*ldr+d || kv < r.Hi*d {
			panic(fmt.Sprintf("tensor: attention of %+v, %d values each: %d scores, %d row values, %d keys or values",
				*r, d, scores, rowsLen, kv))
		}
	}
}

// ToF16 rounds to half floats, to nearest, ties to even; what is too large
// becomes infinite. dst and src have the same length.
func ToF16(dst []uint16, src []float32) { active.half(dst[:len(src)], src) }

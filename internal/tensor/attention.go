package tensor

import "fmt"

// The two products of attention, for one or several rows of queries over the
// same keys and values: each key and value is read once for all rows.
//
//	keys, values: [count, d], float32 or half floats
//	q:            [rows][d], row c at c·ldq
//	s, p:         [rows][count], row c at c·lds
//	out:          [rows][d], row c at c·ldo
//
// A row's bits do not depend on the other rows. A mix may be done in parts,
// one after the other: the sums are chains in the order of the positions.

// AttentionScores sets s[i] = q·keys[i], keys being [len(s), len(q)].
func AttentionScores(s, q, keys []float32) {
	AttentionScoresOfRows(s, len(s), q, len(q), 1, keys, len(q), len(s))
}

// AttentionScoresOfRows sets s[c·lds+i] = q_c·keys[i] for i < count.
func AttentionScoresOfRows(s []float32, lds int, q []float32, ldq, rows int, keys []float32, d, count int) {
	if checkAttention(len(s), lds, len(q), ldq, rows, len(keys), d, count) {
		active.dot(s, lds, keys[:count*d], count, q, ldq, rows, d, nil)
	}
}

// AttentionScoresOfRowsF16 is AttentionScoresOfRows with half floats as keys.
func AttentionScoresOfRowsF16(s []float32, lds int, q []float32, ldq, rows int, keys []uint16, d, count int) {
	if checkAttention(len(s), lds, len(q), ldq, rows, len(keys), d, count) {
		active.scoresF16(s, lds, keys[:count*d], count, q, ldq, rows, d)
	}
}

// AttentionMix adds Σ_i p[i]·values[i] to out, values being [len(p), len(out)].
func AttentionMix(out, p, values []float32) {
	AttentionMixRows(out, len(out), p, len(p), 1, values, len(out), len(p))
}

// AttentionMixRows adds Σ_i p[c·ldp+i]·values[i] for i < count to row c of out.
func AttentionMixRows(out []float32, ldo int, p []float32, ldp, rows int, values []float32, d, count int) {
	if checkAttention(len(p), ldp, len(out), ldo, rows, len(values), d, count) {
		active.mix(out, ldo, p, ldp, rows, values[:count*d], d, count)
	}
}

// AttentionMixRowsF16 is AttentionMixRows with half floats as values.
func AttentionMixRowsF16(out []float32, ldo int, p []float32, ldp, rows int, values []uint16, d, count int) {
	if checkAttention(len(p), ldp, len(out), ldo, rows, len(values), d, count) {
		active.mixF16(out, ldo, p, ldp, rows, values[:count*d], d, count)
	}
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

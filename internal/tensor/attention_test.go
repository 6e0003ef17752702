package tensor

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
)

// oneRun is the positions lo..hi-1 of so many rows.
func oneRun(lo, hi, rows int) []Run {
	if lo == hi || rows == 0 {
		return nil
	}
	return []Run{{Lo: lo, Hi: hi, End: rows}}
}

// attentionMix is AttentionMix of one row.
func attentionMix(out, p, values []float32) {
	AttentionMix(out, len(out), p, len(p), values, len(out), oneRun(0, len(p), 1), nil)
}

func TestAttention(t *testing.T) {
	onEachCPU(t, func(t *testing.T) {
		for _, d := range []int{1, 2, 8, 15, 16, 17, 20, 31, 48, 64, 80, 100, 128} {
			for _, n := range []int{0, 1, 2, 3, 4, 5, 7, 9, 33} {
				what := fmt.Sprintf("%d positions of %d values", n, d)
				q := newGuarded(d, 1, normals(1))
				keys := newGuarded(n*d, 3, normals(2))
				s, work := newGuarded(n, 2, zero), make([]float32, AttentionWork)
				AttentionScores(s.data, n, q.data, d, blockKeys(keys.data, d, 0, guardValue), d, oneRun(0, n, 1), work, nil)
				for i, v := range s.data {
					want, size := 0.0, 0.0
					for j, u := range q.data {
						p := float64(u) * float64(keys.data[i*d+j])
						want += p
						size += math.Abs(p)
					}
					if math.Abs(float64(v)-want) > 1e-6*size {
						t.Fatalf("%s: score %d is %v, want %v", what, i, v, want)
					}
				}
				start := randoms(d, 9)
				out := newGuarded(d, 2, func(i int) float32 { return start[i] })
				attentionMix(out.data, s.data, keys.data)
				for j, v := range out.data {
					want, size := float64(start[j]), math.Abs(float64(start[j]))
					for i, u := range s.data {
						p := float64(u) * float64(keys.data[i*d+j])
						want += p
						size += math.Abs(p)
					}
					if math.Abs(float64(v)-want) > 2e-6*size {
						t.Fatalf("%s: mixed value %d is %v, want %v", what, j, v, want)
					}
				}
				for _, g := range []guarded{q, keys, s, out} {
					g.check(t, what)
				}
				// A mix in two parts is the same chain.
				for cut := range n {
					again := copyOf(start)
					attentionMix(again, s.data[:cut], keys.data)
					attentionMix(again, s.data[cut:], keys.data[cut*d:])
					sameBits(t, what+" in two parts", again, out.data)
				}
			}
		}
	})
}

// TestSetKeys: each key lies where SetKey puts it, and nothing else is written.
func TestSetKeys(t *testing.T) {
	onEachCPU(t, func(t *testing.T) {
		for _, d := range []int{1, 4, 6, 8, 12, 16, 40, 64, 80, 128} {
			for count := 1; count <= KeyBlock; count++ {
				for _, more := range []int{0, 3} { // keys behind those wanted
					stride := d + count%3*5
					keys := newGuarded((count+more-1)*stride+d, count%5, normals(uint64(d)))
					got := newGuarded(KeyBlock*d, count%4, zero)
					SetKeys(got.data, keys.data, stride, count, d)
					what := fmt.Sprintf("%d keys of %d", count, d)
					got.check(t, what)
					for i := range count {
						for j := range d {
							if got.data[j*KeyBlock+i] != keys.data[i*stride+j] {
								t.Fatalf("%s: value %d of key %d is %v", what, j, i, got.data[j*KeyBlock+i])
							}
						}
					}
				}
			}
		}
	})
}

// blockKeys returns keys of positions lo, lo+1, ..., given one after the other,
// in blocks. All other positions are spoiled.
func blockKeys[T float32 | uint16](keys []T, d, lo int, spoil T) []T {
	count := len(keys) / d
	blocks := make([]T, KeyLen(lo+count, d))
	for i := range blocks {
		blocks[i] = spoil
	}
	for i := range count {
		SetKey(blocks, lo+i, keys[i*d:][:d])
	}
	return blocks
}

// scoreModel is a score as the kernels in use compute it.
func scoreModel(q, key []float32) float32 {
	if isGeneric() {
		return dot(q, key)
	}
	return chainModel(0, len(q), func(i int) (a, b float32) { return q[i], key[i] })
}

// TestAttentionOfRows: scores are single chains, whatever the other rows and
// the place in a block; a row's mix has the bits that it has alone. Half keys
// and values give the bits of the same numbers in float32. Nothing beyond the
// rows is written.
func TestAttentionOfRows(t *testing.T) {
	onEachCPU(t, func(t *testing.T) {
		for _, d := range []int{1, 3, 4, 7, 16, 20, 48, 64, 80, 100, 128} {
			for _, count := range []int{1, 2, 5, 17, 64, 83} {
				const most = 14
				var ahead Stream
				lo := (3 * count) % 19
				q := newGuarded(most*(d+3), 1, normals(1))
				work := newGuarded(AttentionWork, 0, zero)
				keys := newGuarded(count*d, 3, normals(2))
				half := make([]uint16, count*d)
				ToF16(half, keys.data)
				rounded := make([]float32, count*d)
				for i, h := range half {
					rounded[i] = halfToFloat(h)
				}
				const nan = 0x7e01
				blocks := newGuarded(KeyLen(lo+count, d), 1, zero)
				copy(blocks.data, blockKeys(keys.data, d, lo, guardValue))
				halfBlocks := blockKeys(half, d, lo, nan)
				lds, ldq := count+2, d+3
				want, want16 := make([]float32, most*count), make([]float32, most*count)
				for c := range most {
					for i := range count {
						want[c*count+i] = scoreModel(q.data[c*ldq:][:d], keys.data[i*d:][:d])
						want16[c*count+i] = scoreModel(q.data[c*ldq:][:d], rounded[i*d:][:d])
					}
				}
				for rows := range most + 1 {
					what := fmt.Sprintf("%d rows, %d positions of %d values", rows, count, d)
					n := max(0, (rows-1)*lds+count)
					s := newGuarded(n, 2, func(int) float32 { return 7 })
					AttentionScores(s.data, lds, q.data, ldq, blocks.data, d, oneRun(lo, lo+count, rows), work.data, nil)
					ahead.Start(&regions{{Address(half), endOf(half)}, {Address(halfBlocks), endOf(halfBlocks)}})
					s16 := newGuarded(n, 1, func(int) float32 { return 7 })
					AttentionScoresF16(s16.data, lds, q.data, ldq, halfBlocks, d, oneRun(lo, lo+count, rows), work.data, &ahead)
					out := newGuarded(max(0, (rows-1)*ldq+d), 2, normals(3))
					start := copyOf(out.data)
					AttentionMix(out.data, ldq, s.data, lds, keys.data, d, oneRun(0, count, rows), nil)
					out16 := newGuarded(len(start), 1, func(i int) float32 { return start[i] })
					AttentionMixF16(out16.data, ldq, s.data, lds, half, d, oneRun(0, count, rows), &ahead)
					// With room for a block behind each row's scores.
					wide := KeyLen(lo+count, 1) - lo
					r := newGuarded(rows*wide, 1, zero)
					AttentionScores(r.data, wide, q.data, ldq, blocks.data, d, oneRun(lo, lo+count, rows), work.data, nil)
					r16 := newGuarded(rows*wide, 3, zero)
					AttentionScoresF16(r16.data, wide, q.data, ldq, halfBlocks, d, oneRun(lo, lo+count, rows), work.data, nil)
					for c := range rows {
						sameBits(t, what+": scores with room", r.data[c*wide:][:count], want[c*count:][:count])
						sameBits(t, what+": half scores with room", r16.data[c*wide:][:count], want16[c*count:][:count])
						sameBits(t, what+": scores", s.data[c*lds:][:count], want[c*count:][:count])
						sameBits(t, what+": half scores", s16.data[c*lds:][:count], want16[c*count:][:count])
						mixed, mixed16 := copyOf(start[c*ldq:][:d]), copyOf(start[c*ldq:][:d])
						attentionMix(mixed, s.data[c*lds:][:count], keys.data)
						sameBits(t, what+": mix", out.data[c*ldq:][:d], mixed)
						attentionMix(mixed16, s.data[c*lds:][:count], rounded)
						sameBits(t, what+": half mix", out16.data[c*ldq:][:d], mixed16)
						// Between the rows nothing is written.
						if c+1 < rows {
							gap := append(copyOf(s.data[c*lds+count:(c+1)*lds]), s16.data[c*lds+count:(c+1)*lds]...)
							sameBits(t, what+": between the scores", gap, []float32{7, 7, 7, 7})
							sameBits(t, what+": between the rows", out.data[c*ldq+d:(c+1)*ldq], start[c*ldq+d:(c+1)*ldq])
							sameBits(t, what+": between the half rows", out16.data[c*ldq+d:(c+1)*ldq], start[c*ldq+d:(c+1)*ldq])
						}
					}
					for _, g := range []guarded{q, keys, blocks, work, s, s16, r, r16, out, out16} {
						g.check(t, what)
					}
				}
			}
		}
	})
	work := make([]float32, AttentionWork)
	mustPanic(t, "too few scores", func() {
		AttentionScores(make([]float32, 5), 4, make([]float32, 8), 4, make([]float32, 64), 4, oneRun(0, 2, 2), work, nil)
	})
	mustPanic(t, "keys without the end of their block", func() {
		AttentionScores(make([]float32, 8), 4, make([]float32, 8), 4, make([]float32, 63), 4, oneRun(0, 2, 2), work, nil)
	})
	mustPanic(t, "a run of no rows", func() {
		AttentionScores(make([]float32, 8), 4, make([]float32, 8), 4, make([]float32, 64), 4, []Run{{Hi: 2}}, work, nil)
	})
	mustPanic(t, "no working memory", func() {
		AttentionScoresF16(make([]float32, 8), 4, make([]float32, 8), 4, make([]uint16, 64), 4, oneRun(0, 2, 2), nil, nil)
	})
	mustPanic(t, "too few values", func() {
		AttentionMix(make([]float32, 4), 4, make([]float32, 2), 2, make([]float32, 7), 4, oneRun(0, 2, 1), nil)
	})
}

// TestAttentionOfRuns: several runs at once give what each gives alone, whichever rows see them
// and wherever their scores lie. Rows that no run has stay as they are.
func TestAttentionOfRuns(t *testing.T) {
	const d, most, positions, room = 20, 14, 150, KeyBlock
	r := rand.New(rand.NewPCG(1, 2))
	keys, values, q := randoms(KeyLen(positions, d), 1), randoms(positions*d, 2), randoms(most*d, 3)
	keysF16, valuesF16 := make([]uint16, len(keys)), make([]uint16, len(values))
	ToF16(keysF16, keys)
	ToF16(valuesF16, values)
	work := make([]float32, AttentionWork)
	onEachCPU(t, func(t *testing.T) {
		for range 200 {
			rows := 1 + r.IntN(most)
			var runs []Run
			end, place := 0, 0
			for range r.IntN(6) {
				lo := end + r.IntN(20)
				end = lo + 1 + r.IntN(40)
				if end > positions {
					break
				}
				first := r.IntN(rows)
				runs = append(runs, Run{Lo: lo, Hi: end, First: first, End: first + 1 + r.IntN(rows-first), At: place})
				place += end - lo
			}
			ld := place + room
			for _, half := range []bool{false, true} {
				scores := func(s []float32, runs []Run) {
					if half {
						AttentionScoresF16(s, ld, q, d, keysF16, d, runs, work, nil)
					} else {
						AttentionScores(s, ld, q, d, keys, d, runs, work, nil)
					}
				}
				mix := func(out, p []float32, runs []Run) {
					if half {
						AttentionMixF16(out, d, p, ld, valuesF16, d, runs, nil)
					} else {
						AttentionMix(out, d, p, ld, values, d, runs, nil)
					}
				}
				what := fmt.Sprintf("%d rows, half %v, %+v", rows, half, runs)
				got, want := newGuarded(rows*ld, 3, zero), make([]float32, rows*ld)
				out, wantOut := newGuarded(rows*d, 1, normals(4)), make([]float32, rows*d)
				copy(wantOut, out.data)
				scores(got.data, runs)
				for _, run := range runs {
					n := run.Hi - run.Lo
					for c := run.First; c < run.End; c++ {
						one := make([]float32, rows*ld)
						scores(one, []Run{{Lo: run.Lo, Hi: run.Hi, First: c, End: c + 1}})
						copy(want[c*ld+run.At:][:n], one[c*ld:])
						sameBits(t, what+": scores", got.data[c*ld+run.At:][:n], want[c*ld+run.At:][:n])
					}
				}
				for c := range rows {
					if !slices.ContainsFunc(runs, func(r Run) bool { return r.First <= c && c < r.End }) {
						sameBits(t, what+": another row", got.data[c*ld:][:ld], want[c*ld:][:ld])
					}
				}
				mix(out.data, want, runs)
				for _, run := range runs {
					for c := run.First; c < run.End; c++ {
						mix(wantOut, want, []Run{{Lo: run.Lo, Hi: run.Hi, First: c, End: c + 1, At: run.At}})
					}
				}
				sameBits(t, what+": mix", out.data, wantOut)
				got.check(t, what)
				out.check(t, what)
			}
		}
	})
}

// TestToF16 compares with ggml's rounding, including ties, subnormal and
// overflowing values.
func TestToF16(t *testing.T) {
	x := randoms(300, 1)
	for i := range x {
		switch i % 6 {
		case 1:
			x[i] *= 0x1p-20
		case 2:
			x[i] *= 0x1p14
		case 3:
			x[i] = 1 + float32(i)*0x1p-11
		case 4:
			x[i] = float32(math.Inf(i%12 - 5))
		}
	}
	want := make([]byte, 2*len(x))
	ggml.Quantize(ggml.F16, want, x)
	onEachCPU(t, func(t *testing.T) {
		for _, n := range append(lengths()[:70], len(x)) {
			got := make([]uint16, n+2)
			got[n], got[n+1] = 0x5a5a, 0x5a5a
			ToF16(got[:n], x[:n])
			for i, h := range got[:n] {
				if w := uint16(want[2*i]) | uint16(want[2*i+1])<<8; h != w {
					t.Fatalf("value %d of %d, %v: %#04x, want %#04x", i, n, x[i], h, w)
				}
			}
			if got[n] != 0x5a5a || got[n+1] != 0x5a5a {
				t.Fatalf("%d values: more was written", n)
			}
		}
	})
}

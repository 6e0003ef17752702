package tensor

import (
	"encoding/binary"
	"fmt"
	"math"
)

// What kernels can be held against: how fast threads read memory, and how fast
// they multiply and add in registers. The loops here do nothing else.

// limits are the loops of a set of kernels.
type limits struct {
	// reads are ways to read b, whose length is a positive multiple of
	// readStep; which one is fastest depends on the processor. Each returns
	// the exclusive or of all 32-bit words.
	reads []func(b []byte) uint32
	// fma multiplies and adds float32 values, dot 8-bit integers.
	fma, dot peakLoop
}

// readStep is how many bytes a round of a loop reads.
const readStep = 256

// A peakLoop multiplies and adds in registers, in chains that do not wait for
// each other.
type peakLoop struct {
	name string // what it is made of, for people
	sums int    // 32-bit words of them, at most peakSums
	ops  int    // additions and multiplications to a word in a round
	// run does rounds, at least 1, and writes the sums that it has then.
	run func(sums *[peakSums]uint32, rounds int)
}

// peakSums is the most words that a loop has: 24 vectors of AVX-512.
const peakSums = 24 * 16

// A Peak is a kind of arithmetic.
type Peak int

const (
	// PeakFMA is float32 multiply-adds: products with float weights,
	// convolutions and attention.
	PeakFMA Peak = iota
	// PeakDot is multiply-adds of 8-bit integers: products with packed types.
	PeakDot
)

func (k Peak) loop() *peakLoop {
	if k == PeakDot {
		return &active.limits.dot
	}
	return &active.limits.fma
}

// Name says which instructions the kernels in use have for it.
func (k Peak) Name() string { return k.loop().name }

// PeakOf is the arithmetic of MatMul with weights of this matrix's type.
func PeakOf(m *Matrix) Peak {
	if packings[m.Type] != nil {
		return PeakDot
	}
	return PeakFMA
}

// Peak does rounds, at least 1, of a kind of arithmetic in registers, several
// times on each thread, and returns how many additions and multiplications
// that were.
func (p *Pool) Peak(k Peak, rounds int) (ops float64) {
	if rounds < 1 {
		panic(fmt.Sprintf("tensor: %d rounds", rounds))
	}
	const each = 8 // so that threads end together
	items := each * p.threads
	l := k.loop()
	p.Run(&peakTask{loop: l, rounds: rounds, sums: make([][peakSums]uint32, p.threads)}, items, 1)
	return float64(items) * float64(rounds) * float64(l.sums*l.ops)
}

type peakTask struct {
	loop   *peakLoop
	rounds int
	sums   [][peakSums]uint32 // by worker
}

func (t *peakTask) Do(worker, lo, hi int) {
	for range hi - lo {
		t.loop.run(&t.sums[worker], t.rounds)
	}
}

// ReadWays is in how many ways Pool.Read can read memory.
func ReadWays() int { return len(active.limits.reads) }

// Read reads b, of which every thread takes its parts, in the way with this
// number, and returns the exclusive or of its 32-bit words. Its length must be
// a multiple of 256 bytes.
func (p *Pool) Read(b []byte, way int) uint32 {
	if len(b)%readStep != 0 {
		panic(fmt.Sprintf("tensor: Read of %d bytes, no multiple of %d", len(b), readStep))
	}
	t := &readTask{b: b, read: active.limits.reads[way], words: make([]uint32, p.threads)}
	p.Run(t, (len(b)+readPart-1)/readPart, 1)
	var all uint32
	for _, w := range t.words {
		all ^= w
	}
	return all
}

// readPart is how many bytes a thread reads at a time: more than handing them
// out costs, little enough that threads end together.
const readPart = 1 << 20

type readTask struct {
	b     []byte
	read  func(b []byte) uint32
	words []uint32 // by worker
}

func (t *readTask) Do(worker, lo, hi int) {
	t.words[worker] ^= t.read(t.b[lo*readPart : min(hi*readPart, len(t.b))])
}

// Bytes is what a product reads of the matrix.
func (m *Matrix) Bytes() int64 {
	if m.packed != nil {
		return int64(len(m.packed.all.quants) + len(m.packed.all.scales))
	}
	return int64(m.Rows) * int64(m.Type.RowSize(m.Cols))
}

// Portable loops. What a compiler makes of them is an estimate of the limit.
var limitsGeneric = limits{
	reads: []func(b []byte) uint32{readGeneric},
	fma:   peakLoop{name: "portable Go", sums: 8, ops: 2, run: peakFMAGeneric},
	dot:   peakLoop{name: "portable Go", sums: 16, ops: 2, run: peakDotGeneric},
}

func readGeneric(b []byte) uint32 {
	var x [4]uint64
	for ; len(b) >= 64; b = b[64:] {
		s := (*[64]byte)(b)
		x[0] ^= binary.LittleEndian.Uint64(s[0:]) ^ binary.LittleEndian.Uint64(s[32:])
		x[1] ^= binary.LittleEndian.Uint64(s[8:]) ^ binary.LittleEndian.Uint64(s[40:])
		x[2] ^= binary.LittleEndian.Uint64(s[16:]) ^ binary.LittleEndian.Uint64(s[48:])
		x[3] ^= binary.LittleEndian.Uint64(s[24:]) ^ binary.LittleEndian.Uint64(s[56:])
	}
	all := x[0] ^ x[1] ^ x[2] ^ x[3]
	return uint32(all) ^ uint32(all>>32)
}

// The factors of the portable loops are variables so that no compiler works
// the sums out.
var (
	peakOne  = float32(1)
	peakStep = float32(0x1p-12)
	peakPair = int64(1<<32 | 1)
	peakUnit = int64(1)
)

// peakFMAGeneric: s = s·1 + 2**-12, in eight chains.
func peakFMAGeneric(sums *[peakSums]uint32, rounds int) {
	one, step := peakOne, peakStep
	var a, b, c, d, e, f, g, h float32
	for range rounds {
		a = a*one + step
		b = b*one + step
		c = c*one + step
		d = d*one + step
		e = e*one + step
		f = f*one + step
		g = g*one + step
		h = h*one + step
	}
	for i, v := range [...]float32{a, b, c, d, e, f, g, h} {
		sums[i] = math.Float32bits(v)
	}
}

// peakDotGeneric is the step of dotLanes: a multiplication serves two
// products, one in each half of an int64. s = s·1 + 1 in both, in eight chains.
func peakDotGeneric(sums *[peakSums]uint32, rounds int) {
	one, pair := peakUnit, peakPair
	var a, b, c, d, e, f, g, h int64
	for range rounds {
		a = a*one + pair
		b = b*one + pair
		c = c*one + pair
		d = d*one + pair
		e = e*one + pair
		f = f*one + pair
		g = g*one + pair
		h = h*one + pair
	}
	for i, v := range [...]int64{a, b, c, d, e, f, g, h} {
		sums[2*i], sums[2*i+1] = uint32(v), uint32(v>>32)
	}
}

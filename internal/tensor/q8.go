package tensor

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/zipar/zipar/internal/ggml"
)

// Products with Q8_0 weights. The activations are quantised too, a scale for
// 32 of them, as llama.cpp does; the products of 32 pairs are added up in
// integers, which is exact. The floats that follow are computed alike on all
// processors, so that all give the same bits:
//
//	y = Σ_blocks fma(float(Σ_32 q·u)·d, s, y)   q, d: activations; u, s: weights
const (
	q8Block = 32 // values that share a scale, in weights and activations
	q8Rows  = 16 // rows of a packed group, the lanes of an AVX-512 vector
)

// A q8Group is 16 rows of weights in an order for which a row is a lane.
type q8Group struct {
	// quants: [blocks, 8, 16 rows, 4], four values of a row each, with 128
	// added to make them unsigned.
	quants []byte
	// scales: [blocks, 16 rows] half floats.
	scales []byte
}

// q8Packed is a matrix of such groups, the last one padded with zeros.
// Quants and scales lie apart so that the quants are aligned.
type q8Packed struct {
	blocks         int // of a row
	quants, scales []byte
}

func newQ8Packed(rows, cols int) *q8Packed {
	groups, blocks := (rows+q8Rows-1)/q8Rows, cols/q8Block
	return &q8Packed{
		blocks: blocks,
		quants: alignedBytes(groups * blocks * q8Rows * q8Block),
		scales: alignedBytes(groups * blocks * q8Rows * 2),
	}
}

// alignedBytes returns n zeros that start at a cache line.
func alignedBytes(n int) []byte {
	const line = 64
	b := make([]byte, n+line-1)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (line - 1)
	return b[skip:][:n:n]
}

// group returns a group of rows.
func (m *q8Packed) group(i int) q8Group {
	quants, scales := m.blocks*q8Rows*q8Block, m.blocks*q8Rows*2
	return q8Group{m.quants[i*quants:][:quants], m.scales[i*scales:][:scales]}
}

// pack fills g with up to 16 rows of Q8_0 blocks.
func (g q8Group) pack(rows []byte, blocks int) {
	const size = 2 + q8Block
	n := len(rows) / (blocks * size)
	if n < q8Rows {
		for i := range g.quants {
			g.quants[i] = 0x80
		}
		clear(g.scales)
	}
	for b := range blocks {
		quants := (*[q8Rows * q8Block]byte)(g.quants[b*q8Rows*q8Block:])
		scales := (*[q8Rows * 2]byte)(g.scales[b*q8Rows*2:])
		for r := range n {
			src := (*[size]byte)(rows[(r*blocks+b)*size:])
			scales[2*r], scales[2*r+1] = src[0], src[1]
			for i := range q8Block / 4 {
				v := binary.LittleEndian.Uint32(src[2+4*i:]) ^ 0x80808080
				binary.LittleEndian.PutUint32(quants[i*q8Rows*4+(r&(q8Rows-1))*4:], v)
			}
		}
	}
}

// row writes row r of the matrix as float32.
func (m *q8Packed) row(r int, dst []float32) {
	g := m.group(r / q8Rows)
	r %= q8Rows
	var block [2 + q8Block]byte
	for b := range m.blocks {
		copy(block[:2], g.scales[(b*q8Rows+r)*2:])
		for i := range q8Block / 4 {
			v := binary.LittleEndian.Uint32(g.quants[((b*8+i)*q8Rows+r)*4:]) ^ 0x80808080
			binary.LittleEndian.PutUint32(block[2+4*i:], v)
		}
		ggml.Dequantize(ggml.Q8_0, dst[b*q8Block:][:q8Block], block[:])
	}
}

// q8Columns are quantised activations. The blocks of all columns lie side by
// side, so that a kernel reaches a tile of columns by constant offsets.
type q8Columns struct {
	n, blocks int
	quants    []int8    // [blocks, n, 32]
	scales    []float32 // [blocks, n]
	preset    []int32   // [blocks, n], -128·Σ quants: takes back what q8Group adds
}

func (q *q8Columns) resize(n, k int) {
	q.n, q.blocks = n, k/q8Block
	q.quants = grow(q.quants, n*k)
	q.scales = grow(q.scales, n*q.blocks)
	q.preset = grow(q.preset, n*q.blocks)
}

// q8Smallest is the size below which a block counts as zero: its inverse
// must be a float32.
const q8Smallest = 0x1p-100

func quantizeGeneric(q *q8Columns, x []float32, lo, hi int) {
	k := q.blocks * q8Block
	for b := lo; b < hi; b++ {
		for c := range q.n {
			at := b*q.n + c
			q.scales[at], q.preset[at] = quantizeBlock(
				(*[q8Block]int8)(q.quants[at*q8Block:]), (*[q8Block]float32)(x[c*k+b*q8Block:]))
		}
	}
}

// quantizeBlock rounds x·127/max|x| to the nearest integers, halves to even.
// A value that is not finite makes the scale not finite.
func quantizeBlock(q *[q8Block]int8, x *[q8Block]float32) (scale float32, preset int32) {
	// Without their sign, floats are ordered as their bits are, and a NaN
	// comes out on top.
	var most uint32
	for _, v := range x {
		most = max(most, math.Float32bits(v)&0x7fffffff)
	}
	top := math.Float32frombits(most)
	var inverse float32
	if !(top < q8Smallest) {
		inverse = 127 / top
		scale = top / 127
	}
	// Adding 3·2²² leaves the integer in the low bits.
	const round = 3 << 22
	for i, v := range x {
		q[i] = int8(math.Float32bits(float32(v*inverse) + round))
		preset -= int32(q[i])
	}
	return scale, preset * 128
}

// q8Generic is the reference of kernels.q8. y: [n columns][ldy], 16 rows.
func q8Generic(y []float32, ldy int, g q8Group, x *q8Columns) {
	for c := range x.n {
		var sum [q8Rows]float32
		for b := range x.blocks {
			at := b*x.n + c
			u := (*[q8Block]int8)(x.quants[at*q8Block:])
			quants := (*[q8Rows * q8Block]byte)(g.quants[b*q8Rows*q8Block:])
			scales := (*[q8Rows * 2]byte)(g.scales[b*q8Rows*2:])
			var acc [q8Rows]int32
			for i := 0; i < q8Block; i += 4 {
				u0, u1, u2, u3 := int32(u[i]), int32(u[i+1]), int32(u[i+2]), int32(u[i+3])
				w := (*[q8Rows * 4]byte)(quants[i*q8Rows:])
				for r := range acc {
					acc[r] += int32(w[4*r])*u0 + int32(w[4*r+1])*u1 + int32(w[4*r+2])*u2 + int32(w[4*r+3])*u3
				}
			}
			for r := range sum {
				d := halfToFloat(binary.LittleEndian.Uint16(scales[2*r:]))
				sum[r] = fma(float32(float32(acc[r]+x.preset[at])*x.scales[at]), d, sum[r])
			}
		}
		copy(y[c*ldy:][:q8Rows], sum[:])
	}
}

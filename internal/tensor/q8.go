package tensor

import (
	"encoding/binary"

	"github.com/zipar/zipar/internal/ggml"
)

// Products with Q8_0 weights; see packed.go for what all packed types share.
//
//	y = Σ_blocks fma(float(Σ_32 q·u)·d, s, y)   q, d: activations; u, s: weights
//
// A packed group:
//
//	quants: [blocks, 8, 16 rows, 4], four values of a row each, with 128 added
//	        to make them unsigned
//	scales: [blocks, 16 rows] half floats
var q8Packing = packing{
	typ: ggml.Q8_0, unit: 1, quants: packedRows * q8Block, scales: packedRows * 2,
	pack: packQ8, row: rowQ8, prepare: prepareQ8,
}

// q8Bias is a float32 whose unit is 1, 3·2²², as an integer. An integer sum that
// starts with it, and stays below 2²² (32·128·127 is), is a float32, too:
// q8Bias + sum.
const (
	q8Bias  = 0x4b400000
	q8Float = 3 << 22
)

// prepareQ8 lets the sums of integers start with q8Bias, so that a kernel need
// not convert them: fma(q8Bias + sum, d, -q8Bias·d) has the bits of float(sum)·d,
// as q8Bias·d is a float32.
func prepareQ8(q *q8Columns, lo, hi int) {
	scales := q.scales[lo*q.n : hi*q.n]
	preset, zeros := q.preset[lo*q.n:][:len(scales)], q.zeros[lo*q.n:][:len(scales)]
	for i, d := range scales {
		preset[i] += q8Bias
		zeros[i] = -q8Float * d
	}
}

func packQ8(g packedGroup, rows []byte, blocks int) {
	const size = 2 + q8Block
	n := len(rows) / (blocks * size)
	for b := range blocks {
		quants := (*[packedRows * q8Block]byte)(g.quants[b*packedRows*q8Block:])
		scales := (*[packedRows * 2]byte)(g.scales[b*packedRows*2:])
		for r := range n {
			src := (*[size]byte)(rows[(r*blocks+b)*size:])
			scales[2*r], scales[2*r+1] = src[0], src[1]
			for i := range q8Block / 4 {
				v := binary.LittleEndian.Uint32(src[2+4*i:]) ^ 0x80808080
				binary.LittleEndian.PutUint32(quants[i*packedRows*4+(r&(packedRows-1))*4:], v)
			}
		}
	}
}

func rowQ8(g packedGroup, r int, dst []float32) {
	var block [2 + q8Block]byte
	for b := range len(dst) / q8Block {
		copy(block[:2], g.scales[(b*packedRows+r)*2:])
		for i := range q8Block / 4 {
			v := binary.LittleEndian.Uint32(g.quants[((b*8+i)*packedRows+r)*4:]) ^ 0x80808080
			binary.LittleEndian.PutUint32(block[2+4*i:], v)
		}
		ggml.Dequantize(ggml.Q8_0, dst[b*q8Block:][:q8Block], block[:])
	}
}

// q8Generic is the reference of the Q8_0 product.
func q8Generic(y []float32, ldy int, g packedGroup, x *q8Columns) {
	for c := range x.n {
		var sum [packedRows]float32
		for b := range x.blocks {
			at := b*x.n + c
			u := (*[q8Block]int8)(x.quants[at*q8Block:])
			quants := (*[packedRows * q8Block]byte)(g.quants[b*packedRows*q8Block:])
			scales := (*[packedRows * 2]byte)(g.scales[b*packedRows*2:])
			var acc [packedRows]int32
			dotLanes(&acc, quants[:], u[:])
			for r := range sum {
				d := halfToFloat(binary.LittleEndian.Uint16(scales[2*r:]))
				sum[r] = fma(float32(float32(acc[r]+x.preset[at]-q8Bias)*x.scales[at]), d, sum[r])
			}
		}
		copy(y[c*ldy:][:packedRows], sum[:])
	}
}

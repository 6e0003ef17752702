package tensor

import (
	"encoding/binary"
	"math"

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

// prepareQ8 writes what kernels need whose sums of integers start with q8Bias, so
// that they need not be converted: the bits of preset + q8Bias, the scale d, and
// -q8Bias·d, which is a float32. fma(q8Bias + sum, d, -q8Bias·d) has the bits of
// float(sum)·d.
func prepareQ8(q *q8Columns, lo, hi int) {
	for b := lo; b < hi; b++ {
		scales, preset := q.scales[b*q.n:][:q.n], q.preset[b*q.n:][:q.n]
		starts, d, zeros := q.terms[3*b*q.n:][:q.n], q.terms[(3*b+1)*q.n:][:q.n], q.terms[(3*b+2)*q.n:][:q.n]
		for i, scale := range scales {
			starts[i] = math.Float32frombits(uint32(preset[i] + q8Bias))
			d[i] = scale
			zeros[i] = -q8Float * scale
		}
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
				sum[r] = fma(float32(float32(acc[r]+x.preset[at])*x.scales[at]), d, sum[r])
			}
		}
		copy(y[c*ldy:][:packedRows], sum[:])
	}
}

package tensor

import (
	"encoding/binary"
	"unsafe"

	"github.com/zipar/zipar/internal/ggml"
)

// Products with weights of 4, 5 and 6 bits, which stay that small in memory.
// ggml/type.go has the blocks of the file. In all of them a weight is an
// unsigned integer u with a scale and an offset that it shares with others:
//
//	Q4_0 Q5_0  s·(u - zero)         32 share s, a half float
//	Q4_K Q5_K  (d·s)·u - (m·o)      32 share s and o, 0..63; 256 share d and m
//	Q6_K       (d·s)·(u - 32)       16 share s, -128..127; 256 share d
//
// With q, the integers of the activations, and e, their scale, a block of 32
// values adds to a product
//
//	Q4_0 Q5_0  y = fma(float(Σ q·u - zero·Σ q)·e, s, y)
//	Q4_K Q5_K  y = fma(float(Σ q·u)·e, d·s, y), then y = fma(-(m·o), float(Σ q)·e, y)
//	Q6_K       y = fma(float(Σ q·u - 32·Σ q)·e, d·s, y) for each 16 of the 32
//
// d·s and m·o are exact: a half float has 11 bits, the integers have 6 or 7
// and a sign.
//
// A packed group, for each block of 32 values:
//
//	quants  4 x [16 rows, 4]: in vector i the values 4i.. in the low nibbles and
//	        16+4i.. in the high ones;
//	        5 bits: 1 x [16 rows, 4], bit p the fifth of value 4p..;
//	        6 bits: 2 x [16 rows, 4], in vector j bits 2p and 2p+1 the high ones
//	        of value 4(j+2p)..
//	scales  Q4_0 Q5_0: [16] half floats
//	        Q4_K Q5_K: for 256 values d [16] half floats, m [16] half floats,
//	        8 x (s [16] bytes, o [16] bytes)
//	        Q6_K: for 256 values d [16] half floats, 16 x s [16] bytes
type nibbles struct {
	bits int
	form scaleForm
	zero int // the u that stands for 0, unless form is affineScales

	// values returns the 32 values of block j of a block of the file, a byte
	// each.
	values func(block []byte, j int) [4]uint64
	// scales writes the scales of a block of the file as those of row r.
	scales func(dst []byte, r int, block []byte)
}

// scaleForm is how scales are laid out.
type scaleForm int

const (
	halfScales scaleForm = iota
	affineScales
	sixteenScales
)

var nibbleTypes = map[ggml.Type]*nibbles{
	ggml.Q4_0: {4, halfScales, 8, valuesQ4_0, halfScale},
	ggml.Q5_0: {5, halfScales, 16, valuesQ5_0, halfScale},
	ggml.Q4_K: {4, affineScales, 0, valuesQ4_K, affineScale},
	ggml.Q5_K: {5, affineScales, 0, valuesQ5_K, affineScale},
	ggml.Q6_K: {6, sixteenScales, 32, valuesQ6_K, sixteenScale},
}

const unitK = 256 / q8Block // blocks of 32 values in a K block

func nibblePackings() (all []*packing) {
	for typ, f := range nibbleTypes {
		p := &packing{typ: typ, unit: unitK, quants: f.size(), prepare: f.prepare}
		switch f.form {
		case halfScales:
			p.unit, p.scales = 1, packedRows*2
		case affineScales:
			p.scales = packedRows * (4 + 2*unitK)
		case sixteenScales:
			p.scales = packedRows * (2 + 2*unitK)
		}
		p.pack = func(g packedGroup, rows []byte, blocks int) { f.pack(p, g, rows, blocks) }
		p.row = f.row
		all = append(all, p)
	}
	return all
}

// size is how many bytes the quants of a block of 16 rows take.
func (f *nibbles) size() int { return f.bits * packedRows * q8Block / 8 }

// Eight values side by side.
const (
	lowBits    = 0x0101010101010101
	lowPairs   = 3 * lowBits
	lowNibbles = 15 * lowBits
)

func (f *nibbles) pack(p *packing, g packedGroup, rows []byte, blocks int) {
	units, size := blocks/p.unit, f.size()
	bytes := p.typ.BlockSize()
	n := len(rows) / (units * bytes)
	for i := range units {
		for r := range n {
			block := rows[(r*units+i)*bytes:][:bytes]
			f.scales(g.scales[i*p.scales:][:p.scales], r, block)
			for j := range p.unit {
				f.put(g.quants[(i*p.unit+j)*size:][:size], r, f.values(block, j))
			}
		}
	}
}

// put writes 32 values of row r to the quants of a block.
func (f *nibbles) put(quants []byte, r int, u [4]uint64) {
	vectors := quants[4*r:]
	pair := func(i int, v uint64) {
		binary.LittleEndian.PutUint32(vectors[64*i:], uint32(v))
		binary.LittleEndian.PutUint32(vectors[64*(i+1):], uint32(v>>32))
	}
	pair(0, u[0]&lowNibbles|u[2]&lowNibbles<<4)
	pair(2, u[1]&lowNibbles|u[3]&lowNibbles<<4)
	if f.bits == 4 {
		return
	}
	high := u[0]>>4&lowPairs | u[1]>>2&(lowPairs<<2) | u[2]&(lowPairs<<4) | u[3]<<2&(lowPairs<<6)
	if f.bits == 5 {
		binary.LittleEndian.PutUint32(vectors[64*4:], uint32(high|high>>32<<1))
	} else {
		pair(4, high)
	}
}

// get is the reverse of put.
func (f *nibbles) get(quants []byte, r int) (u [4]uint64) {
	vectors := quants[4*r:]
	word := func(i int) uint64 { return uint64(binary.LittleEndian.Uint32(vectors[64*i:])) }
	for i := range 2 {
		v := word(2*i) | word(2*i+1)<<32
		u[i], u[i+2] = v&lowNibbles, v>>4&lowNibbles
	}
	var high uint64
	switch f.bits {
	case 4:
		return u
	case 5:
		high = word(4)
		high = (high | high>>1<<32) & (0x55 * lowBits)
	case 6:
		high = word(4) | word(5)<<32
	}
	for i := range u {
		u[i] |= high >> (2 * i) & lowPairs << 4
	}
	return u
}

func words(b []byte) [4]uint64 {
	v := (*[32]byte)(b)
	return [4]uint64{
		binary.LittleEndian.Uint64(v[0:]), binary.LittleEndian.Uint64(v[8:]),
		binary.LittleEndian.Uint64(v[16:]), binary.LittleEndian.Uint64(v[24:]),
	}
}

func valuesQ4_0(block []byte, _ int) [4]uint64 {
	v, w := binary.LittleEndian.Uint64(block[2:]), binary.LittleEndian.Uint64(block[10:])
	return [4]uint64{v & lowNibbles, w & lowNibbles, v >> 4 & lowNibbles, w >> 4 & lowNibbles}
}

func valuesQ5_0(block []byte, _ int) [4]uint64 {
	u := valuesQ4_0(block[4:], 0)
	fifth := binary.LittleEndian.Uint32(block[2:])
	for i := range u {
		// Eight bits, one to each byte: first where it is, then as the sign.
		bits := uint64(fifth&0xff) * lowBits & 0x8040201008040201
		u[i] |= (bits + 0x7f*lowBits) >> 7 & lowBits << 4
		fifth >>= 8
	}
	return u
}

func valuesQ4_K(block []byte, j int) [4]uint64 {
	u, shift := words(block[16+j/2*32:]), j%2*4
	return [4]uint64{
		u[0] >> shift & lowNibbles, u[1] >> shift & lowNibbles, u[2] >> shift & lowNibbles, u[3] >> shift & lowNibbles,
	}
}

func valuesQ5_K(block []byte, j int) [4]uint64 {
	u, fifth := valuesQ4_K(block[32:], j), words(block[16:])
	for i := range u {
		u[i] |= fifth[i] >> j & lowBits << 4
	}
	return u
}

func valuesQ6_K(block []byte, j int) [4]uint64 {
	half, part := j/4, j%4
	u, high := words(block[64*half+32*(part%2):]), words(block[128+32*half:])
	for i := range u {
		u[i] = u[i]>>(part/2*4)&lowNibbles | high[i]>>(2*part)&lowPairs<<4
	}
	return u
}

func halfScale(dst []byte, r int, block []byte) { copy(dst[2*r:2*r+2], block) }

func affineScale(dst []byte, r int, block []byte) {
	copy(dst[2*r:2*r+2], block)
	copy(dst[2*(packedRows+r):][:2], block[2:])
	// 6-bit integers: the first four of each kind in the low bits of bytes 0-3
	// and 4-7, the others in nibbles of 8-11 and in the spare bits of 0-7.
	p := (*[12]byte)(block[4:])
	dst = dst[4*packedRows+r:]
	for j := range 4 {
		dst[2*packedRows*j] = p[j] & 63
		dst[2*packedRows*j+packedRows] = p[j+4] & 63
		dst[2*packedRows*(j+4)] = p[j+8]&15 | p[j]>>6<<4
		dst[2*packedRows*(j+4)+packedRows] = p[j+8]>>4 | p[j+4]>>6<<4
	}
}

func sixteenScale(dst []byte, r int, block []byte) {
	copy(dst[2*r:2*r+2], block[208:])
	dst = dst[2*packedRows+r:]
	for i, s := range block[192:208] {
		dst[packedRows*i] = s
	}
}

// factors returns the scale and the offset of row r in block b of a group,
// for the 16 values of each half of the block.
func (f *nibbles) factors(scales []byte, b, r int) (scale [2]float32, offset float32) {
	half := func(b []byte) float32 { return halfToFloat(binary.LittleEndian.Uint16(b[2*r:])) }
	i := b % unitK
	switch f.form {
	case affineScales:
		s := scales[b/unitK*packedRows*(4+2*unitK):]
		k := s[packedRows*(4+2*i)+r:]
		scale[0] = half(s) * float32(k[0])
		offset = half(s[2*packedRows:]) * float32(k[packedRows])
	case sixteenScales:
		s := scales[b/unitK*packedRows*(2+2*unitK):]
		k := s[packedRows*(2+2*i)+r:]
		return [2]float32{half(s) * float32(int8(k[0])), half(s) * float32(int8(k[packedRows]))}, 0
	default:
		scale[0] = half(scales[b*packedRows*2:])
	}
	scale[1] = scale[0]
	return scale, offset
}

func (f *nibbles) row(g packedGroup, r int, dst []float32) {
	for b := range len(dst) / q8Block {
		u := f.get(g.quants[b*f.size():], r)
		scale, offset := f.factors(g.scales, b, r)
		for i := range q8Block {
			v := int(u[i/8]>>(i%8*8)&63) - f.zero
			dst[b*q8Block+i] = float32(scale[i/16]*float32(v)) - offset
		}
	}
}

func (f *nibbles) prepare(q *q8Columns, lo, hi int) {
	n := q.n
	preset := q.preset[lo*n : hi*n]
	switch f.form {
	case halfScales:
		for i, v := range preset {
			preset[i] = v >> 7 * int32(f.zero)
		}
	case affineScales:
		for i, v := range preset {
			q.sums[lo*n+i] = float32(-(v >> 7)) * q.scales[lo*n+i]
		}
	case sixteenScales:
		for b := lo; b < hi; b++ {
			for c := range n {
				at := b*n + c
				first := -int32(f.zero) * sum16((*[16]int8)(q.quants[at*q8Block:]))
				q.halves[2*b*n+c] = first
				q.halves[(2*b+1)*n+c] = q.preset[at]>>7*int32(f.zero) - first
			}
		}
	}
}

// sum16 adds 16 integers up, eight at a time.
func sum16(q *[16]int8) int32 {
	const (
		even  = 0x00ff00ff00ff00ff
		signs = 0x8080808080808080 // makes them unsigned, 128 more
		ones  = 0x0001000100010001
	)
	b := (*[16]byte)(unsafe.Pointer(q))
	v, w := binary.LittleEndian.Uint64(b[:])^signs, binary.LittleEndian.Uint64(b[8:])^signs
	return int32((v&even+v>>8&even+w&even+w>>8&even)*ones>>48) - 16*128
}

// generic is the reference of the kernels.
func (f *nibbles) generic(y []float32, ldy int, g packedGroup, x *q8Columns) {
	for c := range x.n {
		clear(y[c*ldy:][:packedRows])
	}
	var quants [packedRows * q8Block]byte
	var scale [packedRows][2]float32
	var offset [packedRows]float32
	for b := range x.blocks {
		f.expand(&quants, g.quants[b*f.size():])
		for r := range packedRows {
			scale[r], offset[r] = f.factors(g.scales, b, r)
		}
		for c := range x.n {
			at := b*x.n + c
			u, e := x.quants[at*q8Block:][:q8Block], x.scales[at]
			sum := (*[packedRows]float32)(y[c*ldy:])
			var acc [packedRows]int32
			if f.form == sixteenScales {
				for half := range 2 {
					start := x.halves[(2*b+half)*x.n+c]
					for r := range acc {
						acc[r] = start
					}
					dotLanes(&acc, quants[half*len(quants)/2:], u[half*q8Block/2:][:q8Block/2])
					for r := range sum {
						sum[r] = fma(float32(float32(acc[r])*e), scale[r][half], sum[r])
					}
				}
				continue
			}
			if f.form == halfScales {
				for r := range acc {
					acc[r] = x.preset[at]
				}
			}
			dotLanes(&acc, quants[:], u)
			for r := range sum {
				sum[r] = fma(float32(float32(acc[r])*e), scale[r][0], sum[r])
				if f.form == affineScales {
					sum[r] = fma(-offset[r], x.sums[at], sum[r])
				}
			}
		}
	}
}

// expand writes the quants of a block as bytes, [8, 16 rows, 4].
func (f *nibbles) expand(dst *[packedRows * q8Block]byte, quants []byte) {
	for r := range packedRows {
		for i, v := range f.get(quants, r) {
			binary.LittleEndian.PutUint32(dst[128*i+4*r:], uint32(v))
			binary.LittleEndian.PutUint32(dst[128*i+64+4*r:], uint32(v>>32))
		}
	}
}

package zipar

import (
	"math"
	"math/bits"
)

// Noise is the randomness of one picture. Every number is a pure function of
// the seed, the picture, the slot and the token it is for, so neither the
// window nor the batch nor the number of threads changes it, and decoding
// methods can be compared on the same noise.
type Noise struct {
	Seed uint64
	// Image tells apart pictures that share a seed.
	Image uint32
}

// uniformDraw is the token number that stands for a number that belongs to a
// draw as a whole.
const uniformDraw = math.MaxUint32

// uniform returns a number in (0, 1) for a token in the draw of this number
// at a slot. A slot has a draw 0, and more where its first token was rejected.
func (n Noise) uniform(s Slot, draw int, token uint32) float64 {
	// A grid has at most 2^20 rows and columns, and a slot as many draws:
	// see maxTokens.
	d := uint32(draw)
	x := philox([4]uint32{n.Image, uint32(s.Row) | d<<20, uint32(s.Col) | d>>12<<20, token / 4},
		[2]uint32{uint32(n.Seed), uint32(n.Seed >> 32)})
	return (float64(x[token%4]) + 0.5) / (1 << 32)
}

// gumbel returns a number with the standard Gumbel distribution. The token
// that maximises logit + gumbel follows softmax(logits); pictures whose
// logits differ a little mostly get the same token, which an inverse
// cumulative distribution would not give.
func (n Noise) gumbel(s Slot, draw int, token int32) float64 {
	return -math.Log(-math.Log(n.uniform(s, draw, uint32(token))))
}

// philox is Philox4x32-10 of Salmon et al., "Parallel random numbers: as easy
// as 1, 2, 3" (SC 2011): a bijection of the counter, keyed.
func philox(ctr [4]uint32, key [2]uint32) [4]uint32 {
	for range 10 {
		hi0, lo0 := bits.Mul32(0xD2511F53, ctr[0])
		hi1, lo1 := bits.Mul32(0xCD9E8D57, ctr[2])
		ctr = [4]uint32{hi1 ^ ctr[1] ^ key[0], lo1, hi0 ^ ctr[3] ^ key[1], lo0}
		key[0] += 0x9E3779B9
		key[1] += 0xBB67AE85
	}
	return ctr
}

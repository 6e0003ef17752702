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
func (n Noise) uniform(s Slot, draw int, token uint32) float64 { return unit(n.word(s, draw, token)) }

// unit maps a random word to (0, 1).
func unit(word uint32) float64 { return (float64(word) + 0.5) / (1 << 32) }

// word returns the random bits behind uniform.
func (n Noise) word(s Slot, draw int, token uint32) uint32 {
	// A grid has at most 2^20 rows and columns, and a slot as many draws:
	// see maxTokens.
	d := uint32(draw)
	x := philox([4]uint32{n.Image, uint32(s.Row) | d<<20, uint32(s.Col) | d>>12<<20, token / 4},
		[2]uint32{uint32(n.Seed), uint32(n.Seed >> 32)})
	return x[token%4]
}

// gumbel turns a random word into the standard Gumbel distribution. The token
// that maximises logit + gumbel follows softmax(logits); pictures whose
// logits differ a little mostly get the same token, which an inverse
// cumulative distribution would not give.
func gumbel(word uint32) float64 { return -math.Log(-math.Log(unit(word))) }

// mostGumbel is above gumbel(word) and takes no logarithm: with u for
// unit(word), -log u > 1-u, so that gumbel is below -log(1-u); 1-u is at least
// 2^-(z+1) if the complement of the word has z leading zeros.
func mostGumbel(word uint32) float64 { return 0.6932 * float64(bits.LeadingZeros32(^word)+1) }

// mostGumbelOfAll is at least every mostGumbel: that of a word whose bits are
// all 1 is 0.6932·33, about 22.8756.
const mostGumbelOfAll = 22.876

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

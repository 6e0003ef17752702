package llama

import (
	"math"

	"github.com/zipar/zipar/internal/tensor"
)

// Rotary is a table of rotary position embeddings: pair i of a head, the
// values 2i and 2i+1, is turned by an angle that depends on the position.
type Rotary struct {
	half int
	// table: [positions, half, 2], cosine and sine.
	table []float32
}

// NewRotary2D returns the table of LlamaGen (gpt.py, precompute_freqs_cis_2d)
// for prefix positions followed by a grid in raster order. The first half of
// the pairs turns by the row, the second by the column; pair k of either has
// the frequency base^(-2k/(headDim/2)). headDim is a multiple of 4.
//
// Prefix positions have cosine and sine 0: rotated queries and keys are zero
// vectors there, so that every query gives every prefix position the score 0.
// The models were trained this way.
func NewRotary2D(prefix, rows, cols, headDim int, base float64) *Rotary {
	r := &Rotary{half: headDim / 2}
	quarter := headDim / 4
	r.table = make([]float32, (prefix+rows*cols)*r.half*2)
	at := r.table[prefix*r.half*2:]
	// The official code computes frequencies and angles in float32.
	freq := make([]float32, quarter)
	for k := range freq {
		freq[k] = 1 / float32(math.Pow(base, float64(float32(2*k)/float32(r.half))))
	}
	put := func(angle float32) {
		sin, cos := math.Sincos(float64(angle))
		at[0], at[1] = float32(cos), float32(sin)
		at = at[2:]
	}
	for y := range rows {
		for x := range cols {
			for _, f := range freq {
				put(float32(y) * f)
			}
			for _, f := range freq {
				put(float32(x) * f)
			}
		}
	}
	return r
}

// rotate turns the heads in x, each of 2·half values, to a position and
// multiplies them by scale.
func (r *Rotary) rotate(x []float32, pos int, scale float32) {
	tensor.Rotate(x, r.table[pos*r.half*2:][:r.half*2], scale)
}

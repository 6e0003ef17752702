package tensor

import (
	"math"

	"github.com/zipar/zipar/internal/ggml"
)

// kernels is the set of inner loops that a processor runs. Everything above
// it is the same on every processor.
//
// The sets of one processor family agree bit for bit with each other; with
// the portable set they agree bit for bit wherever no comment says otherwise.
// Only the float products differ from it: assembly uses fused multiply-adds
// and 16 chains an output.
type kernels struct {
	// name is what the user is told: "generic", "avx2", ...
	name string

	// dot sets y[c*ldy+r] = Σ_k w[r*k+i]·x[c*ldx+i] for r < rows, c < n.
	// It differs from the portable one by rounding. carry is working memory of
	// a worker, dotCarry floats, or nil. ahead is the address of the weights that
	// the worker multiplies with next, or 0: they are fetched meanwhile.
	dot func(y []float32, ldy int, w []float32, rows int, x []float32, ldx, n, k int, carry []float32, ahead uintptr)

	// dotF16 and dotBF16 are dot for weights of these types; k is a multiple
	// of 16. Where they are nil the weights are converted first. Both ways
	// give the same bits.
	dotF16, dotBF16 func(y []float32, ldy int, w []byte, rows int, x []float32, ldx, n, k int, carry []float32, ahead uintptr)

	// mix is AttentionMix. It differs from the portable one by rounding. ahead is
	// what the worker reads next, or nil.
	mix func(out []float32, ldo int, p []float32, ldp int, values []float32, d int, runs []Run, ahead *Stream)

	// scores is AttentionScores: each is one chain in the order of the values of a
	// key. It differs from the portable one by rounding.
	scores func(s []float32, lds int, q []float32, ldq int, keys []float32, d int, runs []Run, work []float32, ahead *Stream)

	// setKeys is SetKeys.
	setKeys func(block, keys []float32, stride, count, d int)

	// scoresF16 and mixF16 are scores and mix of half floats.
	scoresF16 func(s []float32, lds int, q []float32, ldq int, keys []uint16, d int, runs []Run, work []float32, ahead *Stream)
	mixF16    func(out []float32, ldo int, p []float32, ldp int, values []uint16, d int, runs []Run, ahead *Stream)
	// half rounds to half floats, to nearest, ties to even.
	half func(dst []uint16, src []float32)

	// conv computes a group of output channels of some pixels; see convTile. It
	// differs from the portable one by rounding.
	conv func(t convTile, pixels int)
	// winogradInput transforms a patch of 6x6 pixels for all channels: v[p*step+c]
	// are the 36 values of channel c, src[y*rowLen+x*channels+c] the inputs.
	winogradInput func(v []float32, step int, src []float32, rowLen, channels int)
	// winogradOutput transforms 36 sums m[p*step+o] of the outputs o < 32 to a
	// square of 4x4 pixels, adds bias[o], and sets dst[y*rowLen+x*stride+o]. add
	// adds what dst holds.
	winogradOutput func(dst []float32, rowLen, stride int, m []float32, step int, bias []float32, add bool)
	// put sets dst[p·stride + o] = x[p·32 + o] for all pixels p of x and o <
	// channels <= 32. add adds what dst holds to both first.
	put func(dst []float32, stride, channels int, x []float32, add bool)

	// quantize writes the blocks lo..hi-1 of the columns x, [n, k].
	quantize func(q *q8Columns, x []float32, lo, hi int)
	// packed has the products of the types that have a packing.
	packed map[ggml.Type]packedKernel
	// pair has those of many columns, more than pairColumns, where they are
	// faster.
	pair map[ggml.Type]pairKernel

	// fetch asks for cache lines, step bytes apart. It may do nothing.
	fetch func(address uintptr, lines, step int)

	// softmax is Softmax. It may fetch a cache line for every 16 values from ahead on.
	softmax func(x []float32, ahead uintptr)
	// squares returns the sums of x².
	squares func(x []float32) lanes64

	scale    func(x []float32, f float32)              // x *= f
	add      func(dst, x []float32)                    // dst += x
	scaleBy  func(dst, x, weight []float32, f float32) // dst = x·f·weight
	swiglu   func(gate, up []float32)                  // gate = silu(gate)·up
	gelu     func(x []float32)                         // see GELUTanh
	rotate   func(x, turn []float32, scale float32)    // see Rotate
	channels func(sums []float64, row []float32)       // see channelsGeneric
	affine   func(dst, src, factor, offset []float32)  // dst = src·factor + offset, channels repeating
	swish    func(dst, src, factor, offset []float32)  // the same, then silu

	// limits are loops that show what the others could reach at most.
	limits limits
}

var genericKernels = kernels{
	name:           Portable,
	dot:            dotGeneric,
	mix:            mixGeneric,
	scores:         scoresGeneric,
	scoresF16:      scoresF16Generic,
	setKeys:        setKeysGeneric,
	mixF16:         mixF16Generic,
	half:           halfGeneric,
	conv:           convGeneric,
	put:            putGeneric,
	winogradInput:  winogradInputGeneric,
	winogradOutput: winogradOutputGeneric,
	quantize:       quantizeGeneric,
	packed:         packedGeneric(),
	fetch:          func(uintptr, int, int) {},
	softmax:        softmaxGeneric,
	squares:        squaresGeneric,
	scale:          scaleGeneric,
	add:            addGeneric,
	scaleBy:        scaleByGeneric,
	swiglu:         swigluGeneric,
	gelu:           geluGeneric,
	rotate:         rotateGeneric,
	channels:       channelsGeneric,
	affine:         affineGeneric,
	swish:          swishGeneric,
	limits:         limitsGeneric,
}

// dotGroup is how many rows are multiplied with all columns before the next
// ones: their weights stay in the second cache, and those of the next group
// come there from memory meanwhile. It is a multiple of all tiles' rows, 2 to 4.
const dotGroup = 24

// dotCarry is how much working memory a dot kernel may need: 16 chains for
// each output of a group of rows and a tile of 8 columns.
const dotCarry = dotGroup * 8 * 16

// lanes32 and lanes64 are partial sums: value i of a vector goes to lane i%16.
// All kernels add up this way, so that they give the same bits.
type (
	lanes32 [16]float32
	lanes64 [16]float64
)

// total adds the lanes up in a fixed tree.
func (l lanes32) total() float32 {
	for n := 8; n > 0; n /= 2 {
		for i := range n {
			l[i] += l[i+n]
		}
	}
	return l[0]
}

// lastLanes returns the values of the last vector, which is not full, and -Inf.
func lastLanes(rest []float32) (l lanes32) {
	for i := range l {
		l[i] = float32(math.Inf(-1))
	}
	copy(l[:], rest)
	return l
}

// addFirst adds the first n lanes of other sums.
func (l *lanes32) addFirst(n int, other lanes32) {
	for i, v := range other[:n] {
		l[i] += v
	}
}

func (l lanes64) total() float64 {
	for n := 8; n > 0; n /= 2 {
		for i := range n {
			l[i] += l[i+n]
		}
	}
	return l[0]
}

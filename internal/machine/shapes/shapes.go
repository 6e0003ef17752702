// Package shapes has the sizes of the official models' layers, which the
// benchmarks run through.
package shapes

// XLMatrices are the matrices of a block of LlamaGen's GPT-XL, [out, in]:
// attention's input and output, and the three of the feed-forward network.
var XLMatrices = [][2]int{{3840, 1280}, {1280, 1280}, {3584, 1280}, {3584, 1280}, {1280, 3584}}

const (
	// XLLayers is how many blocks GPT-XL has.
	XLLayers = 36
	// XLWeights are the weights that a pass of GPT-XL multiplies with: those of
	// its blocks, and 16384 rows of the output.
	XLWeights = XLLayers*(3840+1280+3*3584)*1280 + 16384*1280

	// XLHeads is how many heads GPT-XL's attention has, of XLHeadDim values.
	XLHeads   = 20
	XLHeadDim = 64
	// XLPositions is how many positions a picture of 512 x 512 pixels has at
	// its end, those of the caption included.
	XLPositions = 120 + 32*32
)

// A Conv is 3x3 convolutions over a square image.
type Conv struct {
	Size    int // height and width, in pixels
	In, Out int // channels
	Count   int // how many there are
}

// Operations are the additions and multiplications of one of them.
func (c Conv) Operations() int { return 2 * 9 * c.In * c.Out * c.Size * c.Size }

// VQ16Convs are those of the VQ-16 decoder for 256 x 256 pixels.
var VQ16Convs = []Conv{
	{16, 256, 512, 1}, {16, 512, 512, 10}, {32, 512, 512, 1}, {32, 512, 256, 1}, {32, 256, 256, 5},
	{64, 256, 256, 7}, {128, 256, 256, 1}, {128, 256, 128, 1}, {128, 128, 128, 5},
	{256, 128, 128, 7}, {256, 128, 3, 1},
}

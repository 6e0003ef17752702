package pull

// What a model takes, as far as the table tells: figures to choose by. What is fetched is measured before it is.

// bitsPerWeight are those of the types that a conversion writes.
var bitsPerWeight = map[string]float64{"f32": 32, "f16": 16, "bf16": 16, "q8_0": 8.5}

// DownloadBytes is the most that is fetched: official checkpoints hold 32-bit floats. 0 if the table does not say.
func (m Model) DownloadBytes() int64 {
	var n int64
	for _, p := range []*Part{m.Main, m.VQ, m.Text} {
		if p != nil {
			n += 4 * p.Whole
		}
	}
	return n
}

// FileBytes is the size of the model's file with matrices of a type. 0 if the table does not say.
func (m Model) FileBytes(typ string) int64 {
	bits, ok := bitsPerWeight[typ]
	if !ok {
		bits = 32
	}
	var n float64
	for _, p := range []*Part{m.Main, m.Text} {
		if p != nil {
			n += bits / 8 * float64(p.Weights)
		}
	}
	if m.VQ != nil {
		n += max(bits, 16) / 8 * float64(m.VQ.Weights) // kernels of convolutions stay f16
	}
	return int64(n)
}

const (
	captionPositions = 120 // of a caption, before the image tokens
	tokenizerWidth   = 128 // channels of the image tokenizer at full size
	featureMaps      = 4   // of them that live at a time
)

// MemoryBytes is about what a guided picture takes: the file, the keys and values of both sequences in 32-bit floats, and the
// image tokenizer's largest feature maps.
func (m Model) MemoryBytes(typ string) int64 {
	prefix := 1
	if m.Text != nil {
		prefix = captionPositions
	}
	cache := int64(2*2*4) * int64(m.Layers) * int64(m.Width) * int64(prefix+m.Rows*m.Cols)
	maps := int64(4*featureMaps*tokenizerWidth) * int64(m.Pixels) * int64(m.Pixels)
	return m.FileBytes(typ) + cache + maps
}

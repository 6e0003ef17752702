package vqgan

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/zipar/zipar/internal/tensor"
)

// PreviewTensor is where a file may keep the weights of a Preview,
// [3, codebook dim + 1] in F32: for red, green and blue the factors of the
// vector's values and what is added.
const PreviewTensor = "vq.preview.weight"

// A Preview guesses the colour of each code, without the network: a linear
// map from the codebook's vectors, as they are used, to the mean colour of the
// square that the decoder makes of the code. It is read-only.
type Preview struct {
	codebook *codebook
	weights  []float32 // [3, dim+1]
}

// Preview returns the file's map, or fits one, which takes one decoding of
// previewSide x previewSide codes.
func (d *Decoder) Preview(ctx context.Context, p *tensor.Pool) (*Preview, error) {
	if d.preview != nil {
		return d.preview, nil
	}
	return d.FitPreview(ctx, p)
}

// HasPreview says whether the decoder's file keeps a map.
func (d *Decoder) HasPreview() bool { return d.preview != nil }

// previewSide squared codes are decoded to fit a map of 9 numbers a colour.
const previewSide = 8

// FitPreview fits the map by least squares to a sample of the codebook, which
// is the same each time.
func (d *Decoder) FitPreview(ctx context.Context, p *tensor.Pool) (*Preview, error) {
	codes := d.codebook.sample(previewSide)
	im, err := d.Decode(ctx, p, codes, previewSide, previewSide, nil)
	if err != nil {
		return nil, err
	}
	dim := d.codebook.dim
	n, unknown := len(codes), dim+1
	// The rows after the sample's keep the solution unique and small where the
	// sample does not tell it.
	const ridge = 1e-3
	a, b := mat.NewDense(n+dim, unknown, nil), mat.NewDense(n+dim, 3, nil)
	for i, code := range codes {
		for j, v := range d.codebook.vectors[int(code)*dim:][:dim] {
			a.Set(i, j, float64(v))
		}
		a.Set(i, dim, 1)
		for c, v := range squareColour(im, i/previewSide, i%previewSide, d.PixelsPerToken) {
			b.Set(i, c, v)
		}
	}
	for j := range dim {
		a.Set(n+j, j, math.Sqrt(ridge*float64(n)))
	}
	var x mat.Dense // [dim+1, 3]
	if err := x.Solve(a, b); err != nil {
		return nil, fmt.Errorf("fit colours to the codebook's vectors: %w", err)
	}
	w := make([]float32, 0, 3*unknown)
	for c := range 3 {
		for j := range unknown {
			w = append(w, float32(x.At(j, c)))
		}
	}
	return &Preview{d.codebook, w}, nil
}

// sample returns side x side codes from all over the codebook, such that
// neighbours resemble each other as they do in pictures: the first value of
// the vectors grows downwards, the second to the right.
func (c *codebook) sample(side int) []int32 {
	codes := make([]int32, side*side)
	for i := range codes {
		codes[i] = int32(i * c.size / len(codes))
	}
	by := func(value int) func(a, b int32) int {
		at := min(value, c.dim-1)
		return func(a, b int32) int {
			return cmp.Compare(c.vectors[int(a)*c.dim+at], c.vectors[int(b)*c.dim+at])
		}
	}
	slices.SortStableFunc(codes, by(0))
	for i := range side {
		slices.SortStableFunc(codes[i*side:][:side], by(1))
	}
	return codes
}

// squareColour is the mean colour of the middle of a token's square, where its
// neighbours show least.
func squareColour(im *tensor.Image, row, col, side int) (mean [3]float64) {
	margin := side / 4
	n := float64((side - 2*margin) * (side - 2*margin))
	for y := row*side + margin; y < (row+1)*side-margin; y++ {
		for x := col*side + margin; x < (col+1)*side-margin; x++ {
			for c, v := range im.Row(y)[3*x:][:3] {
				mean[c] += float64(min(max(v, -1), 1)) / n
			}
		}
	}
	return mean
}

// Colours returns the colours of codes, [len(codes), 3]: red, green and blue,
// -1 to 1. It fails when a code is not in the codebook.
func (p *Preview) Colours(codes []int32) ([]float32, error) {
	dim := p.codebook.dim
	vectors := make([]float32, len(codes)*dim)
	if err := p.codebook.lookup(vectors, codes); err != nil {
		return nil, err
	}
	out := make([]float32, 0, 3*len(codes))
	for i := range codes {
		v := vectors[i*dim:][:dim]
		for c := range 3 {
			w := p.weights[c*(dim+1):][:dim+1]
			sum := w[dim]
			for j, x := range v {
				sum += w[j] * x
			}
			out = append(out, min(max(sum, -1), 1))
		}
	}
	return out, nil
}

// Weights returns the weights as PreviewTensor keeps them, [3, dim+1].
func (p *Preview) Weights() []float32 { return slices.Clone(p.weights) }

// preview reads the file's map, or returns nil where it has none.
func (r *reader) preview(c *codebook) *Preview {
	if !r.Has(PreviewTensor) {
		return nil
	}
	w := r.Floats(PreviewTensor, 3, c.dim+1)
	for i, v := range w {
		if v-v != 0 {
			r.fail("tensor %q: value %d is %v", PreviewTensor, i, v)
			return nil
		}
	}
	return &Preview{c, slices.Clone(w)}
}

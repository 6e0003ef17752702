package vqgan

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/testmodel"
)

func tinyDecoder(t *testing.T, o testmodel.Options) *Decoder {
	t.Helper()
	o.VQOnly = true
	var b bytes.Buffer
	if err := testmodel.Write(&b, o); err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Parse("tiny.gguf", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDecoder(f)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// squaredError is that of weights on the sample of the fit, ridge included, and
// that of a map to the mean colour.
func squaredError(t *testing.T, d *Decoder, pool *tensor.Pool, w []float32) (fit, constant float64) {
	t.Helper()
	codes := d.codebook.sample(previewSide)
	im, err := d.Decode(context.Background(), pool, codes, previewSide, previewSide, nil)
	if err != nil {
		t.Fatal(err)
	}
	dim := d.codebook.dim
	var sum, squares [3]float64
	for i, code := range codes {
		got := [3]float64{}
		for c := range 3 {
			got[c] = float64(w[c*(dim+1)+dim])
			for j, v := range d.codebook.vectors[int(code)*dim:][:dim] {
				got[c] += float64(w[c*(dim+1)+j]) * float64(v)
			}
		}
		want := squareColour(im, i/previewSide, i%previewSide, d.PixelsPerToken)
		for c := range 3 {
			fit += (got[c] - want[c]) * (got[c] - want[c])
			sum[c] += want[c]
			squares[c] += want[c] * want[c]
		}
	}
	n := float64(len(codes))
	for c := range 3 {
		constant += squares[c] - sum[c]*sum[c]/n
		for j := range dim {
			v := float64(w[c*(dim+1)+j])
			fit += 1e-3 * n * v * v
		}
	}
	return fit, constant
}

// The fit is the least squared error: every step away from it is worse.
func TestFitPreviewIsTheBestLinearMap(t *testing.T) {
	d := tinyDecoder(t, testmodel.Options{})
	pool := tensor.NewPool(2)
	defer pool.Close()
	p, err := d.Preview(context.Background(), pool)
	if err != nil || d.HasPreview() {
		t.Fatal(err, d.HasPreview())
	}
	w := p.Weights()
	if len(w) != 3*(d.codebook.dim+1) {
		t.Fatalf("%d weights", len(w))
	}
	best, constant := squaredError(t, d, pool, w)
	t.Logf("error %.3g, of one colour for all %.3g", best, constant)
	if best >= constant {
		t.Errorf("error %g, one colour for all codes has %g", best, constant)
	}
	for i := range w {
		for _, step := range []float32{-0.01, 0.01} {
			moved := slices.Clone(w)
			moved[i] += step
			if got, _ := squaredError(t, d, pool, moved); got <= best {
				t.Errorf("weight %d moved by %v: error %g, fitted %g", i, step, got, best)
			}
		}
	}
	one := tensor.NewPool(1)
	defer one.Close()
	if again, err := d.FitPreview(context.Background(), one); err != nil || !slices.Equal(again.Weights(), w) {
		t.Errorf("one thread fits other weights, %v", err)
	}
	stop, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := d.FitPreview(stop, pool); err != context.Canceled {
		t.Errorf("error %v", err)
	}
}

func TestPreviewOfTheFile(t *testing.T) {
	d := tinyDecoder(t, testmodel.Options{Preview: true})
	p, err := d.Preview(context.Background(), nil)
	if err != nil || !d.HasPreview() {
		t.Fatal(err, d.HasPreview())
	}
	got, err := p.Colours([]int32{5, 63})
	if err != nil {
		t.Fatal(err)
	}
	for i, code := range []int{5, 63} {
		for c, v := range d.codebook.vectors[code*8:][:3] {
			if want := min(v+0.1, 1); math.Abs(float64(got[3*i+c]-want)) > 1e-6 {
				t.Errorf("code %d, colour %d is %v, want %v", code, c, got[3*i+c], want)
			}
		}
	}
	if _, err := p.Colours([]int32{0, -1}); err == nil || !strings.Contains(err.Error(), "code -1 at place 1") {
		t.Errorf("error %v", err)
	}
}

// A map of the wrong shape or with a value that is no number is refused.
func TestBrokenPreview(t *testing.T) {
	var b bytes.Buffer
	if err := testmodel.Write(&b, testmodel.Options{VQOnly: true, Preview: true}); err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Parse("x.gguf", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	w, ok := f.Tensor(PreviewTensor)
	if !ok {
		t.Fatal("no map")
	}
	copy(w.Data[8:], []byte{0, 0, 0xc0, 0x7f})
	if _, err := NewDecoder(f); err == nil || !strings.Contains(err.Error(), `x.gguf: tensor "vq.preview.weight": value 2 is NaN`) {
		t.Errorf("error %v", err)
	}
	w.Dims[0]--
	if _, err := NewDecoder(f); err == nil || !strings.Contains(err.Error(), "shape [3 8], want [3 9]") {
		t.Errorf("error %v", err)
	}
}

// Neighbours of the sample resemble each other.
func TestSampleIsSorted(t *testing.T) {
	d := tinyDecoder(t, testmodel.Options{})
	codes := d.codebook.sample(4)
	seen := map[int32]bool{}
	at := func(i, value int) float32 { return d.codebook.vectors[int(codes[i])*8+value] }
	for i := range codes {
		seen[codes[i]] = true
		if i%4 > 0 && at(i-1, 1) > at(i, 1) {
			t.Errorf("place %d is out of order in its row", i)
		}
		if i >= 4 && slices.Max([]float32{at(i/4*4-4, 0), at(i/4*4-3, 0), at(i/4*4-2, 0), at(i/4*4-1, 0)}) > at(i, 0) {
			t.Errorf("place %d belongs above", i)
		}
	}
	if len(seen) != 16 {
		t.Errorf("%d codes in a sample of 16", len(seen))
	}
}

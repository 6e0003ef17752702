package convert

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
)

// The caller sees the tokenizer as it will be in the file, without its
// encoder, and the file keeps what it returns.
func TestPreview(t *testing.T) {
	want := make([]float32, 27)
	for i := range want {
		want[i] = float32(i) - 13.5
	}
	for _, typ := range []ggml.Type{ggml.F32, ggml.Q8_0} {
		for _, o := range []Options{golden("vq-tiny"), golden("c2i-tiny")} {
			o.Type = typ
			if o.Grid != nil {
				o.VQ = golden("vq-tiny").Checkpoint
			}
			whole, _ := convertTo(t, o)
			calls := 0
			o.Preview = func(_ context.Context, vq *gguf.File) ([]float32, error) {
				calls++
				for _, x := range vq.Tensors {
					y, ok := whole.Tensor(x.Name)
					if !ok || x.Type != y.Type || !slices.Equal(x.Dims, y.Dims) || !slices.Equal(x.Data, y.Data) {
						t.Errorf("%s: tensor %q differs from the file's", typ, x.Name)
					}
				}
				if _, ok := vq.Tensor("vq.decoder.conv_out.weight"); !ok {
					t.Error("no decoder")
				}
				if _, ok := vq.Tensor("vq.encoder.conv_in.weight"); ok {
					t.Error("an encoder")
				}
				if dim, err := vq.Uint("vq.codebook_dim"); err != nil || dim != 8 {
					t.Errorf("codebook_dim %d, %v", dim, err)
				}
				return want, nil
			}
			f, result := convertTo(t, o)
			x, ok := f.Tensor("vq.preview.weight")
			if !ok || calls != 1 || x.Type != ggml.F32 || !slices.Equal(x.Dims, []uint64{9, 3}) || len(f.Tensors) != len(whole.Tensors)+1 {
				t.Fatalf("%s: %d calls, tensor %+v, %v", typ, calls, x, result.Tensors)
			}
			for i, v := range want {
				if got := math.Float32frombits(binary.LittleEndian.Uint32(x.Data[4*i:])); got != v {
					t.Errorf("%s: value %d is %v, want %v", typ, i, got, v)
				}
			}
			// Quantising leaves it as it is.
			if r := quantizeRole(x); r != small {
				t.Errorf("the colours' role is %v", r)
			}
		}
	}
}

func TestPreviewThatFails(t *testing.T) {
	failing := errors.New("no colours")
	o := golden("vq-tiny")
	o.Preview = func(context.Context, *gguf.File) ([]float32, error) { return nil, failing }
	if err := fails(t, o); err != failing {
		t.Errorf("error %v", err)
	}
	o.Preview = func(context.Context, *gguf.File) ([]float32, error) {
		return append(make([]float32, 26), float32(math.NaN())), nil
	}
	wantError(t, fails(t, o), bad(), "the colours of its codes are not finite")
	o = golden("c2i-tiny")
	o.Preview = func(context.Context, *gguf.File) ([]float32, error) { panic("called without an image tokenizer") }
	wantError(t, fails(t, o), option(), "--fit-preview")
}

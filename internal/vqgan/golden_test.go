package vqgan

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/zipar/zipar/internal/convert"
	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/imageio"
	"github.com/zipar/zipar/internal/npy"
	"github.com/zipar/zipar/internal/tensor"
)

const golden = "../../testdata/golden/"

func goldenFile(t *testing.T, name string, groups int) *gguf.File {
	t.Helper()
	out := filepath.Join(t.TempDir(), name+".gguf")
	o := convert.Options{Checkpoint: golden + name + ".pt", Out: out, Type: ggml.F32, Groups: &groups}
	if _, err := convert.Convert(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// hwc turns [1, 3, h, w] into [h, w, 3].
func hwc(a *npy.Array) *tensor.Image {
	h, w := a.Shape[2], a.Shape[3]
	im := tensor.NewImage(h, w, 3)
	for c := range 3 {
		for i := range h * w {
			im.Data[3*i+c] = a.Float32()[c*h*w+i]
		}
	}
	return im
}

// TestEqualsTheOfficialCode wants, with all kernels that this machine has, the official image within 1e-3 before
// clamping and within one level of 255 after, and the official codes.
func TestEqualsTheOfficialCode(t *testing.T) {
	defer tensor.Select(tensor.CPU())
	for _, cpu := range tensor.CPUs() {
		if err := tensor.Select(cpu); err != nil {
			t.Fatal(err)
		}
		for name, groups := range map[string]int{"vq-tiny": 32, "vq-g8": 8} {
			t.Run(cpu+"/"+name, func(t *testing.T) { checkGolden(t, name, groups) })
		}
	}
}

func checkGolden(t *testing.T, name string, groups int) {
	f := goldenFile(t, name, groups)
	data, err := npy.OpenZip(golden + name + ".npz")
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDecoder(f)
	if err != nil {
		t.Fatal(err)
	}
	e, err := NewEncoder(f)
	if err != nil {
		t.Fatal(err)
	}
	var first []float32
	for _, threads := range []int{1, 2, 8} {
		p := tensor.NewPool(threads)
		codes := data["codes"]
		got, err := d.Decode(context.Background(), p, codes.Int32(), codes.Shape[0], codes.Shape[1], nil)
		if err != nil {
			t.Fatal(err)
		}
		want := hwc(data["image"])
		if got.H != want.H || got.W != want.W {
			t.Fatalf("image %d x %d, want %d x %d", got.H, got.W, want.H, want.W)
		}
		var worst float64
		for i, v := range got.Data {
			worst = max(worst, math.Abs(float64(v-want.Data[i])))
		}
		if worst > 1e-3 {
			t.Errorf("%d threads: image differs by %g", threads, worst)
		}
		gotPix, wantPix := imageio.RGB(got.Data, got.H, got.W).Pix, imageio.RGB(want.Data, want.H, want.W).Pix
		for i := range gotPix {
			if d := int(gotPix[i]) - int(wantPix[i]); d < -1 || d > 1 {
				t.Errorf("level %d is %d, want %d", i, gotPix[i], wantPix[i])
				break
			}
		}
		if first == nil {
			first = got.Data
			t.Logf("image within %.2g", worst)
		} else if !slices.Equal(first, got.Data) {
			t.Errorf("%d threads: other bits than one thread", threads)
		}
		back, rows, cols, err := e.Encode(context.Background(), p, hwc(data["enc_input"]), nil)
		if err != nil {
			t.Fatal(err)
		}
		wantCodes := data["enc_codes"]
		if rows != wantCodes.Shape[0] || cols != wantCodes.Shape[1] || !slices.Equal(back, wantCodes.Int32()) {
			t.Errorf("%d threads: codes %v, want %v", threads, back, wantCodes.Int32())
		}
		p.Close()
	}
}

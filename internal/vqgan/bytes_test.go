package vqgan

import (
	"context"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/testmodel"
)

// Bytes counts what Decode takes, but for the working memory of the pool's
// thread, which is there from the first time on.
func TestBytesCountsWhatDecodeTakes(t *testing.T) {
	p := tensor.NewPool(1)
	defer p.Close()
	for _, g := range []struct {
		d          *Decoder
		rows, cols int
	}{
		{tinyDecoder(t, testmodel.Options{}), 1, 1},
		{tinyDecoder(t, testmodel.Options{}), 24, 24},
		{tinyDecoder(t, testmodel.Options{}), 3, 40},
		{officialRandom(tensor.NewConv3x3).decoder(16), 9, 16},
	} {
		var before, after runtime.MemStats
		codes := make([]int32, g.rows*g.cols)
		for range 2 {
			runtime.ReadMemStats(&before)
			if _, err := g.d.Decode(context.Background(), p, codes, g.rows, g.cols, nil); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
		}
		const little = 1 << 16
		got, want := int64(after.TotalAlloc-before.TotalAlloc), g.d.Bytes(g.rows, g.cols)
		if got < want || got > want+want/20+little {
			t.Errorf("%d x %d: Decode has taken %d bytes, Bytes says %d", g.rows, g.cols, got, want)
		}
	}
}

// The official decoder's memory at 1024 pixels is little more than two maps of
// full size.
func TestMemoryOfTheOfficialDecoder(t *testing.T) {
	const most, maps = 1.3e9, 2 * 4 * 1024 * 1024 * officialChannels
	got := officialShapes.decoder(officialChannels).Bytes(64, 64)
	t.Logf("%.3f GB, two maps are %.3f", float64(got)/1e9, maps/1e9)
	if got < maps || got > most {
		t.Errorf("%d bytes, want at most %.0f", got, most)
	}
}

func TestDecodeRefusesPixelsThatAreNotFinite(t *testing.T) {
	p := tensor.NewPool(1)
	defer p.Close()
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
		d := tinyDecoder(t, testmodel.Options{})
		d.layers[len(d.layers)-1].(*outLayer).norm.bias[0] = bad
		_, err := d.Decode(context.Background(), p, make([]int32, 6), 2, 3, nil)
		if !errors.Is(err, ErrDamaged) || !strings.HasPrefix(err.Error(), "tiny.gguf: pixel 0 of line 0 is ") {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

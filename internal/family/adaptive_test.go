package family

import (
	"context"
	"slices"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/testmodel"
	"github.com/zipar/zipar/internal/zipar"
)

// passRecorder keeps what every pass is fed and the logits of each feed.
type passRecorder struct {
	zipar.Model
	passes [][]zipar.Feed
	logits [][][]float32 // by pass and feed, nil where there are none
}

func (r *passRecorder) Pass(ctx context.Context, feeds []zipar.Feed) (zipar.Logits, error) {
	out, err := r.Model.Pass(ctx, feeds)
	r.passes = append(r.passes, slices.Clone(feeds))
	r.logits = append(r.logits, logitsOf(feeds, out))
	return out, err
}

// logitsOf copies the logits of the feeds, conditional and unconditional ones
// one after the other.
func logitsOf(feeds []zipar.Feed, out zipar.Logits) [][]float32 {
	rows := make([][]float32, len(feeds))
	for i, f := range feeds {
		if f.Output >= 0 {
			rows[i] = slices.Concat(out.Cond[f.Output], out.Uncond[f.Output])
		}
	}
	return rows
}

// TestRejectedTrialsLeaveNoTraceInTheCache replays an adaptive run without the
// tokens that were rejected: every other logit must have the same bits.
func TestRejectedTrialsLeaveNoTraceInTheCache(t *testing.T) {
	p := tensor.NewPool(2)
	defer p.Close()
	ctx := context.Background()
	rejected := 0
	for _, typ := range []ggml.Type{ggml.F32, ggml.Q8_0} {
		for _, window := range []int{1, 2, 4} {
			m := tiny(t, testmodel.Options{Type: typ})
			o := zipar.Options{
				Grid: m.grid, Window: window, Adaptive: true, Guidance: zipar.Guidance{Scale: 2, Interval: -1},
				Sampling: zipar.Sampling{Temperature: 1, TopK: 20, TopP: 0.95}, Noise: []zipar.Noise{{Seed: 3}},
			}
			r := &passRecorder{Model: m.Decoder(p, conditions(t, p, m, 1))}
			if _, err := zipar.Decode(ctx, r, o); err != nil {
				t.Fatal(err)
			}
			replay := m.Decoder(p, conditions(t, p, m, 1))
			if _, err := replay.Prefill(ctx, true); err != nil {
				t.Fatal(err)
			}
			for i, feeds := range r.passes {
				kept, want := []zipar.Feed{}, [][]float32{}
				outputs := 0
				for j, f := range feeds {
					// A row's first token that is fed again later was rejected.
					// So was what was proposed for the next row on its ground.
					if f.Slot.Col == 0 && fedLater(r.passes[i+1:], f.Slot) {
						rejected++
						break
					}
					if f.Output >= 0 {
						f.Output = outputs
						outputs++
					}
					kept, want = append(kept, f), append(want, r.logits[i][j])
				}
				out, err := replay.Pass(ctx, kept)
				if err != nil {
					t.Fatal(err)
				}
				for j, got := range logitsOf(kept, out) {
					if !slices.Equal(got, want[j]) {
						t.Fatalf("%s, window %d, pass %d: the logits after slot %v differ", typ, window, i+2, kept[j].Slot)
					}
				}
			}
		}
	}
	if rejected < 10 {
		t.Errorf("only %d rejections: the test says nothing", rejected)
	}
}

// fedLater says whether one of the passes feeds a slot.
func fedLater(passes [][]zipar.Feed, s zipar.Slot) bool {
	for _, feeds := range passes {
		if slices.ContainsFunc(feeds, func(f zipar.Feed) bool { return f.Slot == s }) {
			return true
		}
	}
	return false
}

package family

import (
	"context"
	"math"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/zipar"
)

// The likelihoods of a picture are those of the logits from which next-token
// decoding drew it, one token a pass: equal, not close, as a column's bits do
// not depend on its pass. The golden tests tie these logits to the official code.
func TestScoreEqualsTheLogitsOfNextTokenDecoding(t *testing.T) {
	for _, name := range []string{"c2i-tiny", "t2i-tiny", "c2i-gqa"} {
		m, _ := goldenModel(t, name, ggml.F32)
		p := tensor.NewPool(2)
		defer p.Close()
		c := goldenCondition(t, p, m, goldenData(t, name))
		for _, g := range []zipar.Guidance{{Scale: 1, Interval: -1}, {Scale: 4, Interval: -1}, {Scale: 4, Interval: 10}} {
			picture, logits := greedy(t, p, m, c, m.grid.Cols, g)
			got, err := zipar.Score(context.Background(), m.Decoder(p, []*Condition{c}), m.grid, g, [][]int32{picture.Codes}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for n, code := range picture.Codes {
				var sum float64
				for _, v := range logits[n] {
					sum += math.Exp(float64(v - logits[n][code]))
				}
				if want := -math.Log(sum); math.Abs(got[0][n]-want) > 1e-9 {
					t.Errorf("%s, %+v, token %d: log-likelihood %v, want %v", name, g, n, got[0][n], want)
				}
			}
		}
	}
}

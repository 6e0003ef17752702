package main

import (
	"context"
	"encoding/json"
	"io"
	"math"

	"github.com/zipar/zipar/internal/zipar"
)

// A benchDetail is a line of --details: a picture and all that was measured
// of it.
type benchDetail struct {
	Condition string             `json:"condition"` // the prompt or the class
	Seed      uint64             `json:"seed"`
	Window    int                `json:"window"`
	Adaptive  bool               `json:"adaptive"`
	Figures   map[string]float64 `json:"figures"` // by the keys of benchColumns
	// Windows, Codes and LogLikelihoods are those of rows and of tokens.
	Windows        []int        `json:"windows"`
	Codes          []int32      `json:"codes"`
	LogLikelihoods []float64    `json:"log_likelihoods"`
	Trials         []benchTrial `json:"trials,omitempty"`
}

func newBenchDetail(text string, seed uint64, m benchMode, d *drawn, figures map[string]float64) benchDetail {
	return benchDetail{
		Condition: text, Seed: seed, Window: m.window, Adaptive: m.adaptive, Figures: figures,
		Windows: d.Windows, Codes: d.Codes, LogLikelihoods: d.likelihoods, Trials: d.trials,
	}
}

// A benchTrial is a test of a row's first token, with what next-token decoding
// would have drawn it from: the distribution that the model gives, reading
// the finished picture, with the row above known to its end.
type benchTrial struct {
	Row      int   `json:"row"`
	Window   int   `json:"window"` // tokens of the row above that were known when the token was drawn
	Token    int32 `json:"token"`
	Accepted bool  `json:"accepted"`
	// P is the token's probability when it was drawn, Next that with one more
	// token of the row above, NTP that in next-token decoding.
	P    float64 `json:"p"`
	Next float64 `json:"p_next"`
	NTP  float64 `json:"p_ntp"`
	// How far the three distributions are apart: half the sum of the absolute
	// differences (total variation distance), 0 to 1.
	Change     float64 `json:"change"`        // from that of P to that of Next
	ChangeNTP  float64 `json:"change_to_ntp"` // from that of P to that of NTP
	Unforeseen float64 `json:"next_to_ntp"`   // from that of Next to that of NTP

	before, after []float32 // of P and Next, [vocab]; nil once they were compared
}

func newBenchTrial(t zipar.TrialResult) benchTrial {
	return benchTrial{
		Row: t.Row, Window: t.Window, Token: t.Token, Accepted: t.Accepted,
		P: float64(t.Before[t.Token]), Next: float64(t.After[t.Token]), Change: variation(t.Before, t.After),
		before: append([]float32(nil), t.Before...), after: append([]float32(nil), t.After...),
	}
}

// compare notes the distribution of next-token decoding.
func (t *benchTrial) compare(ntp []float32) {
	t.NTP = float64(ntp[t.Token])
	t.ChangeNTP, t.Unforeseen = variation(t.before, ntp), variation(t.after, ntp)
	t.before, t.after = nil, nil
}

// variation is the total variation distance of two distributions over the same
// tokens.
func variation(p, q []float32) float64 {
	var sum float64
	for i, v := range p {
		sum += math.Abs(float64(v) - float64(q[i]))
	}
	return sum / 2
}

// readAgain reads a finished picture in raster order, for the likelihood of its
// tokens and the distributions that trials are compared with.
func (b *bench) readAgain(ctx context.Context, decoder zipar.Model, c benchCondition, d *drawn) error {
	d.likelihoods = make([]float64, len(d.Codes))
	likelihood := func(at zipar.Slot, logits []float32) (err error) {
		n := d.Grid.Index(at)
		d.likelihoods[n], err = zipar.LogLikelihood(logits, d.Codes[n])
		return err
	}
	trials := d.trials // of rows not read yet
	ntp := make([]float32, b.model.Vocab())
	compare := func(at zipar.Slot, logits []float32) error {
		if at.Col > 0 || len(trials) == 0 || trials[0].Row != at.Row {
			return nil
		}
		if err := b.options.Sampling.Distribution(ntp, logits); err != nil {
			return err
		}
		for ; len(trials) > 0 && trials[0].Row == at.Row; trials = trials[1:] {
			trials[0].compare(ntp)
		}
		return nil
	}
	if b.judge == nil {
		return b.read(ctx, decoder, d, func(at zipar.Slot, logits []float32) error {
			if err := likelihood(at, logits); err != nil {
				return err
			}
			return compare(at, logits)
		})
	}
	if len(trials) > 0 {
		if err := b.read(ctx, decoder, d, compare); err != nil {
			return err
		}
	}
	return b.judge.damaged(b.read(ctx, b.judge.decoder(b.pool, c), d, likelihood))
}

// read calls each with the logits of the picture's tokens in raster order.
func (b *bench) read(ctx context.Context, m zipar.Model, d *drawn, each func(at zipar.Slot, logits []float32) error) error {
	b.ui.stage("likelihood", d.Grid.Tokens())
	defer b.ui.done()
	return zipar.Read(ctx, m, d.Grid, b.options.Guidance, [][]int32{d.Codes},
		func(_ int, at zipar.Slot, logits []float32) error { return each(at, logits) },
		func(n int) { b.ui.step(n, "") })
}

// writeDetails writes a line of JSON a picture.
func writeDetails(w io.Writer, details []benchDetail) error {
	e := json.NewEncoder(w)
	for _, d := range details {
		if err := e.Encode(d); err != nil {
			return err
		}
	}
	return nil
}

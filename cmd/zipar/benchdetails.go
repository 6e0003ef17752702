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
	Windows        []int     `json:"windows"`
	Codes          []int32   `json:"codes"`
	LogLikelihoods []float64 `json:"log_likelihoods"`
	// Expected are the means of the log-likelihoods of what next-token decoding
	// would draw in these places, after the same tokens.
	Expected []float64    `json:"expected_log_likelihoods"`
	Trials   []benchTrial `json:"trials,omitempty"`
}

func newBenchDetail(text string, seed uint64, m benchMode, d *drawn, figures map[string]float64) benchDetail {
	return benchDetail{
		Condition: text, Seed: seed, Window: m.window, Adaptive: m.adaptive, Figures: figures,
		Windows: d.Windows, Codes: d.Codes, LogLikelihoods: d.likelihoods, Expected: d.expected, Trials: d.trials,
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
// tokens and, where details are wanted, for what next-token decoding would have
// drawn them from.
func (b *bench) readAgain(ctx context.Context, decoder zipar.Model, c benchCondition, d *drawn) error {
	r := reader{d: d, sampling: b.options.Sampling, ntp: make([]float32, b.model.Vocab())}
	d.likelihoods = make([]float64, len(d.Codes))
	likelihood := r.likelihood
	if b.details != "" {
		d.expected = make([]float64, len(d.Codes))
		likelihood = r.expected
	}
	if b.judge == nil {
		return b.read(ctx, decoder, d, func(at zipar.Slot, logits []float32) error {
			if err := likelihood(at, logits); err != nil {
				return err
			}
			r.compare(at)
			return nil
		})
	}
	if len(d.trials) > 0 {
		err := b.read(ctx, decoder, d, func(at zipar.Slot, logits []float32) error {
			if err := r.sampling.Distribution(r.ntp, logits); err != nil {
				return err
			}
			r.compare(at)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return b.judge.damaged(b.read(ctx, b.judge.decoder(b.pool, c), d, likelihood))
}

// A reader takes from the logits of a finished picture, in raster order, what
// is wanted of them.
type reader struct {
	d        *drawn
	sampling zipar.Sampling
	// ntp is the distribution that next-token decoding draws the token from,
	// [vocab].
	ntp    []float32
	logits []float32 // scratch
	trials int       // of d that have been compared
}

// likelihood notes a token's log-likelihood.
func (r *reader) likelihood(at zipar.Slot, logits []float32) (err error) {
	n := r.d.Grid.Index(at)
	r.d.likelihoods[n], err = zipar.LogLikelihood(logits, r.d.Codes[n])
	return err
}

// expected notes it, too, and its mean over what next-token decoding draws.
func (r *reader) expected(at zipar.Slot, logits []float32) error {
	if err := r.likelihood(at, logits); err != nil {
		return err
	}
	r.logits = append(r.logits[:0], logits...)
	if err := r.sampling.Distribution(r.ntp, logits); err != nil {
		return err
	}
	// The other tokens' log-likelihoods differ from the token's as their logits do.
	n := r.d.Grid.Index(at)
	mean, own := r.d.likelihoods[n], r.logits[r.d.Codes[n]]
	for i, p := range r.ntp {
		mean += float64(p) * float64(r.logits[i]-own)
	}
	r.d.expected[n] = mean
	return nil
}

// compare compares the trials of the slot with the distribution of next-token
// decoding.
func (r *reader) compare(at zipar.Slot) {
	for at.Col == 0 && r.trials < len(r.d.trials) && r.d.trials[r.trials].Row == at.Row {
		r.d.trials[r.trials].compare(r.ntp)
		r.trials++
	}
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

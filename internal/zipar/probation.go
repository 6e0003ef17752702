package zipar

import "math"

// A probation holds what is known of the first token of a row while it may
// still be rejected (paper, section 3.4): a row starts on a proposal x from
// p_k, its distribution when the row above has k tokens. A pass later p_k+1 is
// known. x stays with probability min(1, p_k+1(x) / p_k(x)), as in speculative
// decoding; otherwise the token is drawn again from the part by which p_k+1
// exceeds p_k. The token that comes out of the first test follows p_k+1.
//
// Greedy decoding is the limit of a distribution that holds one token: a
// proposal stays if it still is the likeliest token, and the likeliest token
// takes its place if not.
type probation struct {
	token int32
	draws int // draws of the token so far
	// p is the distribution at the last draw or test, [vocab]; next is
	// scratch for the one that is tested against.
	p, next []float32
	excess  []candidate
}

func newProbation(vocab int) *probation {
	return &probation{p: make([]float32, vocab), next: make([]float32, vocab), excess: make([]candidate, 0, vocab)}
}

// propose draws a token from the candidates and puts it on probation.
func (b *probation) propose(kept []candidate, noise Noise, at Slot) int32 {
	distribution(b.p, kept)
	b.draws = 1
	b.token = pick(kept, noise, at, 0)
	return b.token
}

// test tests the token against a new distribution. It returns the token of
// the slot, which is another one if the test fails. Afterwards p is the new
// distribution and next the one that the token was drawn from.
func (b *probation) test(kept []candidate, noise Noise, at Slot) (token int32, accepted bool) {
	distribution(b.next, kept)
	r := noise.uniform(at, b.draws, uniformDraw)
	accepted = r*float64(b.p[b.token]) < float64(b.next[b.token])
	if !accepted {
		// Without an excess the two are equal but for rounding.
		accepted = !b.redraw(noise, at)
	}
	b.draws++
	b.p, b.next = b.next, b.p
	return b.token, accepted
}

// redraw draws the token from normalise(max(0, next - p)). It returns false and
// keeps the token where that has no mass: the probabilities are rounded, so next
// can fall short of p at one token and exceed it at none.
func (b *probation) redraw(noise Noise, at Slot) bool {
	b.excess = b.excess[:0]
	for i, p := range b.next {
		if d := p - b.p[i]; d > 0 {
			b.excess = append(b.excess, candidate{int32(i), float32(math.Log(float64(d)))})
		}
	}
	if len(b.excess) == 0 {
		return false
	}
	b.token = pick(b.excess, noise, at, b.draws)
	return true
}

// distribution writes the probabilities of the candidates to p, [vocab].
func distribution(p []float32, kept []candidate) {
	clear(p)
	top := kept[0].logit
	for _, c := range kept {
		top = max(top, c.logit)
	}
	var sum float64
	for _, c := range kept {
		sum += math.Exp(float64(c.logit - top))
	}
	for _, c := range kept {
		p[c.token] = float32(math.Exp(float64(c.logit-top)) / sum)
	}
}

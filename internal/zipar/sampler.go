package zipar

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Sampling says how a token is drawn from logits (LlamaGen generate.py,
// sample and top_k_top_p_filtering): divide by the temperature, keep the
// top-k, of these the top-p, draw from the softmax of what is left.
type Sampling struct {
	// Temperature 0 takes the largest logit, the first of equals.
	Temperature float32
	// TopK drops logits below the TopK-th largest; ties with it stay. 0 keeps all.
	TopK int
	// TopP keeps the smallest set of most probable tokens whose mass exceeds
	// TopP, the token included that passes it. 1 keeps all.
	TopP float32
}

// Check returns an error that names a value out of range.
func (s Sampling) Check() error {
	switch {
	case !(s.Temperature >= 0) || s.Temperature >= inf32:
		return fmt.Errorf("temperature %v: want a number from 0 up", s.Temperature)
	case s.TopK < 0:
		return fmt.Errorf("top-k %d: want 0 (off) or more", s.TopK)
	case !(s.TopP > 0 && s.TopP <= 1):
		return fmt.Errorf("top-p %v: want a number above 0 and at most 1", s.TopP)
	}
	return nil
}

// ErrNotFinite is wrapped by the errors of a model whose logits are infinite or
// no numbers: the sign of broken weights or of an overflow in the model.
var ErrNotFinite = errors.New("the model's logits are not finite")

// Distribution writes the probability with which each token is drawn from
// logits to p; both are [vocab]. Tokens that are never drawn get 0. It
// overwrites logits, and returns ErrNotFinite where they are not finite.
func (s Sampling) Distribution(p, logits []float32) error {
	kept, err := newSampler(s, len(logits)).candidates(logits)
	if err != nil {
		return err
	}
	distribution(p, kept)
	return nil
}

// A sampler draws tokens. It keeps its working memory, so drawing allocates
// nothing.
type sampler struct {
	Sampling
	kept    []candidate
	scratch []float32
}

// A candidate is a token that may be drawn.
type candidate struct {
	token int32
	// logit is the natural logarithm of its probability but for a constant
	// that all candidates share.
	logit float32
}

func newSampler(s Sampling, vocab int) *sampler {
	return &sampler{Sampling: s, kept: make([]candidate, 0, vocab), scratch: make([]float32, vocab)}
}

// draw returns the token of a slot. It overwrites logits.
func (s *sampler) draw(logits []float32, noise Noise, at Slot) (int32, error) {
	kept, err := s.candidates(logits)
	if err != nil {
		return 0, err
	}
	return pick(kept, noise, at, 0), nil
}

// candidates returns the tokens that may be drawn; they are valid until the
// next call. With temperature 0 there is one. It overwrites logits.
func (s *sampler) candidates(logits []float32) ([]candidate, error) {
	if s.Temperature == 0 {
		top, err := argmax(logits)
		s.kept = append(s.kept[:0], candidate{top, 0})
		return s.kept, err
	}
	if !finite(logits) {
		return nil, ErrNotFinite
	}
	return s.filter(logits), nil
}

// pick draws one of the candidates by its probability.
func pick(kept []candidate, noise Noise, at Slot, draw int) int32 {
	if len(kept) == 1 {
		return kept[0].token
	}
	best, token := math.Inf(-1), kept[0].token
	for _, c := range kept {
		if float64(c.logit)+mostGumbelOfAll < best {
			continue // it cannot win, whatever its noise
		}
		word := noise.word(at, draw, uint32(c.token))
		if float64(c.logit)+mostGumbel(word) < best {
			continue // most cannot win, whatever their exact number
		}
		if g := float64(c.logit) + gumbel(word); g > best {
			best, token = g, c.token
		}
	}
	return token
}

// argmax returns the index of the largest logit, the first of equals.
func argmax(logits []float32) (int32, error) {
	if !finite(logits) {
		return 0, ErrNotFinite
	}
	top := 0
	for i, v := range logits {
		if v > logits[top] {
			top = i
		}
	}
	return int32(top), nil
}

// finite says whether all values are numbers, and not infinite.
func finite(v []float32) bool {
	const sign, one = 1 << 31, 1 << 23 // the last bit of the exponent
	// The exponent of what is not finite is all ones: one more carries into the sign.
	carry := uint32(0)
	for _, x := range v {
		carry |= math.Float32bits(x)&^sign + one
	}
	return carry&sign == 0
}

// filter returns the tokens that may be drawn. With top-p they come by
// descending probability, otherwise by number. It overwrites logits, which
// must be finite.
func (s *sampler) filter(logits []float32) []candidate {
	// generate.py divides by at least 1e-5.
	if temperature := max(s.Temperature, 1e-5); temperature != 1 {
		for i := range logits {
			logits[i] /= temperature
		}
	}
	if s.TopK > 0 && s.TopK < len(logits) {
		s.kept = s.largest(logits, s.TopK)
	} else {
		s.kept = atLeast(s.kept, logits, -inf32)
	}
	if s.TopP < 1 {
		s.kept = nucleus(s.kept, s.TopP)
	}
	return s.kept
}

// nucleus sorts candidates by descending logit, equals by number, and returns
// the shortest prefix whose share of the probability exceeds p.
func nucleus(kept []candidate, p float32) []candidate {
	slices.SortFunc(kept, func(a, b candidate) int {
		switch {
		case a.logit > b.logit:
			return -1
		case a.logit < b.logit:
			return 1
		}
		return int(a.token - b.token)
	})
	var total float64
	for _, c := range kept {
		total += math.Exp(float64(c.logit - kept[0].logit))
	}
	var mass float64
	for i, c := range kept {
		mass += math.Exp(float64(c.logit - kept[0].logit))
		if mass > float64(p)*total {
			return kept[:i+1]
		}
	}
	return kept
}

// sampled is how many logits guess the n-th largest one of all.
const sampled = 512

// largest returns the n largest logits, and those that equal the least of them, by
// number. It guesses from some logits which ones may be among them, so that it
// need not go through all of them more than once.
func (s *sampler) largest(logits []float32, n int) []candidate {
	guess := -inf32
	if step := len(logits) / sampled; step > 1 {
		some := s.scratch[:sampled]
		for i := range some {
			some[i] = logits[i*step]
		}
		// Of these, so many are expected among the n largest: mean, and three
		// standard deviations more.
		mean := float64(n) / float64(step)
		if rank := int(mean + 3*math.Sqrt(mean) + 4); rank <= sampled {
			guess = quickselect(some, rank)
		}
	}
	kept := atLeast(s.kept, logits, guess)
	if len(kept) < n {
		kept = atLeast(s.kept, logits, -inf32)
	}
	values := s.scratch[:len(kept)]
	for i, c := range kept {
		values[i] = c.logit
	}
	least := quickselect(values, n)
	return slices.DeleteFunc(kept, func(c candidate) bool { return c.logit < least })
}

// atLeast sets kept, which has room for them, to the logits from least up, by
// number. A branch for each would be guessed wrong for most that are kept.
func atLeast(kept []candidate, logits []float32, least float32) []candidate {
	kept = kept[:len(logits)]
	n := 0
	for i, v := range logits {
		kept[n].token = int32(i)
		if v >= least {
			n++
		}
	}
	kept = kept[:n]
	for i, c := range kept {
		kept[i].logit = logits[c.token]
	}
	return kept
}

// quickselect returns the n-th largest value, n counted from 1 (Hoare's, with
// the median of three). It reorders v.
func quickselect(v []float32, n int) float32 {
	lo, hi, want := 0, len(v)-1, n-1
	for lo < hi {
		a, b, c := v[lo], v[(lo+hi)/2], v[hi]
		pivot := max(min(a, b), min(max(a, b), c))
		i, j := lo, hi
		for i <= j {
			for v[i] > pivot {
				i++
			}
			for v[j] < pivot {
				j--
			}
			if i <= j {
				v[i], v[j] = v[j], v[i]
				i++
				j--
			}
		}
		switch {
		case want <= j:
			hi = j
		case want >= i:
			lo = i
		default:
			return v[want]
		}
	}
	return v[want]
}

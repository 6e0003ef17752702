package convert

// freqs_cis, the table of rotary positions that some checkpoints carry: [T + rows*cols, head size/2, 2], cosine and
// sine. It tells the head size by its shape and the grid by its values.
//
// Source: LlamaGen gpt.py, precompute_freqs_cis_2d. T prefix positions are zero. Token (r, c) turns the first half of
// its pairs by r*f_k and the second by c*f_k, with f_k = base^(-2k/(head size/2)), k from 0.

import (
	"fmt"
	"math"

	"github.com/zipar/zipar/internal/torchfile"
)

const freqsName = "freqs_cis"

// rotary is what a table tells.
type rotary struct {
	headDim int
	grid    Grid
}

// readRotary checks the whole table against the formula. prefix is T.
func (s *source) readRotary(prefix int64, base float64) *rotary {
	t := s.get(freqsName, anySize, anySize, 2)
	if t == nil {
		return nil
	}
	tokens, pairs := t.Shape[0]-prefix, t.Shape[1]
	switch {
	case pairs%2 != 0:
		s.fail(freqsName, "shape %v: a head of %d values cannot turn by row and by column, want a multiple of 4", t.Shape, 2*pairs)
	case tokens < 1 || tokens > maxTokens:
		s.fail(freqsName, "shape %v: %d positions with a prefix of %d, want at least one image token and at most %d", t.Shape, t.Shape[0], prefix, maxTokens)
	}
	table := s.readAll(t)
	if s.err != nil {
		return nil
	}
	for i, v := range table[:prefix*pairs*2] {
		if v != 0 {
			s.fail(freqsName, "position %d of the prefix of %d is not zero", i/int(pairs*2), prefix)
			return nil
		}
	}
	image := table[prefix*pairs*2:]
	for rows := int64(1); rows <= tokens; rows++ {
		g := Grid{int(rows), int(tokens / rows)}
		if tokens%rows == 0 && matches(image, g, int(pairs), base, tolerance(t)) {
			return &rotary{headDim: int(2 * pairs), grid: g}
		}
	}
	s.fail(freqsName, "its values are not those of any grid of %d tokens with --rope-base %g%s", tokens, base, baseHint(image, int(pairs)))
	return nil
}

// tolerance is the largest error of an element: the table was computed in float32 and perhaps stored in 16 bits.
func tolerance(t *torchfile.Tensor) float64 {
	switch t.DType {
	case torchfile.BFloat16:
		return 6e-3
	case torchfile.Float16:
		return 1e-3
	}
	return 2e-4
}

// matches compares the table of all image tokens with a grid's.
func matches(image []float32, g Grid, pairs int, base, tol float64) bool {
	half := pairs / 2
	freq := make([]float64, half)
	for k := range freq {
		freq[k] = math.Pow(base, -2*float64(k)/float64(pairs))
	}
	at := 0
	near := func(angle float64) bool {
		sin, cos := math.Sincos(angle)
		ok := math.Abs(float64(image[at])-cos) <= tol && math.Abs(float64(image[at+1])-sin) <= tol
		at += 2
		return ok
	}
	for r := range g.Rows {
		for c := range g.Cols {
			for _, f := range freq {
				if !near(float64(r) * f) {
					return false
				}
			}
			for _, f := range freq {
				if !near(float64(c) * f) {
					return false
				}
			}
		}
	}
	return true
}

// baseHint guesses another base from the second token's second column frequency.
func baseHint(image []float32, pairs int) string {
	second := 2 * (pairs + pairs/2 + 1) // token 1, pair pairs/2 + 1
	if pairs < 4 || second+1 >= len(image) {
		return ""
	}
	angle := math.Atan2(float64(image[second+1]), float64(image[second]))
	base := math.Pow(angle, -float64(pairs)/2)
	if !(base > 1 && base < 1e12) {
		return ""
	}
	return fmt.Sprintf("; they look like a base of about %.4g", base)
}

// readAll reads a small tensor.
func (s *source) readAll(t *torchfile.Tensor) []float32 {
	if s.err != nil {
		return nil
	}
	r, err := t.Reader()
	if err == nil {
		out := make([]float32, t.Len())
		if _, err = r.Read(out); err == nil {
			return out
		}
	}
	s.err = err
	return nil
}

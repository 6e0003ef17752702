package zipar

import (
	"context"
	"fmt"
	"math"
)

// scoreColumns is how many tokens a pass of Score feeds: enough for the matrix
// products to be efficient, few enough for the logits to stay small.
const scoreColumns = 64

// Score returns the log-likelihood that the model gives every token of
// finished pictures, [pictures][tokens] in raster order: the natural
// logarithm of its probability given all tokens before it in raster order,
// whatever the order in which they were decoded. The tokens are fed by raster
// order in wide passes (teacher forcing), so a query sees all that it would
// see in next-token decoding, real tokens in place of proxies.
//
// A token's probability is its share of softmax(logits), the logits being the
// guided ones where guidance guides the token: neither temperature nor top-k
// nor top-p are applied, so every token has a finite likelihood and pictures
// that were drawn with different settings can be compared.
//
// pictures are [rows, cols] codes, one for each picture that the model was
// made for. done, if not nil, is told after every pass how many tokens of each
// picture have been scored. A pass allocates nothing.
func Score(ctx context.Context, m Model, g Geometry, guidance Guidance, pictures [][]int32, done func(tokens int)) ([][]float64, error) {
	s, err := newScoring(m, g, guidance, pictures)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	logits, err := m.Prefill(ctx, guidance.Guides(0))
	if err != nil {
		return nil, err
	}
	for i := range pictures {
		s.targets = append(s.targets, target{picture: i, guided: guidance.Guides(0)})
	}
	for {
		if err := s.read(logits); err != nil {
			return nil, err
		}
		if done != nil {
			done(s.scored)
		}
		if !s.collect() {
			return s.scores, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if logits, err = m.Pass(ctx, s.feeds); err != nil {
			return nil, err
		}
	}
}

// scoring is the state of a Score.
type scoring struct {
	grid     Geometry
	guidance Guidance
	pictures [][]int32
	scores   [][]float64

	next    int // the position of a picture that is fed next
	width   int // positions of a picture that a pass feeds
	scored  int // tokens of a picture that have been scored
	feeds   []Feed
	targets []target
}

func newScoring(m Model, g Geometry, guidance Guidance, pictures [][]int32) (*scoring, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	if err := guidance.Check(); err != nil {
		return nil, err
	}
	if len(pictures) == 0 {
		return nil, fmt.Errorf("no picture to score")
	}
	s := &scoring{grid: g, guidance: guidance, pictures: pictures, width: max(1, scoreColumns/len(pictures))}
	for i, codes := range pictures {
		if len(codes) != g.Tokens() {
			return nil, fmt.Errorf("picture %d has %d codes, its grid of %s %d", i+1, len(codes), g, g.Tokens())
		}
		for at, code := range codes {
			if code < 0 || int(code) >= m.Vocab() {
				return nil, fmt.Errorf("picture %d, row %d, column %d: code %d of a vocabulary of %d", i+1, at/g.Cols, at%g.Cols, code, m.Vocab())
			}
		}
		s.scores = append(s.scores, make([]float64, len(codes)))
	}
	s.feeds = make([]Feed, 0, len(pictures)*s.width)
	s.targets = make([]target, 0, len(pictures)*s.width)
	return s, nil
}

// collect sets up the feeds of the next pass. It returns false when all
// tokens are scored: the grid's last token is never fed.
func (s *scoring) collect() bool {
	g := s.grid
	s.feeds, s.targets = s.feeds[:0], s.targets[:0]
	stride := g.Cols + g.RowEnd
	end := min(s.next+s.width, g.Position(Slot{g.Rows - 1, g.Cols - 1}))
	for i, codes := range s.pictures {
		for at := s.next; at < end; at++ {
			f := Feed{Picture: i, Slot: Slot{at / stride, at % stride}, Output: -1}
			after := g.Index(Slot{f.Slot.Row, min(f.Slot.Col, g.Cols-1)}) + 1 // the image token that is next
			if f.Slot.Col < g.Cols {
				f.Token = codes[after-1]
			}
			f.Guided = s.guidance.Guides(after)
			// All but the constant tokens before a row's last one have an
			// image token as their successor.
			if f.Slot.Col < g.Cols-1 || f.Slot.Col == stride-1 {
				f.Output = len(s.targets)
				s.targets = append(s.targets, target{picture: i, slot: Slot{after / g.Cols, after % g.Cols}, guided: f.Guided})
			}
			s.feeds = append(s.feeds, f)
		}
	}
	s.next = end
	return len(s.feeds) > 0
}

// read turns the logits of the pass's outputs into likelihoods.
func (s *scoring) read(out Logits) error {
	for i, t := range s.targets {
		logits := out.Cond[i]
		if t.guided {
			s.guidance.combine(logits, out.Uncond[i])
		}
		at := s.grid.Index(t.slot)
		l, err := logLikelihood(logits, s.pictures[t.picture][at])
		if err != nil {
			return fmt.Errorf("picture %d, row %d, column %d: %w", t.picture+1, t.slot.Row, t.slot.Col, err)
		}
		s.scores[t.picture][at] = l
		if t.picture == 0 {
			s.scored++
		}
	}
	return nil
}

// logLikelihood is log softmax(logits)[token].
func logLikelihood(logits []float32, token int32) (float64, error) {
	top, err := argmax(logits)
	if err != nil {
		return 0, err
	}
	var sum float64
	for _, v := range logits {
		sum += math.Exp(float64(v - logits[top]))
	}
	return float64(logits[token]-logits[top]) - math.Log(sum), nil
}

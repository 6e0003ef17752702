package zipar

import (
	"context"
	"fmt"
	"math"
)

// scoreColumns is how many tokens a pass of Read feeds: enough for the matrix
// products to be efficient, few enough for the logits to stay small.
const scoreColumns = 64

// Score returns the log-likelihood that the model gives every token of
// finished pictures, [pictures][tokens] in raster order: the natural
// logarithm of its probability given all tokens before it in raster order,
// whatever the order in which they were decoded. See Read.
//
// A token's probability is its share of softmax(logits), the logits being the
// guided ones where guidance guides the token: neither temperature nor top-k
// nor top-p are applied, so every token has a finite likelihood and pictures
// that were drawn with different settings can be compared.
//
// pictures and done are those of Read. A pass allocates nothing.
func Score(ctx context.Context, m Model, g Geometry, guidance Guidance, pictures [][]int32, done func(tokens int)) ([][]float64, error) {
	scores := make([][]float64, len(pictures))
	for i, codes := range pictures {
		scores[i] = make([]float64, len(codes))
	}
	err := Read(ctx, m, g, guidance, pictures, func(picture int, at Slot, logits []float32) error {
		n := g.Index(at)
		var err error
		scores[picture][n], err = LogLikelihood(logits, pictures[picture][n])
		return err
	}, done)
	if err != nil {
		return nil, err
	}
	return scores, nil
}

// Read reads finished pictures and calls each with the logits of every token,
// [vocab], guided where guidance guides it. The tokens are fed by raster order
// in wide passes (teacher forcing), so a query sees all that it would see in
// next-token decoding, real tokens in place of proxies, whatever the order in
// which they were decoded.
//
// pictures are [rows, cols] codes, one for each picture that the model was
// made for. each may overwrite the logits, which are valid during the call
// only; its error ends the reading. It sees the tokens of a picture in raster
// order. done, if not nil, is told after every pass how many tokens of each
// picture have been read.
func Read(ctx context.Context, m Model, g Geometry, guidance Guidance, pictures [][]int32,
	each func(picture int, at Slot, logits []float32) error, done func(tokens int)) error {
	s, err := newReading(m, g, guidance, pictures)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	logits, err := m.Prefill(ctx, guidance.Guides(0))
	if err != nil {
		return err
	}
	for i := range pictures {
		s.targets = append(s.targets, target{picture: i, guided: guidance.Guides(0)})
	}
	for {
		if err := s.pass(logits, each); err != nil {
			return err
		}
		if done != nil {
			done(s.read)
		}
		if !s.collect() {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if logits, err = m.Pass(ctx, s.feeds); err != nil {
			return err
		}
	}
}

// reading is the state of a Read.
type reading struct {
	grid     Geometry
	guidance Guidance
	pictures [][]int32

	next    int // the position of a picture that is fed next
	width   int // positions of a picture that a pass feeds
	read    int // tokens of a picture that have been read
	feeds   []Feed
	targets []target
}

func newReading(m Model, g Geometry, guidance Guidance, pictures [][]int32) (*reading, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	if err := guidance.Check(); err != nil {
		return nil, err
	}
	if len(pictures) == 0 {
		return nil, fmt.Errorf("no picture to read")
	}
	s := &reading{grid: g, guidance: guidance, pictures: pictures, width: max(1, scoreColumns/len(pictures))}
	for i, codes := range pictures {
		if len(codes) != g.Tokens() {
			return nil, fmt.Errorf("picture %d has %d codes, its grid of %s %d", i+1, len(codes), g, g.Tokens())
		}
		for at, code := range codes {
			if code < 0 || int(code) >= m.Vocab() {
				return nil, fmt.Errorf("picture %d, row %d, column %d: code %d of a vocabulary of %d", i+1, at/g.Cols, at%g.Cols, code, m.Vocab())
			}
		}
	}
	s.feeds = make([]Feed, 0, len(pictures)*s.width)
	s.targets = make([]target, 0, len(pictures)*s.width)
	return s, nil
}

// collect sets up the feeds of the next pass. It returns false when all
// tokens are read: the grid's last token is never fed.
func (s *reading) collect() bool {
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

// pass hands the logits of the pass's outputs over.
func (s *reading) pass(out Logits, each func(picture int, at Slot, logits []float32) error) error {
	for i, t := range s.targets {
		logits := out.Cond[i]
		if t.guided {
			s.guidance.combine(logits, out.Uncond[i])
		}
		if err := each(t.picture, t.slot, logits); err != nil {
			return fmt.Errorf("picture %d, row %d, column %d: %w", t.picture+1, t.slot.Row, t.slot.Col, err)
		}
		if t.picture == 0 {
			s.read++
		}
	}
	return nil
}

// LogLikelihood is log softmax(logits)[token]. It returns ErrNotFinite where
// the logits are not finite.
func LogLikelihood(logits []float32, token int32) (float64, error) {
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

package vqgan

import (
	"context"
	"errors"
	"testing"

	"github.com/zipar/zipar/internal/tensor"
)

// endsAfter is a context that ends once it has been looked at so many times.
type endsAfter struct {
	context.Context
	looks int
}

func (c *endsAfter) Err() error {
	if c.looks--; c.looks < 0 {
		return context.Canceled
	}
	return nil
}

// The attention of a large picture, which takes longest, ends in its midst.
func TestTheContextEndsAttention(t *testing.T) {
	p := tensor.NewPool(2)
	defer p.Close()
	const h, w, c = 64, 72, 4
	b := officialRandom(tensor.NewConv3x3).attnBlock(c)
	layers := []layer{b}
	parts := (h*w + b.rows(h*w) - 1) / b.rows(h*w)
	if parts < 4 {
		t.Fatalf("%d parts", parts)
	}
	for looks := range parts + 2 { // one look is before the layer
		s, finished := newStack(p, layers, h, w, c), 0
		s.pool.SumChannels(&s.sums, s.x)
		err := s.run(&endsAfter{t.Context(), looks}, layers, func(int, int) { finished++ })
		if looks <= parts {
			if !errors.Is(err, context.Canceled) || finished != 0 {
				t.Errorf("after %d looks: %v, %d layers finished", looks, err, finished)
			}
		} else if err != nil || finished != 1 {
			t.Errorf("%v, %d layers finished", err, finished)
		}
	}
}

package main

import (
	"context"
	"errors"
	"image"
	"io"
	"time"

	"github.com/zipar/zipar/internal/imageio"
	"github.com/zipar/zipar/internal/zipar"
)

// begin starts a group of pictures that are decoded together, after the first
// rows of a picture that are kept.
func (s *views) begin(first, keptRows int) {
	s.first, s.rows, s.spent, s.drawn, s.lastShow = first, keptRows, 0, 0, time.Time{}
}

// observe draws the pictures so far, after a pass. What goes wrong with that
// ends the previews, not the decoding, and is returned by failed.
func (s *views) observe(ctx context.Context, p zipar.Progress) {
	if s.err != nil || ctx.Err() != nil || p.Decoded == p.Tokens {
		return
	}
	due := s.preview != previewNone && p.Rows >= s.rows+s.interval
	shown := s.live() && (s.preview == previewVAE && due || s.preview != previewVAE && time.Since(s.lastShow) >= screenInterval)
	if due {
		s.rows = p.Rows
	}
	began := time.Now()
	defer func() { s.spent += time.Since(began) }()
	for i, picture := range p.Pictures {
		if !due && (i > 0 || !shown) {
			break
		}
		im, err := s.soFar(ctx, picture)
		s.drawn++
		if err == nil && due {
			err = writeFile(numbered(s.previewPath, s.first+i, s.batch), func(w io.Writer) error { return imageio.WriteQuickPNG(w, im) })
		}
		if err == nil && i == 0 && shown {
			// The first stands for all that are decoded together.
			err = s.display(im)
		}
		if err != nil {
			s.err = err
			return
		}
	}
}

func (s *views) soFar(ctx context.Context, p zipar.Picture) (*image.NRGBA, error) {
	part := partial{p.Codes, p.Grid.Rows, p.Grid.Cols}
	if s.preview == previewVAE {
		return part.decode(ctx, s.pool, s.vq)
	}
	return part.guess(s.colour, s.vq.PixelsPerToken)
}

// report tells what the pictures of a group's decoding took.
func (s *views) report() {
	if s.drawn > 0 {
		s.ui.detail("%d previews in %s", s.drawn, took(s.spent))
	}
}

// failed returns the first error of a preview, once everything else is done.
func (s *views) failed() error {
	if errors.Is(s.err, context.Canceled) {
		return nil
	}
	return s.err
}

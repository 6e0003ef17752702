package main

import (
	"context"
	"image"
	"image/color"
	"slices"
	"time"

	"github.com/zipar/zipar/internal/imageio"
	"github.com/zipar/zipar/internal/zipar"
)

const (
	// maxFrames bounds an animation: a frame costs a run of the VQ decoder
	// over the rows reached, so all of them cost about half as many whole ones.
	maxFrames     = 32
	frameTime     = 120 * time.Millisecond
	lastFrameTime = 2500 * time.Millisecond
)

// front is the colour around the tokens that are new in a frame.
var front = color.NRGBA{255, 193, 7, 255}

// frame is the state of a picture after a pass.
type frame struct {
	partial
	newest []bool // the tokens that the frame before did not have
}

// animationFrames returns the states of a picture's decoding, at most
// maxFrames of them, evenly spaced over the passes that decoded something. The
// last one is the whole picture. They are told from the pass of each code, so
// nothing has to be kept while a picture is decoded.
func animationFrames(p zipar.Picture) []frame {
	var passes []int32
	for _, pass := range p.DecodedIn {
		if pass > 0 {
			passes = append(passes, pass)
		}
	}
	slices.Sort(passes)
	passes = slices.Compact(passes)
	n := min(len(passes), maxFrames)
	var frames []frame
	before := int32(0)
	for k := range n {
		now := passes[len(passes)-1]
		if n > 1 {
			now = passes[k*(len(passes)-1)/(n-1)]
		}
		f := frame{
			partial{make([]int32, len(p.Codes)), p.Grid.Rows, p.Grid.Cols},
			make([]bool, len(p.Codes)),
		}
		for i, pass := range p.DecodedIn {
			f.codes[i] = -1
			if pass <= now {
				f.codes[i] = p.Codes[i]
				f.newest[i] = pass > before
			}
		}
		frames = append(frames, f)
		before = now
	}
	return frames
}

// outline draws a line around the tokens that are new, on the inner side.
func (f frame) outline(im *image.NRGBA, side int) {
	width := max(1, side/8)
	isNew := func(row, col int) bool {
		return row >= 0 && row < f.rows && col >= 0 && col < f.cols && f.newest[row*f.cols+col]
	}
	fill := func(r image.Rectangle) {
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				im.SetNRGBA(x, y, front)
			}
		}
	}
	for i, newest := range f.newest {
		if !newest {
			continue
		}
		row, col := i/f.cols, i%f.cols
		r := square(i, f.cols, side)
		if !isNew(row-1, col) {
			fill(image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+width))
		}
		if !isNew(row+1, col) {
			fill(image.Rect(r.Min.X, r.Max.Y-width, r.Max.X, r.Max.Y))
		}
		if !isNew(row, col-1) {
			fill(image.Rect(r.Min.X, r.Min.Y, r.Min.X+width, r.Max.Y))
		}
		if !isNew(row, col+1) {
			fill(image.Rect(r.Max.X-width, r.Min.Y, r.Max.X, r.Max.Y))
		}
	}
}

// animation decodes frames of a picture's decoding, of which im is the last.
func (s *views) animation(ctx context.Context, p zipar.Picture, im *image.NRGBA) (*imageio.Animation, error) {
	frames := animationFrames(p)
	a := imageio.NewAnimation(im, ground, hatch, front)
	s.ui.stage("frames", len(frames))
	defer s.ui.done()
	for i, f := range frames[:len(frames)-1] {
		frame, err := f.decode(ctx, s.pool, s.vq)
		if err != nil {
			return nil, err
		}
		f.outline(frame, s.vq.PixelsPerToken)
		a.Add(frame, frameTime)
		s.ui.step(i+1, "")
	}
	a.Add(im, lastFrameTime)
	return a, nil
}

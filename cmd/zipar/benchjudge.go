package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/zipar/zipar/internal/family"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/zipar"
)

// A benchJudge is another model that gives the likelihood of the pictures: one
// measure for models that differ in their weights' types.
type benchJudge struct {
	files *modelFiles
	model family.Model
}

// openJudge reads the judge and makes its conditions.
func (b *bench) openJudge(ctx context.Context) (*benchJudge, error) {
	j := &benchJudge{files: &b.judgeFiles}
	j.files.cacheType, j.files.ignore = b.files.cacheType, b.files.ignore
	var err error
	if j.model, err = j.files.family(); err != nil {
		return nil, err
	}
	if err := j.fits(b.model); err != nil {
		return nil, usagef("--judge %s: it %w; it cannot read the pictures of %s", j.files.model, err, b.model.Name())
	}
	if err := j.files.prepare(ctx, &b.ui, j.model, nil, b.options.Guidance.Guides(0), b.pool); err != nil {
		return nil, err
	}
	flags := b.condition
	flags.save = "" // what is saved are the features for the model that draws
	for i := range b.conditions {
		c := &b.conditions[i]
		s := c.subject
		if err := flags.conditions(ctx, &b.ui, j.files, j.model, b.pool, []*subject{&s}); err != nil {
			return nil, err
		}
		c.judged = s.condition
	}
	return j, nil
}

// fits returns an error that says what keeps the judge from reading a model's
// pictures.
func (j *benchJudge) fits(m family.Model) error {
	positions, width := m.CaptionShape()
	p, w := j.model.CaptionShape()
	switch {
	case j.model.Grid() != m.Grid():
		return fmt.Errorf("draws %s tokens, not %s", j.model.Grid(), m.Grid())
	case j.model.Vocab() != m.Vocab():
		return fmt.Errorf("knows %d codes, not %d", j.model.Vocab(), m.Vocab())
	case j.model.Classes() != m.Classes():
		return fmt.Errorf("has %d classes, not %d", j.model.Classes(), m.Classes())
	case p != positions || w != width:
		return fmt.Errorf("takes captions of %d x %d features, not %d x %d", p, w, positions, width)
	}
	return nil
}

// decoder returns a decoder of the judge for a picture.
func (j *benchJudge) decoder(p *tensor.Pool, c benchCondition) zipar.Model {
	return j.model.Decoder(p, []*family.Condition{c.judged})
}

// damaged names the judge's file in an error that its weights are to blame for.
func (j *benchJudge) damaged(err error) error {
	if errors.Is(err, zipar.ErrNotFinite) {
		return badModel(errors.New(j.files.damaged(err).Error()))
	}
	return err
}

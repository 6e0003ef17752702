package main

import (
	"context"
	"time"

	"github.com/zipar/zipar/internal/family"
)

// A benchCondition is what a picture is to show.
type benchCondition struct {
	*family.Condition
	subject subject
	seconds float64           // that it took to make it of a text
	judged  *family.Condition // the same for the judge; nil without one
}

// subjects returns what the flags name: a class model's first class if nothing
// is said.
func (b *bench) subjects() ([]subject, error) {
	var lines []string
	if b.promptFile != "" {
		var err error
		if lines, err = readPrompts(b.promptFile); err != nil {
			return nil, err
		}
		if b.model.Classes() > 0 {
			return nil, usagef("--prompt-file %s: %s is a class model, it takes no prompts: give --class", b.promptFile, b.model.Name())
		}
	} else if b.condition == (conditionFlags{}) && b.model.Classes() > 0 {
		b.condition.class = "0"
	}
	return b.condition.subjects(b.model, lines)
}

// resolve makes the conditions one by one.
func (b *bench) resolve(ctx context.Context) ([]benchCondition, error) {
	subjects, err := b.subjects()
	if err != nil {
		return nil, err
	}
	if b.model.Classes() == 0 && b.condition.caption == "" {
		// This brings the text encoder's weights into memory.
		if _, err := b.condition.encodePrompts(ctx, &b.ui, &b.files, b.pool, b.model, []string{"a"}); err != nil {
			return nil, err
		}
	}
	var conditions []benchCondition
	for i := range subjects {
		s := &subjects[i]
		start := time.Now()
		if err := b.condition.conditions(ctx, &b.ui, &b.files, b.model, b.pool, []*subject{s}); err != nil {
			return nil, err
		}
		conditions = append(conditions, benchCondition{Condition: s.condition, subject: *s, seconds: time.Since(start).Seconds()})
	}
	return conditions, nil
}

package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/zipar/zipar/internal/family"
	"github.com/zipar/zipar/internal/imagenet"
	"github.com/zipar/zipar/internal/npy"
	"github.com/zipar/zipar/internal/tensor"
)

// conditionFlags say what is drawn.
type conditionFlags struct {
	class, caption string
}

func (c *conditionFlags) addFlags(f *pflag.FlagSet) {
	f.StringVar(&c.class, "class", "", "draw this class, a number or a `NAME` such as \"golden retriever\"")
	f.StringVar(&c.caption, "caption-embedding", "", "draw the caption whose T5 features are in this .npy `FILE`, [n, width] or [1, n, width]")
}

// resolve returns the condition that the flags name.
func (c *conditionFlags) resolve(m family.Model, p *tensor.Pool) (*family.Condition, error) {
	positions, width := m.CaptionShape()
	switch {
	case c.class != "" && c.caption != "":
		return nil, usagef("--class and --caption-embedding exclude each other")
	case c.class == "" && c.caption == "" && m.Classes() > 0:
		return nil, usagef("nothing to draw: %s is a class model: give --class NUMBER or NAME", m.Name())
	case c.class == "" && c.caption == "":
		return nil, usagef("nothing to draw: %s is a caption model: give --caption-embedding FILE", m.Name())
	case c.class != "" && m.Classes() == 0:
		return nil, usagef("--class %s: %s is a caption model, it has no classes: give --caption-embedding", c.class, m.Name())
	case c.caption != "" && positions == 0:
		return nil, usagef("--caption-embedding %s: %s is a class model, it takes no captions: give --class", c.caption, m.Name())
	case c.class != "":
		n, err := classNumber(m, c.class)
		if err != nil {
			return nil, usageError{err}
		}
		return m.Class(p, n)
	}
	features, n, err := readFeatures(c.caption, positions, width)
	if err != nil {
		return nil, err
	}
	return m.Caption(p, features, n)
}

// classNumber finds a class by number or name.
func classNumber(m family.Model, class string) (int, error) {
	if n, err := strconv.Atoi(strings.TrimSpace(class)); err == nil {
		if n < 0 || n >= m.Classes() {
			return 0, fmt.Errorf("--class %d: this model has the classes 0 to %d", n, m.Classes()-1)
		}
		return n, nil
	}
	names := m.ClassNames()
	if names == nil {
		if names = imagenet.Names(); len(names) != m.Classes() {
			return 0, fmt.Errorf("--class %q: the %d classes of this model have no names: give a number", class, m.Classes())
		}
	}
	n, err := imagenet.Lookup(class, names)
	if err != nil {
		return 0, fmt.Errorf("--class: %w", err)
	}
	return n, nil
}

// readFeatures reads T5 features as LlamaGen's extract_t5_feature.py saves
// them: [n, width] or [1, n, width].
func readFeatures(path string, positions, width int) (features []float32, n int, err error) {
	a, err := npy.Open(path)
	if err != nil {
		return nil, 0, err
	}
	shape := a.Shape
	if len(shape) == 3 && shape[0] == 1 {
		shape = shape[1:]
	}
	if a.IsInt() || len(shape) != 2 || shape[1] != width || shape[0] < 1 || shape[0] > positions {
		return nil, 0, fmt.Errorf("%s: holds an array of shape %v: want float features [n, %d] or [1, n, %d] with n from 1 to %d",
			path, a.Shape, width, width, positions)
	}
	for i, v := range a.Float32() {
		if v-v != 0 {
			return nil, 0, fmt.Errorf("%s: value %d of position %d is %v: want finite numbers", path, i%width, i/width, v)
		}
	}
	return a.Float32(), shape[0], nil
}

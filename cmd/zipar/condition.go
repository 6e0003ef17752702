package main

import (
	"context"
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
	class, caption, prompt string
	noClean                bool
	t5, save               string
}

func (c *conditionFlags) addFlags(f *pflag.FlagSet) {
	f.StringVarP(&c.prompt, "prompt", "p", "", "draw what this `TEXT` says; - reads it from standard input")
	f.StringVar(&c.class, "class", "", "draw this class, a number or a `NAME` such as \"golden retriever\"")
	f.StringVar(&c.caption, "caption-embedding", "", "draw the caption whose T5 features are in this .npy `FILE`, [n, width] or [1, n, width]")
	f.StringVar(&c.t5, "t5xxl", "", "take the text encoder (T5) from this GGUF `FILE`")
	f.BoolVar(&c.noClean, "no-clean-prompt", false, "only lower-case and trim the prompt instead of cleaning it as LlamaGen does")
	f.StringVar(&c.save, "save-embedding", "", "write the prompt's T5 features to this .npy `FILE`")
}

// check looks at what can be known before a model is read.
func (c *conditionFlags) check() error {
	given := 0
	for _, v := range []string{c.class, c.caption, c.prompt} {
		if v != "" {
			given++
		}
	}
	switch {
	case given > 1:
		return usagef("--prompt, --class and --caption-embedding exclude each other")
	case c.save != "" && c.prompt == "":
		return usagef("--save-embedding %s: there is nothing to save without --prompt", c.save)
	case c.save != "":
		return checkOutput("--save-embedding", c.save)
	}
	return nil
}

// resolve returns the condition that the flags name.
func (c *conditionFlags) resolve(ctx context.Context, u *ui, files *modelFiles, m family.Model, p *tensor.Pool) (*family.Condition, error) {
	positions, width := m.CaptionShape()
	switch isClass := m.Classes() > 0; {
	case isClass && c.prompt != "":
		return nil, usagef("--prompt: %s is a class model, it takes no prompts: give --class", m.Name())
	case isClass && c.caption != "":
		return nil, usagef("--caption-embedding %s: %s is a class model, it takes no captions: give --class", c.caption, m.Name())
	case isClass && c.class == "":
		return nil, usagef("nothing to draw: %s is a class model: give --class NUMBER or NAME", m.Name())
	case isClass:
		n, err := classNumber(m, c.class)
		if err != nil {
			return nil, usageError{err}
		}
		return m.Class(p, n)
	case c.class != "":
		return nil, usagef("--class %s: %s is a caption model, it has no classes: give --prompt", c.class, m.Name())
	case c.caption != "":
		features, n, err := readFeatures(c.caption, positions, width)
		if err != nil {
			return nil, err
		}
		return m.Caption(p, features, n)
	case c.prompt == "":
		return nil, usagef("nothing to draw: %s is a caption model: give --prompt TEXT", m.Name())
	}
	text, err := promptText(c.prompt)
	if err != nil {
		return nil, err
	}
	features, err := c.encodePrompts(ctx, u, files, p, m, []string{text})
	if err != nil {
		return nil, err
	}
	if c.save != "" {
		if err := saveFeatures(c.save, features[0], width); err != nil {
			return nil, err
		}
	}
	return m.Caption(p, features[0], len(features[0])/width)
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

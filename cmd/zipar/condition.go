package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/zipar/zipar/internal/family"
	"github.com/zipar/zipar/internal/imagenet"
	"github.com/zipar/zipar/internal/npy"
)

// conditionFlags say what is drawn.
type conditionFlags struct {
	class, caption, prompt string
	noClean                bool
	literal                bool // a prompt "-" means the text itself
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

// classNumber finds a class by number or name.
func classNumber(m family.Model, class string) (int, error) {
	if n, err := strconv.Atoi(strings.TrimSpace(class)); err == nil {
		if n < 0 || n >= m.Classes() {
			return 0, fmt.Errorf("--class %d: this model has the classes 0 to %d", n, m.Classes()-1)
		}
		return n, nil
	}
	names := labels(m)
	if names == nil {
		return 0, fmt.Errorf("--class %q: the %d classes of this model have no names: give a number", class, m.Classes())
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

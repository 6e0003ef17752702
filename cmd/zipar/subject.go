package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/zipar/zipar/internal/family"
	"github.com/zipar/zipar/internal/imagenet"
	"github.com/zipar/zipar/internal/tensor"
)

// A subject is what a picture is to show.
type subject struct {
	text  string // the prompt, or a line that names the class; "" for features
	class int    // of a class model; -1 otherwise

	condition *family.Condition // nil before it is resolved, and when it is no longer needed
	features  string            // hash of a caption's features, known with the condition
}

// promptGroup is how many prompts are encoded in one go. The text encoder's
// file is mapped for as long.
const promptGroup = 64

// subjects returns what the flags name, or what the lines of a prompt file do:
// prompts or, for a class model, classes.
func (c *conditionFlags) subjects(m family.Model, lines []string) ([]subject, error) {
	if lines == nil {
		switch {
		case m.Classes() > 0 && c.prompt != "":
			return nil, usagef("--prompt: %s is a class model, it takes no prompts: give --class", m.Name())
		case m.Classes() > 0 && c.caption != "":
			return nil, usagef("--caption-embedding %s: %s is a class model, it takes no captions: give --class", c.caption, m.Name())
		case m.Classes() > 0 && c.class == "":
			return nil, usagef("nothing to draw: %s is a class model: give --class NUMBER or NAME", m.Name())
		case m.Classes() > 0:
			lines = []string{c.class}
		case c.class != "":
			return nil, usagef("--class %s: %s is a caption model, it has no classes: give --prompt, or a class model with -m", c.class, m.Name())
		case c.caption != "":
			return []subject{{class: -1}}, nil
		case c.prompt == "":
			return nil, usagef("nothing to draw: %s is a caption model: give --prompt TEXT", m.Name())
		default:
			text, err := c.promptText()
			if err != nil {
				return nil, err
			}
			lines = []string{text}
		}
	}
	var all []subject
	for _, line := range lines {
		s := subject{text: line, class: -1}
		if m.Classes() > 0 {
			n, err := classNumber(m, line)
			if err != nil {
				return nil, usageError{err}
			}
			s.text, s.class = fmt.Sprintf("class %d", n), n
			if names := labels(m); names != nil {
				s.text += ": " + strings.TrimSpace(plain(names[n]))
			}
		}
		all = append(all, s)
	}
	return all, nil
}

// labels are the names of a model's classes, or nil.
func labels(m family.Model) []string {
	names := m.ClassNames()
	if names == nil && m.Classes() == imagenet.Classes {
		names = imagenet.Names()
	}
	return names
}

// checkPrompts finds prompts that cannot be drawn before minutes go into
// others.
func (c *conditionFlags) checkPrompts(files *modelFiles, m family.Model, subjects []subject) error {
	if m.Classes() > 0 || c.caption != "" || len(subjects) < 2 {
		return nil
	}
	f, err := c.textEncoderFile(files)
	if err != nil {
		return err
	}
	defer f.Close()
	encoder, err := family.OpenTextEncoder(f)
	if err != nil {
		return badModel(err)
	}
	limit, _ := m.CaptionShape()
	for _, s := range subjects {
		if _, err := encoder.Tokenize(s.text, !c.noClean, limit); err != nil {
			return promptError(s.text, err)
		}
	}
	return nil
}

// promptError says what is wrong with a prompt.
func promptError(text string, err error) error {
	if errors.Is(err, family.ErrNoText) && strings.TrimSpace(text) != "" {
		return usagef("--prompt %.60q: nothing is left of it after cleaning; --no-clean-prompt takes it as it is", text)
	}
	return usagef("--prompt: %w", err)
}

// conditions makes the conditions of subjects that have none.
func (c *conditionFlags) conditions(ctx context.Context, u *ui, files *modelFiles, m family.Model, p *tensor.Pool, subjects []*subject) (err error) {
	if m.Classes() > 0 {
		for _, s := range subjects {
			if s.condition, err = m.Class(p, s.class); err != nil {
				return err
			}
		}
		return nil
	}
	positions, width := m.CaptionShape()
	var features [][]float32
	if c.caption != "" {
		x, n, err := readFeatures(c.caption, positions, width)
		if err != nil {
			return err
		}
		features = [][]float32{x[:n*width]}
	} else {
		var prompts []string
		for _, s := range subjects {
			prompts = append(prompts, s.text)
		}
		if features, err = c.encodePrompts(ctx, u, files, p, m, prompts); err != nil {
			return err
		}
	}
	if c.save != "" {
		if err := saveFeatures(c.save, features[0], width); err != nil {
			return err
		}
	}
	for i, s := range subjects {
		if s.condition, err = m.Caption(p, features[i], len(features[i])/width); err != nil {
			return err
		}
		s.features = shortHash(floatBytes(features[i]))
	}
	return nil
}

// hashDigits is how much of a SHA-256 a picture's metadata has.
const hashDigits = 10

// shortHash is the beginning of the SHA-256 of data.
func shortHash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])[:hashDigits]
}

func floatBytes(x []float32) []byte {
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func codeBytes(x []int32) []byte {
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return b
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"unicode/utf8"

	"github.com/zipar/zipar/internal/family"
	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/npy"
	"github.com/zipar/zipar/internal/tensor"
)

// maxPromptBytes bounds a prompt from standard input: some hundred times what
// a model uses of it. maxPromptFile bounds a file of prompts.
const (
	maxPromptBytes = 1 << 20
	maxPromptFile  = 64 << 20
)

// promptText returns the prompt, from standard input if it is "-".
func (c *conditionFlags) promptText() (string, error) {
	prompt := c.prompt
	if prompt == stdoutName && !c.literal {
		text, err := io.ReadAll(io.LimitReader(os.Stdin, maxPromptBytes+1))
		if err != nil {
			return "", fmt.Errorf("read the prompt from standard input: %w", err)
		}
		if len(text) > maxPromptBytes {
			return "", fmt.Errorf("the prompt on standard input has more than %d bytes", maxPromptBytes)
		}
		// The line's end is the shell's, not the prompt's.
		prompt = strings.TrimSpace(string(text))
	}
	if err := checkText(prompt); err != nil {
		return "", usagef("--prompt: %w", err)
	}
	return prompt, nil
}

// checkText refuses what a picture's metadata cannot hold.
func checkText(text string) error {
	switch {
	case !utf8.ValidString(text):
		return errors.New("the text is not UTF-8")
	case strings.ContainsRune(text, 0):
		return errors.New("the text has a NUL character")
	}
	return nil
}

// readPrompts reads a file of prompts, one a line; "-" is standard input.
// White space around a prompt is dropped. Empty lines and lines that start
// with # are skipped. There is at least one prompt.
func readPrompts(path string) ([]string, error) {
	name, in := path, io.Reader(os.Stdin)
	if path == stdoutName {
		name = "standard input"
	} else {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxPromptFile+1))
	if err != nil {
		return nil, fmt.Errorf("read prompts: %w", err)
	}
	if len(data) > maxPromptFile {
		return nil, fmt.Errorf("%s: a file of prompts of more than %d bytes", name, maxPromptFile)
	}
	return splitPrompts(strings.TrimPrefix(string(data), "\ufeff"), name)
}

// splitPrompts splits a file of prompts. name is for messages.
func splitPrompts(text, name string) ([]string, error) {
	var prompts []string
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		err := checkText(line)
		if err == nil && len(line) > maxPromptBytes {
			err = fmt.Errorf("a prompt of %d bytes: want at most %d", len(line), maxPromptBytes)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", name, number, err)
		}
		prompts = append(prompts, line)
	}
	if len(prompts) == 0 {
		return nil, fmt.Errorf("%s: holds no prompts: want one a line; empty lines and lines that start with # do not count", name)
	}
	return prompts, nil
}

// encodePrompts returns the features of prompts, [n, width] each. The text
// encoder's file is mapped for this call alone, so its memory is free again
// before decoding starts.
func (c *conditionFlags) encodePrompts(ctx context.Context, u *ui, files *modelFiles, p *tensor.Pool, m family.Model, prompts []string) ([][]float32, error) {
	f, err := c.textEncoderFile(files)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	encoder, err := family.OpenTextEncoder(f)
	if err != nil {
		return nil, badModel(err)
	}
	limit, width := m.CaptionShape()
	if len(prompts) > 1 && encoderFits(encoder) {
		// Its memory is free again, too.
		defer runtime.GC()
		if err := encoder.Prepare(ctx, p); err != nil {
			return nil, err
		}
	}
	var features [][]float32
	for _, text := range prompts {
		prompt, err := encoder.Tokenize(text, !c.noClean, limit)
		if err != nil {
			return nil, promptError(text, err)
		}
		u.detail("prompt %q, %d tokens: %s", prompt.Text, len(prompt.Pieces), strings.Join(prompt.Pieces, " "))
		if prompt.Total > len(prompt.Pieces) {
			u.warn("the prompt has %d tokens, of which the first %d are used", prompt.Total, len(prompt.Pieces))
		}
		x, err := encoder.Features(ctx, p, prompt, width, u.layers("text"))
		u.done()
		if err != nil {
			return nil, badModel(err)
		}
		features = append(features, x)
	}
	return features, nil
}

// encoderFits says whether a text encoder has weights to rearrange for several
// prompts, and they take no more than half of the free memory. It works without,
// too.
func encoderFits(e *family.TextEncoder) bool {
	need := e.PrepareBytes()
	free, _, ok := freeMemory()
	return need > 0 && ok && uint64(need) <= free/2
}

// textEncoderFile opens the file with the text encoder: the one given as
// --t5xxl, else the model file, a second time.
func (c *conditionFlags) textEncoderFile(files *modelFiles) (*gguf.File, error) {
	path, err := modelFile(c.t5)
	if path == "" && err == nil {
		path, err = files.modelPath()
	}
	if err != nil {
		return nil, err
	}
	f, err := openModel(path)
	if err != nil {
		return nil, err
	}
	if family.HasTextEncoder(f) {
		return f, nil
	}
	f.Close()
	if c.t5 != "" {
		return nil, badModel(fmt.Errorf("%s: has no T5 text encoder: --t5xxl wants one in GGUF format, as llama.cpp and `zipar convert --text-encoder` make it", path))
	}
	return nil, badModel(fmt.Errorf("%s: this model has no text encoder: give --t5xxl FILE, or bundle one with `zipar convert --text-encoder`", path))
}

// saveFeatures writes features as LlamaGen's extract_t5_feature.py does,
// [1, n, width].
func saveFeatures(path string, features []float32, width int) error {
	return writeFile(path, func(w io.Writer) error {
		return npy.Write(w, []int{1, len(features) / width, width}, features)
	})
}

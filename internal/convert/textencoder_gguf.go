package convert

// A text encoder from a GGUF file: tensors and keys go over as they are.

import (
	"fmt"
	"strings"

	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/t5"
)

// encoderFile is a text encoder in a GGUF file.
type encoderFile struct {
	file  *gguf.File
	arch  string
	embd  string // the name of its token embedding
	shape encoderShape
}

func openEncoderFile(path string) (textEncoder, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	e, err := readEncoderFile(f)
	if err != nil {
		f.Close()
		return nil, &ModelError{Path: path, Reason: strings.TrimPrefix(err.Error(), path+": ")}
	}
	return e, nil
}

// readEncoderFile opens the encoder and the tokenizer as the program that draws would, so that what is wrong with them shows
// here.
func readEncoderFile(f *gguf.File) (*encoderFile, error) {
	e, err := t5.OpenEncoder(f)
	if err != nil {
		return nil, err
	}
	if _, err := t5.FromGGUF(f); err != nil {
		return nil, err
	}
	out := &encoderFile{file: f, arch: encoderArch, embd: "enc.token_embd.weight", shape: encoderShape{
		vocab: int64(e.Vocab), dim: int64(e.Dim), layers: int64(e.Layers), heads: int64(e.Heads), headDim: int64(e.HeadDim),
	}}
	if arch, _ := f.Str("general.architecture"); arch == "t5" || arch == encoderArch {
		out.arch, out.embd = arch, "token_embd.weight"
	}
	return out, nil
}

func (e *encoderFile) add(p *plan, tokenEmbd string) error {
	for _, t := range e.file.Tensors {
		switch {
		case t.Name == e.embd:
			p.addRaw(tokenEmbd, t, e.file.Path)
		case strings.HasPrefix(t.Name, "enc."):
			p.addRaw(t.Name, t, e.file.Path)
		}
	}
	return nil
}

// setKeys copies the keys of the encoder, whatever the architecture's name there, and of the tokenizer. Those of a decoder
// stay behind.
func (e *encoderFile) setKeys(p *plan) {
	for _, key := range e.file.Keys() {
		v, _ := e.file.Value(key)
		rest, ok := strings.CutPrefix(key, e.arch+".")
		switch {
		case ok && !strings.HasPrefix(rest, "decoder_"):
			p.out.Set(encoderArch+"."+rest, v)
		case strings.HasPrefix(key, "tokenizer."):
			p.out.Set(key, v)
		}
	}
}

func (e *encoderFile) width() int64    { return e.shape.dim }
func (e *encoderFile) paths() []string { return []string{e.file.Path} }
func (e *encoderFile) close()          { e.file.Close() }

func (e *encoderFile) describe() string {
	return fmt.Sprintf("%s: %s, its tensors as they are", e.file.Path, e.shape.describe())
}

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/zipar/zipar/internal/builtin"
	"github.com/zipar/zipar/internal/filehash"
	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/imageio"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/zipar"
)

// A record is what all pictures of a run have in their metadata. Hashes of
// files are computed while the first picture decodes.
type record struct {
	common imageio.Parameters // without what differs from picture to picture
	files  []hashedFile       // in the order in which they are hashed
	hashed chan struct{}      // closed when the hashes are known
	err    error              // of hashing; valid after that
}

// hashedFile is a file with the place of its hash.
type hashedFile struct {
	path string
	hash *string
}

// newRecord starts the record of a run with these settings.
func (r *generateRequest) newRecord(ctx context.Context, o zipar.Options, f *gguf.File) (*record, error) {
	rec := &record{hashed: make(chan struct{}), common: imageio.Parameters{
		Sampler: "zipar-ntp", CFGScale: o.Guidance.Scale, CFGInterval: o.Guidance.Interval,
		Temperature: o.Sampling.Temperature, TopK: o.Sampling.TopK, TopP: o.Sampling.TopP,
		Window: o.Window, Version: "zipar " + version(), WeightType: weightType(f),
		CPU: runtime.GOARCH + " " + tensor.CPU(), RawPrompt: r.condition.noClean,
	}}
	c := &rec.common
	// Adaptive or not, a window of all columns is next-token decoding.
	if o.Window < o.Grid.Cols {
		c.Adaptive = o.Adaptive
		c.Sampler = fmt.Sprintf("zipar-w%d", o.Window)
		if o.Adaptive {
			c.Sampler += "a"
		}
	}
	if len(o.Keep) > 0 {
		c.KeptRows, c.KeptHash = len(o.Keep)/o.Grid.Cols, shortHash(codeBytes(o.Keep))
	}
	if c.CacheType = strings.ToUpper(r.files.cacheType); r.files.cacheType == "auto" {
		c.CacheType = automaticCache(f)
	}
	model, err := r.files.modelPath()
	if err != nil {
		return nil, err
	}
	if err := rec.add(model, &c.Model, &c.ModelHash); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		path       string
		name, hash *string
	}{{r.files.vae, &c.VAE, &c.VAEHash}, {r.condition.t5, &c.TextEncoder, &c.TextEncoderHash}} {
		if part.path == "" {
			continue
		}
		path, err := modelFile(part.path)
		if err != nil {
			return nil, err
		}
		if err := rec.add(path, part.name, part.hash); err != nil {
			return nil, err
		}
	}
	go rec.hash(ctx)
	return rec, nil
}

// add notes a file's name, which of the built-in model is the one in its keys,
// and that its hash is wanted.
func (rec *record) add(path string, name, hash *string) error {
	*name = filepath.Base(path)
	if path == builtin.Name {
		f, err := builtIn.Open()
		if err != nil {
			return err
		}
		defer f.Close()
		if *name, err = f.Str("general.name"); err != nil {
			return err
		}
	}
	*name = plain(strings.TrimSuffix(*name, ".gguf"))
	rec.files = append(rec.files, hashedFile{path, hash})
	return nil
}

// plain makes a name a text that metadata can hold.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

func (rec *record) hash(ctx context.Context) {
	defer close(rec.hashed)
	cache := filehash.User()
	for _, f := range rec.files {
		sum, err := fileHash(ctx, cache, f.path)
		if err != nil {
			rec.err = err
			return
		}
		*f.hash = sum[:hashDigits]
	}
}

// fileHash is the SHA-256 of what openModel opens.
func fileHash(ctx context.Context, cache filehash.Cache, path string) (string, error) {
	if path == builtin.Name {
		return builtIn.SHA256(), nil
	}
	return cache.Sum(ctx, path)
}

// known waits for the hashes and returns what all pictures have in common.
// Files that cannot be hashed have none.
func (rec *record) known(u *ui) imageio.Parameters {
	<-rec.hashed
	if rec.err != nil && !errors.Is(rec.err, context.Canceled) {
		u.warn("a picture's metadata lacks a hash: %v", rec.err)
	}
	rec.err = nil
	return rec.common
}

// weightType is the type that most of a model's weights have.
func weightType(f *gguf.File) string {
	bytes := map[string]int{}
	most := ""
	for _, t := range f.Tensors {
		if strings.HasPrefix(t.Name, "vq.") || strings.HasPrefix(t.Name, "enc.") {
			continue
		}
		name := t.Type.String()
		bytes[name] += len(t.Data)
		if bytes[name] > bytes[most] {
			most = name
		}
	}
	return most
}

// automaticCache is the type of keys and values of a model that chooses it: see
// family.CacheAuto.
func automaticCache(f *gguf.File) string {
	for _, t := range f.Tensors {
		if part := strings.HasPrefix(t.Name, "blk.") || strings.HasPrefix(t.Name, "output") || t.Name == "token_embd.weight"; part && t.Type != ggml.F32 {
			return "F16"
		}
	}
	return "F32"
}

// expected returns what the metadata of a picture will have but for the
// passes and the size. number counts the pictures of the run from 0.
func (r *generateRequest) expected(number int) imageio.Parameters {
	p := r.record.known(&r.ui)
	s := r.subject(number)
	p.Prompt, p.CaptionHash, p.Seed = s.text, s.features, r.seed+uint64(number)
	if s.class >= 0 {
		p.Class = &s.class
	}
	if s.class >= 0 || s.text == "" {
		p.RawPrompt = false
	}
	return p
}

// texts returns the texts of a picture's file, none if the user wants none.
// more are fields that say what is special about it.
func (r *generateRequest) texts(number int, p zipar.Picture, w, h int, more ...imageio.Field) []imageio.Text {
	if r.noMetadata {
		return nil
	}
	e := r.expected(number)
	e.Steps, e.Width, e.Height, e.More = p.Passes, w, h, more
	return []imageio.Text{e.Text()}
}

// weights is the file of a model that is open.
func (m *modelFiles) weights() *gguf.File { return m.opened[0] }

// sameMaker tells what of a picture's maker differs from this run, which can
// make the picture another one.
func sameMaker(was, is imageio.Parameters) []string {
	var all []string
	for _, d := range []struct{ what, was, is string }{
		{"version", was.Version, is.Version},
		{"model hash", was.ModelHash, is.ModelHash},
		{"VAE hash", was.VAEHash, is.VAEHash},
		{"text encoder hash", was.TextEncoderHash, is.TextEncoderHash},
		{"CPU level", was.CPU, is.CPU},
		{"hash of the kept rows", was.KeptHash, is.KeptHash},
	} {
		if d.was != d.is {
			all = append(all, fmt.Sprintf("%s %s, here %s", d.what, orNone(d.was), orNone(d.is)))
		}
	}
	return all
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/zipar/zipar/internal/builtin"
	"github.com/zipar/zipar/internal/family"
	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/mapped"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/vqgan"
	"github.com/zipar/zipar/internal/zipar"
)

// modelEnv names the model that is used without -m. If it is empty, too, that
// is the built-in one, where there is one.
const modelEnv = "ZIPAR_MODEL"

// modelFiles are the files that the parts of a model are taken from.
type modelFiles struct {
	model, vae string
	threads    int
	cacheType  string
	ignore     bool // that there is too little memory

	// pixelsMeanwhile says that pixels are made while a picture is decoded.
	pixelsMeanwhile bool

	opened []*gguf.File
	infos  []os.FileInfo // of opened, at that time; nil of the built-in model and where the system does not tell
}

func (m *modelFiles) addFlags(f *pflag.FlagSet) {
	f.StringVarP(&m.model, "model", "m", "", "model `FILE` in GGUF format, "+
		ifBuiltIn("the name of a pulled model, or builtin (default $"+modelEnv+", else builtin)", "or the name of a pulled model (default $"+modelEnv+")"))
	f.StringVar(&m.vae, "vae", "", "take the image tokenizer (VQ) from this `FILE`")
	f.IntVarP(&m.threads, "threads", "t", 0, "threads to compute with; 0 is one a CPU")
}

// addCacheFlag adds the flag of prepare.
func (m *modelFiles) addCacheFlag(f *pflag.FlagSet) {
	f.StringVar(&m.cacheType, "cache-type", "auto", "keep attention keys and values as `TYPE` f32 or f16; auto is f32 for f32 models")
	f.BoolVar(&m.ignore, "ignore-memory", false, "start even if there seems to be too little memory")
}

// prepare makes a model ready for decoding, unless there is no memory for it.
// vq may be nil.
func (m *modelFiles) prepare(ctx context.Context, u *ui, model family.Model, vq *vqgan.Decoder, guided bool, p *tensor.Pool) error {
	types := map[string]family.CacheType{"auto": family.CacheAuto, "f32": family.CacheF32, "f16": family.CacheF16}
	t, ok := types[m.cacheType]
	if !ok {
		return usagef("--cache-type %s: want auto, f32 or f16", m.cacheType)
	}
	model.UseCache(t)
	if !m.ignore {
		if err := m.need(model, vq, guided).check(u); err != nil {
			return err
		}
	}
	return model.Prepare(ctx, p)
}

// need is the memory that a picture takes.
func (m *modelFiles) need(model family.Model, vq *vqgan.Decoder, guided bool) memoryNeed {
	n := memoryNeed{weights: model.PrepareBytes(), picture: model.PictureBytes(guided), guided: guided}
	n.floats, n.both = m.cacheType == "f32", m.pixelsMeanwhile
	if vq != nil {
		g := model.Grid()
		n.pixels = vq.Bytes(g.Rows, g.Cols)
	}
	for _, t := range m.opened[0].Tensors {
		if strings.HasPrefix(t.Name, "blk.") || t.Name == "output.weight" {
			n.mapped += int64(len(t.Data))
		}
	}
	n.mapped = max(0, n.mapped-n.weights)
	return n
}

// modelPath is the model that was asked for, as modelFile returns it.
func (m *modelFiles) modelPath() (string, error) {
	if m.model != "" {
		return modelFile(m.model)
	}
	if path := os.Getenv(modelEnv); path != "" {
		return modelFile(path)
	}
	if builtIn.Available() {
		return builtin.Name, nil
	}
	return "", usagef("no model: give one with -m FILE or in $%s; `zipar pull` fetches official ones, `zipar convert` makes one from a checkpoint", modelEnv)
}

// damaged names the model file in an error that its weights are to blame for.
func (m *modelFiles) damaged(err error) error {
	if !errors.Is(err, zipar.ErrNotFinite) {
		return err
	}
	return fmt.Errorf("%s: %w: its weights are damaged, or too large for --cache-type f16", m.opened[0].Path, err)
}

// pool starts the threads.
func (m *modelFiles) pool() (*tensor.Pool, error) {
	if m.threads < 0 || m.threads > 1024 {
		return nil, usagef("--threads %d: want 0 (one a CPU) to 1024", m.threads)
	}
	return tensor.NewPool(m.threads), nil
}

// openModel opens what modelFile returned.
func openModel(path string) (*gguf.File, error) {
	if path == builtin.Name {
		return builtIn.Open()
	}
	f, err := gguf.Open(path)
	return f, badModel(err)
}

// open maps a file. It is closed by close.
func (m *modelFiles) open(path string) (*gguf.File, error) {
	f, err := openModel(path)
	if err != nil {
		return nil, err
	}
	var info os.FileInfo
	if path != builtin.Name {
		info, _ = os.Stat(path)
	}
	m.opened, m.infos = append(m.opened, f), append(m.infos, info)
	return f, nil
}

// unchanged looks whether the files are still what they were. That a file was
// cut does not always show when it is read: the rest of its last page in memory
// reads as zeros.
func (m *modelFiles) unchanged(u *ui) error {
	for i, was := range m.infos {
		if was == nil {
			continue
		}
		now, err := os.Stat(m.opened[i].Path)
		switch {
		case err != nil || !os.SameFile(was, now):
			// Removed or replaced: the mapping keeps the old file.
		case now.Size() < was.Size():
			return &mapped.Error{Path: m.opened[i].Path}
		case now.Size() != was.Size() || !now.ModTime().Equal(was.ModTime()):
			u.warn("%s was written to while it was in use: the picture may be wrong", m.opened[i].Path)
			m.infos[i] = now
		}
	}
	return nil
}

func (m *modelFiles) close() {
	for _, f := range m.opened {
		f.Close()
	}
}

// family opens the model file and reads the model in it.
func (m *modelFiles) family() (family.Model, error) {
	path, err := m.modelPath()
	if err != nil {
		return nil, err
	}
	f, err := m.open(path)
	if err != nil {
		return nil, err
	}
	if _, err := f.Str("general.architecture"); err == nil && vqgan.Present(f) {
		if _, ok := f.Tensor("token_embd.weight"); !ok {
			return nil, badModel(fmt.Errorf("%s: holds an image tokenizer (VQ) only: give it as --vae and a LlamaGen model as -m", path))
		}
	}
	model, err := family.Open(f)
	return model, badModel(err)
}

// tokenizerFile returns the file that has the VQ decoder: the one given as
// --vae, else the model file.
func (m *modelFiles) tokenizerFile() (*gguf.File, error) {
	if m.vae != "" {
		path, err := modelFile(m.vae)
		if err != nil {
			return nil, err
		}
		f, err := m.open(path)
		if err != nil {
			return nil, err
		}
		if !vqgan.Present(f) {
			return nil, badModel(fmt.Errorf("%s: has no VQ decoder: --vae wants a file that `zipar convert` made from a VQ checkpoint", m.vae))
		}
		return f, nil
	}
	path, err := m.modelPath()
	if err != nil {
		return nil, err
	}
	f, err := m.find(path)
	if err != nil {
		return nil, err
	}
	if !vqgan.Present(f) {
		return nil, badModel(errors.New(path + ": this model has no VQ decoder: give --vae FILE, or bundle one with `zipar convert --vq`"))
	}
	return f, nil
}

// find returns the file at path, which may be open already.
func (m *modelFiles) find(path string) (*gguf.File, error) {
	for _, f := range m.opened {
		if f.Path == path {
			return f, nil
		}
	}
	return m.open(path)
}

// decoder reads the VQ decoder.
func (m *modelFiles) decoder() (*vqgan.Decoder, error) {
	f, err := m.tokenizerFile()
	if err != nil {
		return nil, err
	}
	d, err := vqgan.NewDecoder(f)
	return d, badModel(err)
}

package pull

// Which files of a T5's repository are needed: the configuration, a tokenizer, and of the weights the shards that hold the
// encoder. The names are those under which transformers saves them.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// TextEncoder finds the files of a text encoder. The index of sharded weights is fetched into folder for that.
func (h *Hub) TextEncoder(ctx context.Context, repo Source, folder string) ([]Source, error) {
	file := func(name string) Source { return Source{Repo: repo.Repo, Revision: repo.Revision, File: name} }
	sources := []Source{file("config.json")}
	tokenizer, err := h.firstOf(ctx, file("spiece.model"), file("tokenizer.json"))
	if err != nil {
		return nil, err
	}
	sources = append(sources, tokenizer)
	weights, err := h.firstOf(ctx, file("model.safetensors.index.json"), file("model.safetensors"), file("pytorch_model.bin.index.json"), file("pytorch_model.bin"))
	if err != nil {
		return nil, err
	}
	sources = append(sources, weights)
	if filepath.Ext(weights.File) != ".json" {
		return sources, nil
	}
	path := filepath.Join(folder, weights.File)
	if err := h.Download(ctx, weights, path, nil); err != nil {
		return nil, err
	}
	shards, err := encoderShards(path)
	if err != nil {
		return nil, err
	}
	for _, name := range shards {
		sources = append(sources, file(name))
	}
	return sources, nil
}

// firstOf is the first of these files that the hub has.
func (h *Hub) firstOf(ctx context.Context, sources ...Source) (Source, error) {
	var first error
	for _, s := range sources {
		_, err := h.Stat(ctx, s)
		if err == nil {
			return s, nil
		}
		if !errors.Is(err, ErrNotFound) {
			return s, err
		}
		if first == nil {
			first = err
		}
	}
	return Source{}, first
}

// maxIndex bounds an index; those of models of this kind have some 50 kB.
const maxIndex = 4 << 20

// maxShards bounds the files that an encoder is in; the largest published ones are in some ten.
const maxShards = 1000

// encoderShards reads from an index in which files the encoder's tensors are.
func encoderShards(path string) ([]string, error) {
	if stat, err := os.Stat(path); err != nil {
		return nil, err
	} else if stat.Size() > maxIndex {
		return nil, fmt.Errorf("%s: it has %d bytes, limit %d", path, stat.Size(), maxIndex)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	shards, err := parseIndex(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return shards, nil
}

// parseIndex returns the names of files in the folder of the index, sorted. At least one.
func parseIndex(text []byte) ([]string, error) {
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, err
	}
	shards := map[string]bool{}
	for tensor, name := range index.WeightMap {
		if !strings.HasPrefix(tensor, "encoder.") && !strings.HasPrefix(tensor, "shared.") {
			continue
		}
		if !modelName.MatchString(name) {
			return nil, fmt.Errorf("%.80q is said to be in %.80q, want the name of a file in the same folder", tensor, name)
		}
		shards[name] = true
	}
	switch {
	case len(shards) == 0:
		return nil, errors.New("it names no file with an encoder")
	case len(shards) > maxShards:
		return nil, fmt.Errorf("it names %d files with an encoder, limit %d", len(shards), maxShards)
	}
	return slices.Sorted(maps.Keys(shards)), nil
}

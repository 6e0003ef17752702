package pull

// Which files of a T5's repository are needed: the configuration, a tokenizer, and of the weights the shards that hold the
// encoder. The names are those under which transformers saves them.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
const maxIndex = 64 << 20

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
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var shards []string
	for tensor, name := range index.WeightMap {
		if !strings.HasPrefix(tensor, "encoder.") && !strings.HasPrefix(tensor, "shared.") || slices.Contains(shards, name) {
			continue
		}
		if !modelName.MatchString(name) {
			return nil, fmt.Errorf("%s: %.80q is said to be in %.80q, want the name of a file in the same folder", path, tensor, name)
		}
		shards = append(shards, name)
	}
	if len(shards) == 0 {
		return nil, fmt.Errorf("%s: it names no file with an encoder", path)
	}
	slices.Sort(shards)
	return shards, nil
}

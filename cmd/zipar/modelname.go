package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/zipar/zipar/internal/builtin"
	"github.com/zipar/zipar/internal/pull"
)

// modelFile returns what a value of -m, --vae or --t5xxl means: builtin.Name, which openModel knows; the file of this name;
// or else the model of this name in the models folder. A file that is nowhere is returned as it is, for the message of who
// opens it; a model that could be pulled, and builtin.Name without a model, are errors that say so.
func modelFile(value string) (string, error) {
	if value == builtin.Name {
		if !builtIn.Available() {
			return "", usageError{builtin.ErrNone}
		}
		return value, nil
	}
	if _, err := os.Stat(value); err == nil || value == "" || value != filepath.Base(value) {
		return value, nil
	}
	home, err := pull.Home()
	if err != nil {
		return value, nil
	}
	name := strings.TrimSuffix(value, ".gguf")
	models, err := pull.Models(home)
	if err != nil {
		return "", err
	}
	m, known := pull.Find(models, name)
	if known {
		name = m.Name
	}
	path := pull.ModelPath(home, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if known {
		return "", fmt.Errorf("%s: no such file, and this model is not in %s: `zipar pull %s` fetches it", value, filepath.Dir(path), name)
	}
	return value, nil
}

// pulledModels are the names of the models in the models folder.
func pulledModels() []string {
	home, err := pull.Home()
	if err != nil {
		return nil
	}
	files, _ := filepath.Glob(filepath.Join(filepath.Dir(pull.ModelPath(home, "x")), "*.gguf"))
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".gguf"))
	}
	return names
}

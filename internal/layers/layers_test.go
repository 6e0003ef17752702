// Package layers holds the rule of which package may import which, as a test.
package layers

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/zipar/zipar/"

// A layer says what a package may import of this module, and why no more.
type layer struct {
	may []string
	why string
}

// layers has every package under internal. What is not listed may not be
// imported, a package that is not listed fails the test. Tests may import
// anything.
var layers = map[string]layer{
	"ggml":                {nil, "element types and block formats are the bottom: all that handles tensors needs them"},
	"npy":                 {nil, "a file format of its own"},
	"mapped":              {nil, "asks the system for memory, knows nothing of what is in it"},
	"atomicfile":          {nil, "writing files knows nothing of their content"},
	"filehash":            {[]string{"atomicfile"}, "hashes files, whatever they hold"},
	"imageio":             {nil, "pictures and code files are what goes in and out; they know no model"},
	"figure":              {nil, "draws numbers; what they mean is the caller's business"},
	"contactsheet":        {nil, "draws pictures with labels, wherever they come from"},
	"terminal":            {nil, "draws pictures with characters and escapes; where they come from is the caller's business"},
	"imagenet":            {nil, "a table of names"},
	"licenses":            {nil, "a text"},
	"pull":                {[]string{"atomicfile"}, "fetches files; what is in them is the converter's business"},
	"memory":              {nil, "asks the system, knows nothing of models"},
	"quality":             {nil, "compares pixels, whatever they come from"},
	"chart":               {[]string{"figure"}, "draws numbers, whatever they mean"},
	"zipar":               {nil, "the scheduler and the sampler decode any raster-order model: they see slots, codes and logits only"},
	"tensor":              {[]string{"ggml"}, "kernels see numbers; what they mean is the models' business"},
	"gguf":                {[]string{"ggml", "mapped"}, "a file format: it knows sizes of types, not what is computed with them"},
	"builtin":             {[]string{"gguf"}, "a model is data: what is computed with it is the caller's business"},
	"machine":             {[]string{"machine/shapes", "tensor", "ggml"}, "measures kernels, whatever they are used for"},
	"machine/shapes":      {nil, "sizes, for all that measures"},
	"weights":             {[]string{"gguf", "tensor"}, "where files and matrices meet, so that neither has to know the other"},
	"llama":               {[]string{"gguf", "memory", "tensor", "weights"}, "the decoder knows tokens and positions, and the memory for them, neither pictures nor decoding methods"},
	"vqgan":               {[]string{"gguf", "tensor", "weights"}, "the image tokenizer knows nothing of how its codes come about"},
	"t5":                  {[]string{"gguf", "tensor", "weights", "ggml"}, "the text encoder knows nothing of what its output conditions"},
	"family":              {[]string{"gguf", "tensor", "weights", "llama", "vqgan", "t5", "zipar"}, "the one place where models meet the run loop"},
	"torchfile":           {nil, "checkpoints of PyTorch are read without knowing what is in them"},
	"torchfile/torchtest": {nil, "makes broken checkpoints for the tests of torchfile"},
	"safetensors":         {[]string{"mapped"}, "a file format of its own"},
	"convert":             {[]string{"torchfile", "safetensors", "gguf", "ggml", "t5", "atomicfile", "mapped"}, "conversion copies tensors; it never computes with a model"},
	"testmodel":           {[]string{"gguf", "ggml"}, "test models are made without the code that is tested with them"},
	"testmodel/tinymodel": {
		[]string{"testmodel", "atomicfile"}, "a command line around testmodel",
	},
	"verify": {[]string{"family", "gguf", "npy", "tensor", "vqgan", "zipar"}, "a command line that compares models with the official code"},
	"results": {
		[]string{"atomicfile", "family", "ggml", "gguf", "llama", "machine/shapes", "memory", "npy", "t5", "tensor", "testmodel", "vqgan", "zipar"},
		"a command line that measures what SPEED.md says",
	},
	"layers": {nil, "this test"},
}

func TestLayers(t *testing.T) {
	found := map[string]bool{}
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			// Generators are modules of their own, testdata is no code.
			if name := d.Name(); name != ".." && (strings.HasPrefix(name, "_") || name == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") && path.Base(file) != "layers_test.go" {
			return nil
		}
		pkg := strings.TrimPrefix(path.Dir(filepath.ToSlash(file)), "../")
		found[pkg] = true
		rule, ok := layers[pkg]
		if !ok {
			t.Errorf("internal/%s is in no layer: add it to the table", pkg)
			return nil
		}
		return checkImports(file, pkg, rule, t.Errorf)
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 10 {
		t.Errorf("found the packages %v only", found)
	}
}

func checkImports(file, pkg string, rule layer, fail func(string, ...any)) error {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, spec := range parsed.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		inside, ok := strings.CutPrefix(name, module)
		if !ok {
			continue
		}
		if other := strings.TrimPrefix(inside, "internal/"); !slices.Contains(rule.may, other) {
			fail("%s: internal/%s must not import %s: %s", file, pkg, inside, rule.why)
		}
	}
	return nil
}

// The rule must be able to fail.
func TestTheRuleCatchesAnImport(t *testing.T) {
	count := 0
	count1 := func(string, ...any) { count++ }
	if err := checkImports("../llama/forward.go", "llama", layer{[]string{"gguf"}, "test"}, count1); err != nil {
		t.Fatal(err)
	}
	if count == 0 {
		t.Error("an import of internal/tensor was let through")
	}
}

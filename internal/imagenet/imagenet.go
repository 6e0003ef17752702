// Package imagenet knows the 1000 classes of ImageNet-1k and finds a class by its name.
//
// Class-conditional LlamaGen models take a class number, 0 to 999, as their prompt. The number is the position of the class's
// WordNet id in sorted order, the order in which torchvision's ImageFolder numbers the training folders. A label is one class's
// list of synonyms, separated by commas: "golden retriever", "tench, Tinca tinca".
package imagenet

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Classes is the number of ImageNet-1k classes.
const Classes = 1000

//go:embed names.txt
var namesFile string

var allNames = sync.OnceValue(func() []string { return parseNames(namesFile) })

// Names returns the Classes labels in class order. The slice is the caller's own.
func Names() []string { return slices.Clone(allNames()) }

// parseNames returns the lines of text that are neither empty nor comments. It panics if they are not Classes: the text is
// embedded, so any other count is a mistake in this package, and would shift every class after it.
func parseNames(text string) []string {
	names := make([]string, 0, Classes)
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if line != "" && line[0] != '#' {
			names = append(names, line)
		}
	}
	if len(names) != Classes {
		panic(fmt.Sprintf("imagenet: the embedded list has %d names, want %d", len(names), Classes))
	}
	return names
}

package main

import (
	"fmt"
	"strings"

	"github.com/zipar/zipar/internal/memory"
)

// memoryNeed is what drawing takes at least, in bytes: the parts that cannot
// be dropped and read from a file again.
type memoryNeed struct {
	weights int64 // rearranged weights
	picture int64 // keys and values of a picture
	pixels  int64 // working memory of the image tokenizer, which comes after them

	mapped int64 // weights that stay in their file: slow without memory, not impossible
	guided bool  // keys and values of the unconditional sequence are part of picture
	floats bool  // keys and values are float32
	both   bool  // pixels are made while keys and values are there, for previews
}

// freeMemory returns what programs can take: memory, and the disk space that
// stands in for it. Tests replace it.
var freeMemory = func() (bytes, swap uint64, ok bool) {
	bytes, ok = memory.Available()
	return bytes, memory.Swap(), ok
}

// total is what is needed at a time. Keys and values are gone when the pixels
// of a finished picture are made.
func (n memoryNeed) total() int64 {
	if n.both {
		return n.weights + n.picture + n.pixels
	}
	return n.weights + max(n.picture, n.pixels)
}

// check refuses what is clearly impossible, before the weights are loaded.
func (n memoryNeed) check(u *ui) error {
	free, swap, ok := freeMemory()
	if !ok {
		return nil
	}
	if total := uint64(n.total()); total > free+swap {
		return fmt.Errorf("this takes %s of memory (%s), %s are free: %s", size(n.total()), n.parts(), size(int64(free+swap)), n.advice())
	}
	if left := int64(free) - n.total(); n.mapped > left {
		u.warn("the weights in use, %s, do not fit into the %s of memory that are left: every pass reads some of them from disk; `zipar quantize` makes them smaller",
			size(n.mapped), size(max(0, left)))
	}
	return nil
}

// parts says what the memory is for.
func (n memoryNeed) parts() string {
	var parts []string
	for _, p := range []struct {
		bytes int64
		what  string
	}{{n.weights, "weights"}, {n.picture, "keys and values"}, {n.pixels, "for the pixels"}} {
		if p.bytes > 0 {
			parts = append(parts, size(p.bytes)+" "+p.what)
		}
	}
	return strings.Join(parts, ", ")
}

// advice says what would help. What does not is left out: another window or
// fewer pictures, as pictures that do not fit are decoded one by one.
func (n memoryNeed) advice() string {
	list := []string{"close other programs"}
	if n.weights+n.picture == 0 {
		return "close other programs, or take a smaller picture"
	}
	if n.weights > 0 {
		list = append(list, "make the weights smaller with `zipar quantize`")
	}
	if n.both {
		list = append(list, "take quick previews with --preview proj")
	}
	if n.picture >= n.pixels || n.both {
		if n.floats {
			list = append(list, "halve the keys and values with --cache-type f16")
		}
		if n.guided {
			list = append(list, "halve the keys and values with --cfg-scale 1, which is no guidance")
		}
	}
	return strings.Join(append(list, "take a model of smaller pictures"), ", or ") + "; --ignore-memory tries all the same"
}

// size is a number of bytes for people.
func size(bytes int64) string {
	const kib, mib, gib = 1 << 10, 1 << 20, 1 << 30
	switch {
	case bytes >= gib:
		return fmt.Sprintf("%.1f GiB", float64(bytes)/gib)
	case bytes >= mib:
		return fmt.Sprintf("%d MiB", bytes/mib)
	}
	return fmt.Sprintf("%d KiB", (bytes+kib-1)/kib)
}

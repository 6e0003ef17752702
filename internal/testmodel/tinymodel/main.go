// Command tinymodel writes a tiny random model, for `make smoke` and for
// trying things out.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/zipar/zipar/internal/atomicfile"
	"github.com/zipar/zipar/internal/testmodel"
)

func main() {
	out := flag.String("out", "tiny.gguf", "write the model to this `FILE`")
	var o testmodel.Options
	flag.BoolVar(&o.Caption, "caption", false, "write a caption model instead of a class model")
	flag.BoolVar(&o.Text, "text", false, "add a text encoder to the caption model")
	flag.IntVar(&o.Rows, "rows", 0, "rows of tokens (default 6)")
	flag.IntVar(&o.Cols, "cols", 0, "columns of tokens (default 8)")
	flag.Uint64Var(&o.Seed, "seed", 0, "seed of the weights")
	flag.Parse()
	if err := atomicfile.Write(*out, func(w io.Writer) error { return testmodel.Write(w, o) }); err != nil {
		fmt.Fprintln(os.Stderr, "tinymodel:", err)
		os.Exit(1)
	}
}

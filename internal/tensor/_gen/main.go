// Command _gen writes the assembly of package tensor, for amd64 and arm64, and
// the Go declarations for it. Run it in its own folder:
//
//	cd internal/tensor/_gen && go run .
//
// Each kernel file here makes a file NAME_amd64.s there, or NAME_arm64.s where
// it is called arm_NAME.go. SIMD.md there explains layouts, tiles and the order
// of additions.
package main

import (
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

// target is the folder of package tensor.
const target = ".."

// files are the outputs and what they consist of.
var files = []struct {
	name string
	gen  func(*gen)
}{
	{"dot", genDot},
	{"keys", genKeys},
	{"scores", genScores},
	{"mix", genMix},
	{"conv", genConv},
	{"winograd", genWinograd},
	{"q8", genQ8},
	{"nibbles", genNibbles},
	{"vector", genVector},
	{"limits", genLimits},
}

func main() {
	log.SetFlags(0)
	config := printer.Config{Name: "avo (internal/tensor/_gen)", Pkg: "tensor"}
	for _, f := range files {
		g := &gen{Context: build.NewContext()}
		g.ConstraintExpr("!noasm")
		f.gen(g)
		file, err := g.Result()
		if err != nil {
			log.Fatalf("%s: %v", f.name, err)
		}
		if err := pass.Compile.Execute(file); err != nil {
			log.Fatalf("%s: %v", f.name, err)
		}
		write(f.name+"_amd64.s", printer.NewGoAsm(config), file, "")
		write(f.name+"_stubs_amd64.go", printer.NewStubs(config), file, g.choices.String())
	}
	writeArm()
}

func write(name string, p printer.Printer, file *ir.File, more string) {
	text, err := p.Print(file)
	if err != nil {
		log.Fatalf("%s: %v", name, err)
	}
	// The list of extensions is in cpu_amd64.go, for the whole set.
	lines := slices.DeleteFunc(strings.SplitAfter(string(text), "\n"), func(line string) bool {
		return strings.HasPrefix(line, "// Requires:")
	})
	if err := os.WriteFile(filepath.Join(target, name), []byte(strings.Join(lines, "")+more), 0o644); err != nil {
		log.Fatal(err)
	}
}

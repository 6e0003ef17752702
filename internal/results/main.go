// Command results measures what SPEED.md says under "Results" and prints its
// table: passes, pictures, the image tokenizer and the text encoder with the
// official shapes and random weights, and whole processes.
//
//	go run ./internal/results
//
// What is compared is measured in turns, and numbers are medians; limits of the
// machine are measured in the same turns as what is compared with them. It takes
// some five minutes and 5 GB of disk space, which are free again afterwards.
//
//	main.go   the rows          measure.go  turns, medians, the machine's limits
//	models.go the models        passes.go   passes and pictures
//	parts.go  tokenizer, text encoder, processes
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"github.com/zipar/zipar/internal/tensor"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == launch {
		launched(os.Args[2:])
	}
	turns := flag.Int("turns", 7, "measure everything so `N` times")
	dir := flag.String("dir", os.TempDir(), "make a `FOLDER` in this one for the models")
	only := flag.String("only", "", "measure the parts whose names contain this `TEXT`: "+strings.Join(partNames(), ", "))
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *turns, *dir, *only); err != nil {
		fmt.Fprintln(os.Stderr, "results:", err)
		os.Exit(1)
	}
}

// parts are measured one after the other.
var parts = []struct {
	name string
	run  func(*bench) error
}{
	{"processes", (*bench).processes},
	{"passes", (*bench).passes},
	{"pictures", (*bench).pictures},
	{"tokenizer", (*bench).imageTokenizer},
	{"text", (*bench).textEncoder},
	{"threads", (*bench).threads},
	{"levels", (*bench).levels},
	{"loading", (*bench).loading},
}

func partNames() []string {
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	return names
}

func run(ctx context.Context, turns int, dir, only string) error {
	if turns < 1 {
		return fmt.Errorf("-turns %d: want at least 1", turns)
	}
	dir, err := os.MkdirTemp(dir, "zipar-results-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{ctx: ctx, dir: dir, turns: turns, pool: tensor.NewPool(0)}
	defer b.pool.Close()
	fmt.Printf("%d threads, kernels %s, medians of %d turns\n\n", b.pool.Threads(), tensor.CPU(), turns)
	fmt.Println("| measure | at least | measured |")
	fmt.Println("|---|---|---|")
	for _, p := range parts {
		if !strings.Contains(p.name, only) {
			continue
		}
		if err := p.run(b); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

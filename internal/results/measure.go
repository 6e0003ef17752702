package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/zipar/zipar/internal/tensor"
)

// bench is the state of a run.
type bench struct {
	ctx    context.Context
	dir    string // of the models
	turns  int
	pool   *tensor.Pool
	made   map[string]bool
	memory []byte // to read, for the machine's limit
}

// row prints a row of the table.
func (b *bench) row(measure, want, format string, args ...any) {
	fmt.Printf("| %s | %s | %s |\n", measure, want, fmt.Sprintf(format, args...))
}

// turnsOf does everything in turns and returns the median time of each, in
// seconds. The first turn warms up and does not count.
func (b *bench) turnsOf(works ...func() error) ([]float64, error) {
	times := make([][]float64, len(works))
	for turn := range b.turns + 1 {
		for i, work := range works {
			if err := b.ctx.Err(); err != nil {
				return nil, err
			}
			start := time.Now()
			if err := work(); err != nil {
				return nil, err
			}
			if turn > 0 {
				times[i] = append(times[i], time.Since(start).Seconds())
			}
		}
	}
	medians := make([]float64, len(works))
	for i, t := range times {
		medians[i] = median(t)
	}
	return medians, nil
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// readBytes is how much memory a reading reads, more than caches hold.
const readBytes = 512 << 20

// reads are works that read memory, one for each way that there is; the fastest
// is the limit.
func (b *bench) reads() []func() error {
	if b.memory == nil {
		b.memory = make([]byte, readBytes)
		for i := 0; i < len(b.memory); i += 4096 {
			b.memory[i] = 1 // a page of its own
		}
	}
	var works []func() error
	for way := range tensor.ReadWays() {
		works = append(works, func() error { b.pool.Read(b.memory, way); return nil })
	}
	return works
}

// peak is a work of a kind of arithmetic in registers that takes some
// milliseconds, and how many operations it does.
func (b *bench) peak(kind tensor.Peak) (work func() error, operations float64) {
	for rounds := 1 << 10; ; rounds *= 2 {
		start := time.Now()
		operations = b.pool.Peak(kind, rounds)
		if time.Since(start) >= 20*time.Millisecond {
			return func() error { b.pool.Peak(kind, rounds); return nil }, operations
		}
	}
}

// withPool runs f with another pool in place of the usual one.
func (b *bench) withPool(p *tensor.Pool, f func() error) error {
	defer func(usual *tensor.Pool) { b.pool = usual }(b.pool)
	b.pool = p
	return f()
}

// atLevel runs f with a set of kernels in place of the best one.
func (b *bench) atLevel(name string, f func() error) error {
	defer func(usual string) { _ = tensor.Select(usual) }(tensor.CPU()) // it was in use
	if err := tensor.Select(name); err != nil {
		return err
	}
	defer runtime.GC()
	return f()
}

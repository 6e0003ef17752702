package tensor

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// EnvCPU is the environment variable that lowers the choice of kernels, for
// tests and to compare: one of the names that Select takes.
const EnvCPU = "ZIPAR_CPU"

// Portable names the set of kernels in plain Go, which every machine can run.
const Portable = "generic"

// levels are the names of all sets of kernels, on any processor.
var levels = []string{Portable, "avx2", "avx512", "neon", "dotprod"}

// sets are the kernels that this machine can run, slowest first.
var sets = append([]*kernels{&genericKernels}, machineKernels()...)

// active is the set in use.
var active = sets[len(sets)-1]

// An unusable value of the variable leaves the best set in use here: only a
// command can report the error, which Select gives it again.
func init() { _ = Select(os.Getenv(EnvCPU)) }

// CPU names the set of kernels in use.
func CPU() string { return active.name }

// CPUs names the sets of kernels that this machine can run, slowest first.
func CPUs() []string {
	var names []string
	for _, s := range sets {
		names = append(names, s.name)
	}
	return names
}

// Select puts a set of kernels in use: generic; on amd64 avx2 (which includes
// FMA and F16C) and avx512 (F, BW, DQ, VL, and VNNI where the processor has
// it); on arm64 neon and dotprod (which has SDOT); or the best that this machine
// can run for an empty name. It fails for an unknown name and for a set that
// this machine or this program has not; the choice stays as it was then. No pool
// may be at work meanwhile. Select(CPU()) undoes a later Select.
func Select(name string) error {
	if name == "" {
		active = sets[len(sets)-1]
		return nil
	}
	for _, s := range sets {
		if s.name == name {
			active = s
			return nil
		}
	}
	if slices.Contains(levels, name) {
		return fmt.Errorf("cpu level %q: this machine has %s", name, strings.Join(CPUs(), ", "))
	}
	return fmt.Errorf("unknown cpu level %q, known are %s", name, strings.Join(levels, ", "))
}

//go:build !noasm

package tensor

import "golang.org/x/sys/cpu"

// machineKernels returns the assembly kernels that this processor can run,
// slowest first.
func machineKernels() []*kernels {
	x := &cpu.X86
	if !(x.HasAVX2 && x.HasFMA && x.HasF16C) {
		return nil
	}
	return nil
}

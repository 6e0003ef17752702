//go:build noasm || !(amd64 || arm64)

package tensor

// machineKernels: none but the portable ones.
func machineKernels() []*kernels { return nil }

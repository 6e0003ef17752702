package tensor

// kernels is the set of inner loops that a processor runs. Everything above
// it is the same on every processor.
type kernels struct {
	// name is what the user is told: "generic", "avx2", ...
	name string

	// dot sets y[c*ldy+r] = Σ_k w[r*k+i]·x[c*k+i] for r < rows, c < n.
	dot func(y []float32, ldy int, w []float32, rows int, x []float32, n, k int)

	// scores sets s[i] = Σ_j q[j]·keys[i*len(q)+j] for i < len(s).
	scores func(s, q, keys []float32)

	// mix adds Σ_i p[i]·values[i*len(out)+j] to out[j].
	mix func(out, p, values []float32)

	// convPack lays out the weights [out, in, 3, 3] of a convolution.
	convPack func(in, out int, weight []float32) []float32

	// convRow computes row y of one group of convGroup output channels.
	convRow   func(t *convTask, worker, y, group int)
	convGroup int
}

var genericKernels = kernels{
	name:      "generic",
	dot:       dotGeneric,
	scores:    scoresGeneric,
	mix:       mixGeneric,
	convPack:  convPackGeneric,
	convRow:   convRowGeneric,
	convGroup: convGroupGeneric,
}

// active is the set in use, chosen once at start-up.
var active = &genericKernels

// CPU names the set of kernels in use.
func CPU() string { return active.name }

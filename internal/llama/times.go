package llama

import "time"

// Times says where the time of passes goes. What is left of a pass is looking
// tokens up and finding out what columns see.
type Times struct {
	// MatMul is all matrix products, rounding activations to 8 bits included.
	MatMul time.Duration
	// Attention is turning queries and keys to their positions, storing keys
	// and values, scores, softmax and the mix of the values.
	Attention time.Duration
	// Elementwise is norms, SwiGLU and the sums of the residual stream.
	Elementwise time.Duration
	// WeightBytes are the bytes of the matrices that columns were multiplied
	// with, as they lie in memory, counted once a pass.
	WeightBytes int64

	epoch  time.Time
	last   time.Duration // end of the last section, since epoch
	swiglu time.Duration // of the section under way; see activating
}

// A section is a field of Times.
type section int

const (
	inMatMul section = iota
	inAttention
	inElementwise
)

// Time has the times of the passes to come added to t; nil ends it. t may be
// read and changed between passes. It costs seven looks at the clock a
// layer, and two a thread for its part of SwiGLU; nothing while t is nil.
func (r *Runner) Time(t *Times) {
	r.times, r.layerBytes, r.outputBytes = t, 0, 0
	if t == nil {
		return
	}
	if t.epoch.IsZero() {
		t.epoch = time.Now()
	}
	for _, m := range r.model.products() {
		r.layerBytes += m.Bytes()
	}
	r.outputBytes = r.model.Output.Bytes()
	r.layerBytes -= r.outputBytes
}

// start begins a section.
func (t *Times) start() {
	if t != nil {
		t.last = time.Since(t.epoch)
	}
}

// activating is where a product notes how long the SwiGLU took that it did before,
// in the same section.
func (t *Times) activating() *time.Duration {
	if t == nil {
		return nil
	}
	return &t.swiglu
}

// lap ends a section, of this kind, and begins the next one.
func (t *Times) lap(kind section) {
	if t == nil {
		return
	}
	now := time.Since(t.epoch)
	spent := now - t.last
	t.last = now
	switch kind {
	case inMatMul:
		t.swiglu = min(t.swiglu, spent)
		t.MatMul += spent - t.swiglu
		t.Elementwise += t.swiglu
		t.swiglu = 0
	case inAttention:
		t.Attention += spent
	case inElementwise:
		t.Elementwise += spent
	}
}

// weights notes that matrices were read.
func (t *Times) weights(bytes int64) {
	if t != nil {
		t.WeightBytes += bytes
	}
}

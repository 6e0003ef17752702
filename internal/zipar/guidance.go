package zipar

import "fmt"

// Guidance is classifier-free guidance: logits = u + Scale·(c - u), c being
// the conditional and u the unconditional logits.
type Guidance struct {
	// Scale is the guidance scale. Up to 1 the conditional logits are used
	// as they are and no unconditional sequence is computed.
	Scale float32
	// Interval >= 0 guides the tokens 0..Interval+1 in raster order only;
	// -1 guides all (LlamaGen generate.py, cfg_interval).
	Interval int
}

// Check returns an error that names a value out of range.
func (g Guidance) Check() error {
	if !(g.Scale >= 0) || g.Scale >= inf32 {
		return fmt.Errorf("guidance scale %v: want a number from 0 up", g.Scale)
	}
	if g.Interval < -1 {
		return fmt.Errorf("guidance interval %d: want -1 (always) or a token's number", g.Interval)
	}
	return nil
}

// Guides says whether the token with this raster index is guided. If a token
// is not, none after it is.
func (g Guidance) Guides(index int) bool {
	return g.Scale > 1 && (g.Interval < 0 || index <= g.Interval+1)
}

// combine overwrites cond with the guided logits.
func (g Guidance) combine(cond, uncond []float32) {
	for i, u := range uncond {
		cond[i] = u + float32((cond[i]-u)*g.Scale)
	}
}

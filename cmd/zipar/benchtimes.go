package main

import (
	"time"

	"github.com/zipar/zipar/internal/family"
	"github.com/zipar/zipar/internal/zipar"
)

// passTimes is where the time of a picture's passes goes, but for the prefill.
type passTimes struct {
	model   family.Times // the prefill included
	prefill family.Times

	passes        int
	all, sampling time.Duration
}

// observe notes a pass that has ended.
func (t *passTimes) observe(p zipar.Progress) {
	if p.Passes == 1 {
		t.prefill = t.model
		return
	}
	t.passes++
	t.all += p.Elapsed
	t.sampling += p.Sampling
}

// note gives the means of a pass to set, by the keys of benchColumns: times, which add
// up to the whole, and how fast weights are read, compared with the machine's
// read bytes a second unless that is 0. There is nothing to tell without a pass.
func (t *passTimes) note(set func(key string, v float64), read float64) {
	if t.passes == 0 {
		return
	}
	ms := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(t.passes) }
	matmul, attention := t.model.MatMul-t.prefill.MatMul, t.model.Attention-t.prefill.Attention
	elementwise := t.model.Elementwise - t.prefill.Elementwise
	set("ms_per_pass_mean", ms(t.all))
	set("ms_per_pass_matmul", ms(matmul))
	set("ms_per_pass_attention", ms(attention))
	set("ms_per_pass_elementwise", ms(elementwise))
	set("ms_per_pass_sampling", ms(t.sampling))
	set("ms_per_pass_other", ms(t.all-matmul-attention-elementwise-t.sampling))
	rate := float64(t.model.WeightBytes-t.prefill.WeightBytes) / t.all.Seconds()
	set("weights_gb_per_second", rate/1e9)
	if read > 0 {
		set("weights_share_of_read", rate/read)
	}
}

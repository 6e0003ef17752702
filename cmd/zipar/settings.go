package main

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/zipar/zipar/internal/family"
	"github.com/zipar/zipar/internal/zipar"
)

// samplingFlags override the model's settings.
type samplingFlags struct {
	scale, temperature, topP float32
	interval, topK           int
	seed                     int64
}

func (s *samplingFlags) addFlags(f *pflag.FlagSet) {
	f.Float32Var(&s.scale, "cfg-scale", 0, "guidance scale; up to 1 is no guidance (default: the model's)")
	f.IntVar(&s.interval, "cfg-interval", -1, "guide the tokens up to this number only; -1 guides all (default: the model's)")
	f.Float32Var(&s.temperature, "temp", 1, "sampling temperature; 0 takes the likeliest token (default: the model's)")
	f.IntVar(&s.topK, "top-k", 0, "draw from the K likeliest tokens; 0 is off (default: the model's)")
	f.Float32Var(&s.topP, "top-p", 1, "draw from the likeliest tokens that hold this share; 1 is off (default: the model's)")
	f.Int64VarP(&s.seed, "seed", "s", -1, "seed of the random numbers; picture i of a batch uses seed + i; -1 draws one")
}

// apply returns the model's settings with the flags that were given.
func (s *samplingFlags) apply(f *pflag.FlagSet, d family.Defaults) (zipar.Guidance, zipar.Sampling, error) {
	g, o := d.Guidance, d.Sampling
	if f.Changed("cfg-scale") {
		g.Scale = s.scale
	}
	if f.Changed("cfg-interval") {
		g.Interval = s.interval
	}
	if f.Changed("temp") {
		o.Temperature = s.temperature
	}
	if f.Changed("top-k") {
		o.TopK = s.topK
	}
	if f.Changed("top-p") {
		o.TopP = s.topP
	}
	if err := errors.Join(g.Check(), o.Check()); err != nil {
		return g, o, usageError{err}
	}
	return g, o, nil
}

// firstSeed returns the seed that was given, or draws one.
func (s *samplingFlags) firstSeed() (uint64, error) {
	if s.seed < -1 {
		return 0, usagef("--seed %d: want 0 or more, or -1 to draw one", s.seed)
	}
	if s.seed >= 0 {
		return uint64(s.seed), nil
	}
	var b [4]byte
	if _, err := rand.Read(b[:]); err != nil {
		return 0, fmt.Errorf("draw a seed: %w", err)
	}
	return uint64(binary.LittleEndian.Uint32(b[:])), nil
}

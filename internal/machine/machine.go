// Package machine measures what a machine can do at most, reading memory and
// multiplying, and how close to that the kernels of package tensor come.
//
// A pass over a model's weights is limited by memory as long as few columns
// share it, and by arithmetic when they are many. Which of the two a product is
// near, and how near, says whether a kernel can get faster on the machine at
// all.
package machine

import (
	"context"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/tensor"
)

// Options say how much is measured, and for how long.
type Options struct {
	// Bytes is how much memory is streamed; see StreamBytes.
	Bytes int64
	// Each is how long a measurement takes, about: more where a single run of
	// what is measured takes longer.
	Each time.Duration
	// Step, if not nil, is told how many of all measurements are done.
	Step func(done, total int)
}

// A Report is what was measured, with the pool's threads. Rates are those of
// the shortest of several runs.
type Report struct {
	Bytes    int64   // that were streamed
	Read     float64 // bytes a second, read from memory
	FMA, Dot float64 // operations a second: tensor.PeakFMA, tensor.PeakDot
	Kernels  []Kernel
}

// A Kernel is the rate of a kernel.
type Kernel struct {
	// Name is the type of weights, "conv 3x3", or "attention" with the type of
	// keys and values.
	Name    string
	Columns int     // that share a pass; 0 of a convolution
	Bytes   float64 // of weights, or keys and values, a second; 0 of a convolution
	Ops     float64 // multiplications and additions a second
	Peak    tensor.Peak
}

// ReadShare is the kernel's part of the memory's speed.
func (r *Report) ReadShare(k Kernel) float64 { return k.Bytes / r.Read }

// PeakShare is the kernel's part of the speed of its arithmetic.
func (r *Report) PeakShare(k Kernel) float64 {
	if k.Peak == tensor.PeakDot {
		return k.Ops / r.Dot
	}
	return k.Ops / r.FMA
}

// columns are those that kernels are measured with.
var columns = []int{1, 8, 16}

// The types of weights, in the order of the report. Those that are packed come
// first: the others share memory with what is read.
var weightTypes = []struct {
	typ    ggml.Type
	name   string
	packed bool
}{{ggml.Q8_0, "q8_0", true}, {ggml.Q4_K, "q4_K", true}, {ggml.F16, "f16", false}, {ggml.F32, "f32", false}}

// Measure measures everything. The context's end is its only error.
func Measure(ctx context.Context, p *tensor.Pool, o Options) (*Report, error) {
	m := &measurement{ctx: ctx, pool: p, Options: o, report: &Report{Bytes: o.Bytes}}
	m.total = 3 + len(columns)*len(weightTypes) + 1 + 2*len(columns)
	r := rand.New(rand.NewPCG(1, 2))
	m.normals = make([]float32, 1<<16)
	for i := range m.normals {
		m.normals[i] = float32(r.NormFloat64())
	}
	for _, part := range []func() error{m.weights, m.peaks, m.convolutions, m.attention} {
		if err := part(); err != nil {
			return nil, err
		}
		// What a part has streamed makes room for what the next one does.
		runtime.GC()
	}
	return m.report, nil
}

// measurement is the state of a Measure.
type measurement struct {
	Options
	ctx         context.Context
	pool        *tensor.Pool
	report      *Report
	normals     []float32 // random values, mean 0, deviation 1
	done, total int
}

// work is a part of what a kernel does in a row.
type work struct {
	bytes, ops float64
	run        func()
}

// rates returns how many bytes and operations a second the works take, one
// after the other, each in its shortest time: what else runs on the machine
// disturbs some runs only. At least one work is done.
func (m *measurement) rates(each time.Duration, works []work) (bytes, ops float64, err error) {
	shortest := make([]time.Duration, len(works))
	begin := time.Now()
	for i := 0; ; i = (i + 1) % len(works) {
		if err := m.ctx.Err(); err != nil {
			return 0, 0, err
		}
		start := time.Now()
		works[i].run()
		took := max(1, time.Since(start))
		if shortest[i] == 0 || took < shortest[i] {
			shortest[i] = took
		}
		if time.Since(begin) >= each {
			break
		}
	}
	var seconds float64
	for i, took := range shortest {
		if took > 0 {
			seconds += took.Seconds()
			bytes += works[i].bytes
			ops += works[i].ops
		}
	}
	return bytes / seconds, ops / seconds, nil
}

// step notes that a measurement is done.
func (m *measurement) step() {
	m.done++
	if m.Step != nil {
		m.Step(m.done, m.total)
	}
}

// kernel measures a kernel and adds it to the report.
func (m *measurement) kernel(k Kernel, works []work) (err error) {
	if k.Bytes, k.Ops, err = m.rates(m.Each, works); err != nil {
		return err
	}
	m.report.Kernels = append(m.report.Kernels, k)
	m.step()
	return nil
}

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/zipar/zipar/internal/machine"
	"github.com/zipar/zipar/internal/tensor"
)

// machineOptions say how much --machine measures: some ten seconds in all.
// Tests replace it.
var machineOptions = func() machine.Options {
	free, _, _ := freeMemory()
	return machine.Options{Bytes: machine.StreamBytes(free), Each: 120 * time.Millisecond}
}

// machineAlone says that the machine is measured without a model.
func (r *benchRequest) machineAlone() bool { return r.machine && r.files.model == "" }

// checkMachine refuses what does not go with --machine.
func (r *benchRequest) checkMachine(flags *pflag.FlagSet) error {
	if r.machine && r.attention != "" {
		return usagef("--attention and --machine exclude each other: the one takes no times, the other is there for them")
	}
	if !r.machineAlone() {
		return nil
	}
	var err error
	flags.Visit(func(f *pflag.Flag) {
		switch f.Name {
		case "machine", "threads", "output", "quiet", "verbose", "cpuprofile", "trace":
		default:
			err = usagef("--%s: --machine measures no model unless -m names one: give one%s", f.Name, ifBuiltIn(", such as -m builtin", ""))
		}
	})
	return err
}

// measureMachine is the report of the machine alone.
func (r *benchRequest) measureMachine(ctx context.Context) (*benchReport, error) {
	pool, err := r.files.pool()
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	m, err := r.limits(ctx, pool)
	if err != nil {
		return nil, err
	}
	report := &benchReport{}
	addMachine(report, m, pool.Threads())
	return report, nil
}

// limits measures the machine.
func (r *benchRequest) limits(ctx context.Context, pool *tensor.Pool) (*machine.Report, error) {
	o := machineOptions()
	o.Step = func(done, total int) {
		if done == 1 {
			r.ui.stage("machine", total)
		}
		r.ui.step(done, "")
	}
	m, err := machine.Measure(ctx, pool, o)
	r.ui.done()
	return m, err
}

var machineTables = []benchTable{
	{title: "Limits of the machine", keys: []string{"gb_per_second", "gops_per_second"}, of: limitRow},
	{title: "Kernels, and how near they come to them", keys: []string{"columns", "gb_per_second", "share_of_read", "gops_per_second", "share_of_peak"}, of: kernelRow},
}

// addMachine puts what was measured of the machine before a report's other
// rows.
func addMachine(report *benchReport, m *machine.Report, threads int) {
	const giga = 1e-9
	newRow := func(kind rowKind, name string) benchRow {
		return benchRow{kind: kind, name: name, stats: map[string]stat{}}
	}
	read, fma, dot := newRow(limitRow, "read"), newRow(limitRow, "f32"), newRow(limitRow, "int8")
	read.set("gb_per_second", m.Read*giga)
	fma.set("gops_per_second", m.FMA*giga)
	dot.set("gops_per_second", m.Dot*giga)
	rows := []benchRow{read, fma, dot}
	for _, k := range m.Kernels {
		row := newRow(kernelRow, k.Name)
		if k.Columns > 0 {
			row.set("columns", float64(k.Columns))
			row.set("gb_per_second", k.Bytes*giga)
			row.set("share_of_read", m.ReadShare(k))
		}
		row.set("gops_per_second", k.Ops*giga)
		row.set("share_of_peak", m.PeakShare(k))
		rows = append(rows, row)
	}
	report.rows = append(rows, report.rows...)
	report.tables = append(machineTables[:len(machineTables):len(machineTables)], report.tables...)
	report.notes = append(machineNotes(m, threads), report.notes...)
}

func machineNotes(m *machine.Report, threads int) []string {
	stream := fmt.Sprintf("%d threads, %s kernels. read: streaming %s", threads, tensor.CPU(), size(m.Bytes))
	if cache := machine.LargestCache(); cache > 0 {
		stream += fmt.Sprintf(", the largest cache has %s", size(cache))
	}
	peaks := fmt.Sprintf("f32: %s; int8: %s. GOP/s: 1e9 multiplications and additions a second.", tensor.PeakFMA.Name(), tensor.PeakDot.Name())
	if tensor.CPU() == tensor.Portable {
		peaks += " These are estimates: a compiler chose the instructions."
	}
	return []string{
		stream + ". A GB is 1e9 bytes.",
		peaks,
		"bf16: these kernels have no bf16 dot products; bf16 weights are widened to float32.",
		"Kernels: products with the weights of GPT-XL's layers, all convolutions of the VQ-16 decoder, GPT-XL's attention over its keys and values. peak %: of int8 for q8_0 and q4_K, of f32 for the others. Rates are those of the shortest of several runs.",
		"conv 3x3: operations of a direct convolution. Most are computed in Winograd's way, which needs a quarter of them and a little for its transforms: more than 100 % of the peak is no mistake.",
	}
}

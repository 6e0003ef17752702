package main

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/zipar/zipar/internal/family"
	"github.com/zipar/zipar/internal/machine"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/zipar"
)

// littleMachine has --machine measure next to nothing, for tests: the figures
// mean nothing then.
func littleMachine() machine.Options {
	return machine.Options{Bytes: 1 << 20, Each: time.Microsecond}
}

func TestMachineOptions(t *testing.T) {
	pretendFree(t, 400<<20, 0, true)
	o := machineOptions()
	// Measurements, and memory that is filled and packed in between.
	const measurements = 22
	if o.Bytes != 100<<20 || o.Each <= 0 || o.Each*measurements > 5*time.Second {
		t.Errorf("%+v", o)
	}
}

func TestMachineRows(t *testing.T) {
	m := &machine.Report{Bytes: 512 << 20, Read: 28e9, FMA: 350e9, Dot: 1.3e12, Kernels: []machine.Kernel{
		{Name: "q8_0", Columns: 16, Bytes: 14e9, Ops: 650e9, Peak: tensor.PeakDot},
		{Name: "conv 3x3", Ops: 280e9, Peak: tensor.PeakFMA},
	}}
	report := &benchReport{rows: someReport().rows[:1], tables: measuredTables, notes: []string{"of the model"}}
	addMachine(report, m, 2)
	var text strings.Builder
	if err := writeTables(&text, report, 100); err != nil {
		t.Fatal(err)
	}
	const want = `Limits of the machine
  limit   GB/s  GOP/s
   read  28.00
    f32         350.0
   int8          1300

Kernels, and how near they come to them
    kernel  columns   GB/s  read %  GOP/s  peak %
      q8_0       16  14.00    50.0  650.0    50.0
  conv 3x3                          280.0    80.0

Speed
  window  passes  speed-up
   8 NTP      48      1.00

Quality, compared with NTP from the same seed
  window  PSNR dB
   8 NTP      inf

2 threads, `
	if got := text.String(); !strings.HasPrefix(got, want) || !strings.Contains(got, "streaming 512 MiB") ||
		!strings.Contains(got, "bf16: ") || !strings.HasSuffix(got, "of the model\n") {
		t.Errorf("got:\n%s", got)
	}

	text.Reset()
	if err := writeJSONLines(&text, report); err != nil {
		t.Fatal(err)
	}
	if got, want := text.String(), `{"limit":"read","gb_per_second":28}
{"limit":"f32","gops_per_second":350}
{"limit":"int8","gops_per_second":1300}
{"kernel":"q8_0","columns":16,"gb_per_second":14,"share_of_read":0.5,"gops_per_second":650,"share_of_peak":0.5}
{"kernel":"conv 3x3","gops_per_second":280,"share_of_peak":0.8}
{"window":8,"passes":48,"tokens":48,"speed_up":1,"speed_up_sd":0,"psnr_db":null,"adaptive":false}
`; got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}

	text.Reset()
	if err := writeCSV(&text, report); err != nil {
		t.Fatal(err)
	}
	if got, want := text.String(), `limit,kernel,window,passes,tokens,columns,gb_per_second,share_of_read,gops_per_second,share_of_peak,speed_up,speed_up_sd,psnr_db,adaptive
read,,,,,,28,,,,,,,
f32,,,,,,,,350,,,,,
int8,,,,,,,,1300,,,,,
,q8_0,,,,16,14,0.5,650,0.5,,,,
,conv 3x3,,,,,,,280,0.8,,,,
,,8,48,48,,,,,,1,0,inf,false
`; got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

// The sections of a pass and what is left add up to the pass; the prefill is
// not among them.
func TestPassTimes(t *testing.T) {
	const ms = time.Millisecond
	var times passTimes
	figures := map[string]float64{}
	set := func(key string, v float64) { figures[key] = v }
	times.model = family.Times{MatMul: 50 * ms, Attention: 5 * ms, Elementwise: 7 * ms, WeightBytes: 1e6}
	times.observe(zipar.Progress{Passes: 1, Elapsed: 70 * ms, Sampling: 3 * ms})
	if times.note(set, 1e9); len(figures) != 0 {
		t.Errorf("a prefill alone gives %v", figures)
	}
	for pass := 2; pass <= 5; pass++ {
		times.model.MatMul += 10 * ms
		times.model.Attention += 4 * ms
		times.model.Elementwise += 2 * ms
		times.model.WeightBytes += 5e6
		times.observe(zipar.Progress{Passes: pass, Elapsed: 20 * ms, Sampling: 3 * ms})
	}
	want := map[string]float64{
		"ms_per_pass_mean": 20, "ms_per_pass_matmul": 10, "ms_per_pass_attention": 4, "ms_per_pass_elementwise": 2,
		"ms_per_pass_sampling": 3, "ms_per_pass_other": 1, "weights_gb_per_second": 0.25,
	}
	check := func() {
		t.Helper()
		if len(figures) != len(want) {
			t.Errorf("%v, want %v", figures, want)
		}
		for key, v := range want {
			if math.Abs(figures[key]-v) > 1e-9 {
				t.Errorf("%s is %v, want %v", key, figures[key], v)
			}
		}
	}
	times.note(set, 0)
	check()
	want["weights_share_of_read"] = 0.125
	times.note(set, 2e9)
	check()
}

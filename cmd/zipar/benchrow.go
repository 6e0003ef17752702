package main

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A benchRow is the result of one way to decode, or of one measurement of the
// machine.
type benchRow struct {
	benchMode // of a way to decode
	kind      rowKind
	name      string          // of what was measured of the machine
	stats     map[string]stat // by the keys of benchColumns
}

// A rowKind says what a row is the result of.
type rowKind int

const (
	windowRow rowKind = iota // a way to decode
	limitRow                 // something that the machine can do only so fast
	kernelRow                // a kernel, compared with that
)

// String heads the first column of tables and names rows in json and csv.
func (k rowKind) String() string { return [...]string{"window", "limit", "kernel"}[k] }

// String is the name in tables.
func (r benchRow) String() string {
	if r.kind == windowRow {
		return r.benchMode.String()
	}
	return r.name
}

// A stat is a figure of several runs.
type stat struct {
	mean, sd float64
	// spread says that sd, the standard deviation of a run, is known.
	spread bool
}

// statOf returns the mean of the runs and the deviation of a run, estimated
// from the sample (n-1).
func statOf(runs []float64) stat {
	var s stat
	for _, v := range runs {
		s.mean += v
	}
	s.mean /= float64(len(runs))
	if len(runs) < 2 {
		return s
	}
	s.spread = true
	for _, v := range runs {
		s.sd += (v - s.mean) * (v - s.mean) / float64(len(runs)-1)
	}
	s.sd = math.Sqrt(s.sd)
	return s
}

// set sets a figure of which there is only one.
func (r *benchRow) set(key string, v float64) { r.stats[key] = stat{mean: v} }

// A benchColumn is a figure of a row.
type benchColumn struct {
	key      string // of json, jsonl and csv; that of the deviation ends in _sd
	head     string // of tables
	decimals int    // in tables; -1 for counts: none if whole
	factor   float64
	spread   bool // tables show the deviation
	short    bool // tables show large numbers with fewer decimals
}

// benchColumns are all figures, in the order of json and csv. After the window
// come passes and tokens.
var benchColumns = []benchColumn{
	{key: "passes", head: "passes", decimals: -1},
	{key: "tokens", head: "tokens", decimals: -1},
	{key: "runs"},
	{key: "columns", head: "columns", decimals: -1},
	{key: "gb_per_second", head: "GB/s", decimals: 2, short: true},
	{key: "share_of_read", head: "read %", decimals: 1, factor: 100},
	{key: "gops_per_second", head: "GOP/s", decimals: 2, short: true},
	{key: "share_of_peak", head: "peak %", decimals: 1, factor: 100},
	{key: "passes_saved", head: "saved %", decimals: 1, factor: 100},
	{key: "columns_mean", head: "columns", decimals: 2},
	{key: "columns_max", head: "widest", decimals: -1},
	{key: "published_passes", head: "published", decimals: -1},
	{key: "window_mean"}, // with which rows started, in adaptive decoding
	{key: "ms_per_pass", head: "ms/pass", decimals: 2, short: true},
	{key: "ms_per_pass_p95", head: "p95", decimals: 2, short: true},
	{key: "ms_per_pass_mean", head: "mean", decimals: 3, short: true},
	{key: "ms_per_pass_matmul", head: "matmul", decimals: 3, short: true},
	{key: "ms_per_pass_attention", head: "attention", decimals: 3, short: true},
	{key: "ms_per_pass_elementwise", head: "elementwise", decimals: 3, short: true},
	{key: "ms_per_pass_sampling", head: "sampling", decimals: 3, short: true},
	{key: "ms_per_pass_other", head: "other", decimals: 3, short: true},
	{key: "weights_gb_per_second", head: "GB/s", decimals: 2, short: true},
	{key: "weights_share_of_read", head: "read %", decimals: 1, factor: 100},
	{key: "tokens_per_second", head: "tokens/s", decimals: 1, short: true},
	{key: "text_seconds", head: "text", decimals: 3, short: true},
	{key: "prefill_seconds", head: "prefill", decimals: 3, short: true},
	{key: "token_seconds", head: "tokens", decimals: 3, spread: true, short: true},
	{key: "vq_seconds", head: "VQ", decimals: 3, short: true},
	{key: "total_seconds", head: "total", decimals: 3, spread: true, short: true},
	{key: "peak_memory_bytes", head: "peak MiB", decimals: 0, factor: 1.0 / (1 << 20)},
	{key: "speed_up", head: "speed-up", decimals: 2, spread: true},
	{key: "speed_up_total", head: "speed-up", decimals: 2, spread: true},
	{key: "token_agreement", head: "same %", decimals: 1, factor: 100, spread: true},
	{key: "mse"},
	{key: "psnr_db", head: "PSNR dB", decimals: 2},
	{key: "ssim", head: "SSIM", decimals: 3, spread: true},
	{key: "log_likelihood", head: "log p/token", decimals: 4, spread: true},
	{key: "log_likelihood_ntp"},
	{key: "log_likelihood_change", head: "change", decimals: 4, spread: true},
	{key: "attention_previous_row", head: "row above %", decimals: 2, factor: 100},
	{key: "attention_visible", head: "all %", decimals: 2, factor: 100},
	{key: "attention_to_prefix"},
	{key: "attention_to_own_row"},
	{key: "attention_to_previous_row"},
	{key: "attention_to_earlier_rows"},
}

func columnOf(key string) benchColumn {
	for _, c := range benchColumns {
		if c.key == key {
			return c
		}
	}
	panic("no column " + key)
}

// text is the figure for people.
func (c benchColumn) text(s stat) string {
	factor := c.factor
	if factor == 0 {
		factor = 1
	}
	mean := s.mean * factor
	decimals := c.decimals
	if decimals < 0 {
		decimals = 0
		if mean != math.Trunc(mean) {
			decimals = 1
		}
	}
	if c.short {
		for v := 100.0; v <= mean && decimals > 0; v *= 10 {
			decimals--
		}
	}
	text := number(mean, decimals)
	if c.spread && s.spread && s.sd > 0 {
		text += "±" + number(s.sd*factor, decimals)
	}
	return text
}

// number is v with this many decimals, and without a minus before zeros.
func number(v float64, decimals int) string {
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	if zero := strconv.FormatFloat(0, 'f', decimals, 64); text == "-"+zero {
		return zero
	}
	if math.IsInf(v, 1) {
		return "inf"
	}
	return text
}

// each calls f for all figures of the row, in order, deviations included.
func (r benchRow) each(f func(key string, v float64)) {
	if r.kind == windowRow {
		f("window", float64(r.window))
	}
	for _, c := range benchColumns {
		s, ok := r.stats[c.key]
		if !ok {
			continue
		}
		f(c.key, s.mean)
		if s.spread {
			f(c.key+"_sd", s.sd)
		}
	}
}

// MarshalJSON writes the row as an object. What is infinite, the PSNR of equal
// pictures, is null.
func (r benchRow) MarshalJSON() ([]byte, error) {
	var fields []string
	if r.kind != windowRow {
		fields = append(fields, fmt.Sprintf("%q:%q", r.kind, r.name))
	}
	r.each(func(key string, v float64) {
		text := []byte("null")
		if !math.IsInf(v, 0) {
			var err error
			if text, err = json.Marshal(v); err != nil {
				panic(err) // NaN, which no figure may be
			}
		}
		fields = append(fields, fmt.Sprintf("%q:%s", key, text))
	})
	if r.kind == windowRow {
		fields = append(fields, fmt.Sprintf(`"adaptive":%t`, r.adaptive))
	}
	return []byte("{" + strings.Join(fields, ",") + "}"), nil
}

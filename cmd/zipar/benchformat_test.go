package main

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func someReport() *benchReport {
	row := func(m benchMode, passes, psnr float64, speedUp stat) benchRow {
		r := benchRow{benchMode: m, stats: map[string]stat{"speed_up": speedUp}}
		r.set("passes", passes)
		r.set("tokens", 48)
		r.set("psnr_db", psnr)
		return r
	}
	return &benchReport{
		tables: measuredTables,
		rows: []benchRow{
			row(benchMode{window: 8, ntp: true}, 48, math.Inf(1), stat{mean: 1, spread: true}),
			row(benchMode{window: 2, adaptive: true}, 21.5, 12.345, stat{2.5, 0.25, true}),
		},
		notes: []string{"a note with several words"},
	}
}

func TestTablesFitAnyWidth(t *testing.T) {
	b := someReport()
	for width := 1; width <= 100; width++ {
		var text strings.Builder
		if err := writeTables(&text, b, width); err != nil {
			t.Fatal(err)
		}
		// Nothing can be narrower than the names of rows with one figure, or
		// than a word.
		most := max(width, len("  window  speed-up")+len("±"))
		for line := range strings.Lines(text.String()) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > most {
				t.Errorf("width %d: %d characters: %q", width, n, line)
			}
		}
		for _, want := range []string{"passes", "21.5", "speed-up", "2.50±0.25", "PSNR dB", "inf", "12.35", "several"} {
			if strings.Count(text.String(), want) != 1 {
				t.Errorf("width %d: %q is not there once:\n%s", width, want, &text)
			}
		}
	}
}

func TestTablesOnANarrowTerminal(t *testing.T) {
	var text strings.Builder
	if err := writeTables(&text, someReport(), 24); err != nil {
		t.Fatal(err)
	}
	const want = `Speed
  window  passes
   8 NTP      48
      2+    21.5

  window   speed-up
   8 NTP       1.00
      2+  2.50±0.25

Quality, compared with
NTP from the same seed
  window  PSNR dB
   8 NTP      inf
      2+    12.35

a note with several
words
`
	if text.String() != want {
		t.Errorf("got:\n%swant:\n%s", &text, want)
	}
}

func TestJSONRows(t *testing.T) {
	text, err := json.Marshal(someReport().rows)
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"window":8,"passes":48,"tokens":48,"speed_up":1,"speed_up_sd":0,"psnr_db":null,"adaptive":false},` +
		`{"window":2,"passes":21.5,"tokens":48,"speed_up":2.5,"speed_up_sd":0.25,"psnr_db":12.345,"adaptive":true}]`
	if string(text) != want {
		t.Errorf("%s, want %s", text, want)
	}
}

func TestCSVRows(t *testing.T) {
	var text strings.Builder
	b := someReport()
	delete(b.rows[0].stats, "tokens")
	if err := writeCSV(&text, b); err != nil {
		t.Fatal(err)
	}
	const want = "window,passes,tokens,speed_up,speed_up_sd,psnr_db,adaptive\n8,48,,1,0,inf,false\n2,21.5,48,2.5,0.25,12.345,true\n"
	if text.String() != want {
		t.Errorf("%s, want %s", &text, want)
	}
}

func TestStatistics(t *testing.T) {
	if got := statOf([]float64{3}); got != (stat{mean: 3}) {
		t.Errorf("one run: %+v", got)
	}
	if got := statOf([]float64{2, 4, 4, 4, 5, 5, 7, 9}); got.mean != 5 || math.Abs(got.sd-math.Sqrt(32.0/7)) > 1e-12 || !got.spread {
		t.Errorf("eight runs: %+v", got)
	}
	if got := statOf([]float64{76, 76, 76}); got.mean != 76 || got.sd != 0 {
		t.Errorf("equal runs: %+v", got)
	}
	sorted := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for q, want := range map[float64]float64{0: 1, 0.5: 5, 0.51: 6, 0.95: 10, 1: 10} {
		if got := quantile(sorted, q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
}

func TestFiguresAsText(t *testing.T) {
	for _, c := range []struct {
		key  string
		s    stat
		want string
	}{
		{"passes", stat{mean: 76}, "76"},
		{"passes", stat{mean: 76.25, sd: 1, spread: true}, "76.2"},
		{"speed_up", stat{mean: 2, sd: 0.5, spread: true}, "2.00±0.50"},
		{"speed_up", stat{mean: 1, spread: true}, "1.00"},
		{"passes_saved", stat{mean: 0.703125}, "70.3"},
		{"log_likelihood_change", stat{mean: -1e-9}, "0.0000"},
		{"psnr_db", stat{mean: math.Inf(1)}, "inf"},
		{"ms_per_pass", stat{mean: 1.234}, "1.23"},
		{"ms_per_pass", stat{mean: 123.4}, "123.4"},
		{"ms_per_pass", stat{mean: 1234.4}, "1234"},
		{"total_seconds", stat{mean: 123.456, sd: 1.234, spread: true}, "123.46±1.23"},
		{"peak_memory_bytes", stat{mean: 3 << 20}, "3"},
	} {
		if got := columnOf(c.key).text(c.s); got != c.want {
			t.Errorf("%s %+v: %q, want %q", c.key, c.s, got, c.want)
		}
	}
}

// Every figure of a table is one that rows have, and no key comes twice.
func TestTablesNameKnownFigures(t *testing.T) {
	var keys []string
	for _, c := range benchColumns {
		if slices.Contains(keys, c.key) {
			t.Errorf("%s comes twice", c.key)
		}
		keys = append(keys, c.key)
	}
	for _, table := range slices.Concat(machineTables, measuredTables) {
		for _, key := range table.keys {
			if c := columnOf(key); c.head == "" {
				t.Errorf("%s has no head", key)
			}
		}
	}
}

func TestNearestPublishedWindow(t *testing.T) {
	for name, want := range map[string]int{"llamagen-256": 0, "llamagen-512": 5, "lumina-768": 11, "emu3-720": 7} {
		k, err := parseGrid(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := k.nearest(); got != want {
			t.Errorf("%s: window %d, want %d", name, got, want)
		}
	}
}

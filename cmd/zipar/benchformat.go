package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
)

// benchFormats are the ways to print the rows of a benchmark.
var benchFormats = map[string]func(io.Writer, []benchRow) error{
	"table": writeTable,
	"md":    writeMarkdown,
	"csv":   writeCSV,
	"json":  writeJSON,
	"jsonl": writeJSONLines,
}

// benchColumn is a column of the formats for people. exact is what CSV gets.
type benchColumn struct {
	name  string
	timed bool // needs a model
	text  func(r benchRow) string
	exact func(r benchRow) string
}

func intColumn(name string, value func(r benchRow) int) benchColumn {
	text := func(r benchRow) string { return strconv.Itoa(value(r)) }
	return benchColumn{name: name, text: text, exact: text}
}

func floatColumn(name string, timed bool, format string, value func(r benchRow) float64) benchColumn {
	return benchColumn{
		name: name, timed: timed,
		text:  func(r benchRow) string { return fmt.Sprintf(format, value(r)) },
		exact: func(r benchRow) string { return strconv.FormatFloat(value(r), 'g', -1, 64) },
	}
}

var benchColumns = []benchColumn{
	intColumn("window", func(r benchRow) int { return r.Window }),
	intColumn("passes", func(r benchRow) int { return r.Passes }),
	intColumn("tokens", func(r benchRow) int { return r.Tokens }),
	floatColumn("saved %", false, "%.1f", func(r benchRow) float64 { return 100 * r.Saved }),
	floatColumn("columns", false, "%.2f", func(r benchRow) float64 { return r.Columns }),
	intColumn("widest", func(r benchRow) int { return r.Widest }),
	floatColumn("prefill s", true, "%.3f", func(r benchRow) float64 { return r.Prefill }),
	floatColumn("tokens s", true, "%.3f", func(r benchRow) float64 { return r.Seconds }),
	floatColumn("ms/pass", true, "%.2f", func(r benchRow) float64 { return r.PassMS }),
	floatColumn("tokens/s", true, "%.1f", func(r benchRow) float64 { return r.Rate }),
	floatColumn("speed-up", true, "%.2f", func(r benchRow) float64 { return r.SpeedUp }),
}

// cells returns the header and the cells of the rows.
func cells(rows []benchRow, exact bool) [][]string {
	table := make([][]string, 1, len(rows)+1)
	timed := len(rows) > 0 && rows[0].benchTiming != nil
	for _, c := range benchColumns {
		if !c.timed || timed {
			table[0] = append(table[0], c.name)
		}
	}
	for _, r := range rows {
		var line []string
		for _, c := range benchColumns {
			switch {
			case c.timed && !timed:
			case exact:
				line = append(line, c.exact(r))
			default:
				line = append(line, c.text(r))
			}
		}
		table = append(table, line)
	}
	return table
}

func writeTable(w io.Writer, rows []benchRow) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, line := range cells(rows, false) {
		fmt.Fprintln(tw, strings.Join(line, "\t")+"\t")
	}
	return tw.Flush()
}

func writeMarkdown(w io.Writer, rows []benchRow) error {
	for i, line := range cells(rows, false) {
		if _, err := fmt.Fprintln(w, "| "+strings.Join(line, " | ")+" |"); err != nil {
			return err
		}
		if i == 0 {
			if _, err := fmt.Fprintln(w, "|"+strings.Repeat("---:|", len(line))); err != nil {
				return err
			}
		}
	}
	return nil
}

func writeCSV(w io.Writer, rows []benchRow) error {
	return csv.NewWriter(w).WriteAll(cells(rows, true))
}

func writeJSON(w io.Writer, rows []benchRow) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(rows)
}

func writeJSONLines(w io.Writer, rows []benchRow) error {
	e := json.NewEncoder(w)
	for _, r := range rows {
		if err := e.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

package main

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// benchFormats are the ways to print a benchmark.
var benchFormats = map[string]func(io.Writer, *benchReport) error{
	"table": func(w io.Writer, b *benchReport) error { return writeTables(w, b, outputWidth()) },
	"md":    writeMarkdown,
	"csv":   writeCSV,
	"json":  writeJSON,
	"jsonl": writeJSONLines,
}

// A benchTable is a part of the figures, for people, of rows of one kind. What
// no row has is left out.
type benchTable struct {
	title string
	keys  []string
	of    rowKind
}

// cells returns the head and the lines of a table, of which the first cell
// names the row.
func (t benchTable) cells(rows []benchRow) [][]string {
	rows = slices.DeleteFunc(slices.Clone(rows), func(r benchRow) bool { return r.kind != t.of })
	table := [][]string{{t.of.String()}}
	for _, r := range rows {
		table = append(table, []string{r.String()})
	}
	for _, key := range t.keys {
		if !slices.ContainsFunc(rows, func(r benchRow) bool { _, ok := r.stats[key]; return ok }) {
			continue
		}
		c := columnOf(key)
		table[0] = append(table[0], c.head)
		for i, r := range rows {
			text := ""
			if s, ok := r.stats[key]; ok {
				text = c.text(s)
			}
			table[i+1] = append(table[i+1], text)
		}
	}
	return table
}

// outputWidth is the number of characters that a line on standard output has.
func outputWidth() int {
	width, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil || width < 1 {
		return 80
	}
	return width
}

// writeTables writes tables of at most this width: what does not fit comes in
// a further one below.
func writeTables(w io.Writer, b *benchReport, width int) error {
	first := true
	part := func() string {
		if first {
			first = false
			return ""
		}
		return "\n"
	}
	for _, t := range b.tables {
		table := t.cells(b.rows)
		if len(table[0]) < 2 {
			continue
		}
		head := part()
		if t.title != "" {
			head += wrap(t.title, width)
		}
		for i, columns := range fit(table, width) {
			if i > 0 {
				head = part()
			}
			if _, err := io.WriteString(w, head+aligned(table, columns)); err != nil {
				return err
			}
		}
	}
	if len(b.notes) == 0 {
		return nil
	}
	text := part()
	for _, note := range b.notes {
		text += wrap(note, width)
	}
	_, err := io.WriteString(w, text)
	return err
}

// columnWidth is the width of a column with the space before it.
func columnWidth(table [][]string, column int) int {
	n := 0
	for _, line := range table {
		n = max(n, utf8.RuneCountInString(line[column]))
	}
	return n + 2
}

// fit shares the columns of a table out to tables of at most this width, or of
// one figure. All have the first column.
func fit(table [][]string, width int) [][]int {
	var parts [][]int
	used := width
	for c := 1; c < len(table[0]); c++ {
		n := columnWidth(table, c)
		if used+n > width {
			parts = append(parts, []int{0})
			used = columnWidth(table, 0)
		}
		last := len(parts) - 1
		parts[last] = append(parts[last], c)
		used += n
	}
	return parts
}

// aligned writes some columns of a table to the right.
func aligned(table [][]string, columns []int) string {
	var b strings.Builder
	for _, line := range table {
		var text strings.Builder
		for _, c := range columns {
			text.WriteString(strings.Repeat(" ", columnWidth(table, c)-utf8.RuneCountInString(line[c])) + line[c])
		}
		b.WriteString(strings.TrimRight(text.String(), " ") + "\n")
	}
	return b.String()
}

// wrap breaks a text into lines of at most this width, where words allow it.
func wrap(text string, width int) string {
	var b strings.Builder
	used := 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case used == 0:
		case used+1+n > width:
			b.WriteByte('\n')
			used = 0
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += n
	}
	return b.String() + "\n"
}

func writeMarkdown(w io.Writer, b *benchReport) error {
	var text strings.Builder
	for _, t := range b.tables {
		table := t.cells(b.rows)
		if len(table[0]) < 2 {
			continue
		}
		if t.title != "" {
			text.WriteString("**" + t.title + "**\n\n")
		}
		for i, line := range table {
			text.WriteString("| " + strings.Join(line, " | ") + " |\n")
			if i == 0 {
				text.WriteString("|" + strings.Repeat("---:|", len(line)) + "\n")
			}
		}
		text.WriteByte('\n')
	}
	for _, note := range b.notes {
		text.WriteString("- " + note + "\n")
	}
	_, err := io.WriteString(w, strings.TrimRight(text.String(), "\n")+"\n")
	return err
}

// writeCSV writes the figures under the keys of json; what a row does not have
// is empty, what is infinite is inf.
func writeCSV(w io.Writer, b *benchReport) error {
	present := map[string]bool{}
	for _, r := range b.rows {
		r.each(func(key string, _ float64) { present[key] = true })
	}
	// What names a row comes first.
	kinds := map[rowKind]bool{}
	for _, r := range b.rows {
		kinds[r.kind] = true
	}
	var keys []string
	for _, k := range []rowKind{limitRow, kernelRow, windowRow} {
		if kinds[k] {
			keys = append(keys, k.String())
		}
	}
	for _, c := range benchColumns {
		for _, key := range []string{c.key, c.key + "_sd"} {
			if present[key] {
				keys = append(keys, key)
			}
		}
	}
	if kinds[windowRow] {
		keys = append(keys, "adaptive")
	}
	table := [][]string{keys}
	for _, r := range b.rows {
		values := map[string]string{r.kind.String(): r.name}
		if r.kind == windowRow {
			values["adaptive"] = strconv.FormatBool(r.adaptive)
		}
		r.each(func(key string, v float64) {
			values[key] = "inf"
			if !math.IsInf(v, 0) {
				values[key] = strconv.FormatFloat(v, 'g', -1, 64)
			}
		})
		var line []string
		for _, key := range keys {
			line = append(line, values[key])
		}
		table = append(table, line)
	}
	return csv.NewWriter(w).WriteAll(table)
}

func writeJSON(w io.Writer, b *benchReport) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(b.rows)
}

func writeJSONLines(w io.Writer, b *benchReport) error {
	e := json.NewEncoder(w)
	for _, r := range b.rows {
		if err := e.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

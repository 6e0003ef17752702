package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/zipar/zipar/internal/zipar"
)

// A knownGrid is the grid of a published model, with what the paper (arXiv
// 2412.04062) reports for it.
type knownGrid struct {
	name string
	grid zipar.Geometry
	// model has the published figures; empty where there are none. ntp are the
	// passes of next-token decoding as the paper counts them, passes those
	// with the smallest window that it reports.
	model       string
	ntp, passes int
}

var knownGrids = []knownGrid{
	{name: "llamagen-256", grid: zipar.Geometry{Rows: 16, Cols: 16}},
	{name: "llamagen-384", grid: zipar.Geometry{Rows: 24, Cols: 24}},
	{name: "llamagen-512", grid: zipar.Geometry{Rows: 32, Cols: 32}, model: "LlamaGen-XL, 512 px", ntp: 1024, passes: 185},
	// Their rows end with a token that is always the same.
	{name: "lumina-768", grid: zipar.Geometry{Rows: 48, Cols: 48, RowEnd: 1}, model: "Lumina-mGPT-7B, 768 px", ntp: 2352, passes: 588},
	{name: "emu3-720", grid: zipar.Geometry{Rows: 90, Cols: 90, RowEnd: 1}, model: "Emu3-Gen, 720 px", ntp: 8190, passes: 713},
}

// parseGrid reads --grid: a name, RxC, or RxC+E with E constant tokens at the
// end of a row.
func parseGrid(text string) (knownGrid, error) {
	var names []string
	for _, k := range knownGrids {
		if k.name == text {
			return k, nil
		}
		names = append(names, k.name)
	}
	size, end, hasEnd := strings.Cut(text, "+")
	g, err := zipar.ParseGeometry(size)
	if err == nil && hasEnd {
		if g.RowEnd, err = strconv.Atoi(end); err != nil || g.RowEnd < 0 {
			err = fmt.Errorf("%q tokens at the end of a row: want a number, as in 48x48+1", end)
		} else {
			err = g.Check()
		}
	}
	if err != nil {
		return knownGrid{}, usagef("--grid: %w; known names: %s", err, strings.Join(names, ", "))
	}
	return knownGrid{grid: g}, nil
}

// count runs the schedule of a grid without a model.
func (r *benchRequest) count() (*benchReport, error) {
	known, err := parseGrid(r.grid)
	if err != nil {
		return nil, err
	}
	g := known.grid
	windows := r.windowsFor(g)
	nearest := known.nearest()
	if nearest > 0 && len(r.windows) == 0 && !slices.Contains(windows, nearest) {
		windows = append(windows, nearest)
		slices.SortFunc(windows, func(a, b int) int { return b - a })
	}
	report := &benchReport{tables: []benchTable{{keys: []string{"passes", "tokens", "passes_saved", "columns_mean", "columns_max", "published_passes"}}}}
	for _, w := range windows {
		row := countedRow(g, benchMode{window: w})
		if known.model != "" && w == g.Cols {
			row.set("published_passes", float64(known.ntp))
		}
		if w == nearest {
			row.set("published_passes", float64(known.passes))
		}
		report.rows = append(report.rows, row)
	}
	if known.model != "" {
		report.notes = known.notes(nearest)
	}
	return report, nil
}

// countedRow runs the schedule with a fixed window.
func countedRow(g zipar.Geometry, m benchMode) benchRow {
	passes, columns, widest := zipar.CountPasses(g, m.window)
	row := benchRow{benchMode: m, stats: map[string]stat{}}
	row.set("passes", float64(passes))
	row.set("tokens", float64(g.Tokens()))
	row.set("passes_saved", 1-float64(passes)/float64(g.Tokens()))
	row.set("columns_mean", float64(columns)/float64(max(1, passes-1)))
	row.set("columns_max", float64(widest))
	return row
}

// nearest is the window whose number of passes is nearest to the published
// one, 0 where there is none.
func (k knownGrid) nearest() int {
	if k.model == "" {
		return 0
	}
	best, distance := 0, 0
	for w := 1; w < k.grid.Cols; w++ {
		passes, _, _ := zipar.CountPasses(k.grid, w)
		if d := max(passes-k.passes, k.passes-passes); best == 0 || d < distance {
			best, distance = w, d
		}
	}
	return best
}

func (k knownGrid) notes(nearest int) []string {
	passes, _, _ := zipar.CountPasses(k.grid, nearest)
	notes := []string{fmt.Sprintf("published: %s, %d passes with next-token decoding and %d with the smallest window that the paper (arXiv 2412.04062) reports; window %d comes nearest to it, with %d.",
		k.model, k.ntp, k.passes, nearest, passes)}
	if k.grid.RowEnd > 0 {
		notes = append(notes, fmt.Sprintf("The paper counts %d tokens a row. The last of them is always the same, so here it is fed along with the next one and takes no pass.", k.grid.Cols+k.grid.RowEnd))
	}
	return notes
}

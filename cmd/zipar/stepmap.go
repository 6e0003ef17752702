package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/zipar/zipar/internal/figure"
	"github.com/zipar/zipar/internal/zipar"
)

// stepMap is the pass in which each token of a picture was decoded.
func stepMap(p zipar.Picture) *figure.HeatMap {
	h := &figure.HeatMap{
		Title:    "The pass that decoded each token",
		Subtitle: fmt.Sprintf("%d × %d tokens · %s · %d passes", p.Grid.Rows, p.Grid.Cols, windowsName(p), p.Passes),
		Rows:     p.Grid.Rows, Cols: p.Grid.Cols, Whole: true,
		RowName: "row", ColName: "column", Bar: "pass", Blank: "kept",
	}
	for _, pass := range p.DecodedIn {
		v := float64(pass)
		if pass == 0 {
			v = math.NaN()
		}
		h.Values = append(h.Values, v)
	}
	return h
}

// windowsName says with which windows the rows of a picture started.
func windowsName(p zipar.Picture) string {
	var windows []int
	for _, w := range p.Windows {
		if w > 0 {
			windows = append(windows, w)
		}
	}
	if len(windows) == 0 {
		return "one row"
	}
	lo, hi := slices.Min(windows), slices.Max(windows)
	switch {
	case lo == p.Grid.Cols:
		return "next-token decoding"
	case lo == hi:
		return fmt.Sprintf("window %d", lo)
	}
	return fmt.Sprintf("windows %d to %d", lo, hi)
}

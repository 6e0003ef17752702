package main

import (
	"image"
	"slices"

	"github.com/zipar/zipar/internal/chart"
)

// plotBench draws speed-up and log-likelihood over the window.
func plotBench(model string, rows []benchRow) image.Image {
	const window = "window: tokens that a row is ahead of the next"
	speed := chart.Panel{Title: "Speed-up of token decoding", XLabel: window, YLabel: "times as fast as NTP", FromZero: true, Curves: curvesOf(rows, "speed_up")}
	quality := chart.Panel{Title: "Log-likelihood of the finished picture", XLabel: window, YLabel: "nats a token", Curves: curvesOf(rows, "log_likelihood")}
	// The deviation between pictures is that of NTP's, too; what differs is
	// the change, picture by picture.
	for i, c := range curvesOf(rows, "log_likelihood_change") {
		quality.Curves[i].Deviation = c.Deviation
	}
	speed.Reference = &chart.Reference{Name: "next-token decoding (NTP)", Y: 1}
	quality.Reference = &chart.Reference{Name: speed.Reference.Name, Y: rows[0].stats["log_likelihood"].mean}
	return chart.Curves(model+": windows and next-token decoding", speed, quality)
}

// curvesOf returns a figure over the window, of fixed and of adaptive windows.
// NTP, a window of all columns, is the last of the fixed ones.
func curvesOf(rows []benchRow, key string) []chart.Curve {
	fixed, adaptive := chart.Curve{Name: "fixed windows"}, chart.Curve{Name: "adaptive windows, from this one up"}
	sorted := slices.Clone(rows)
	slices.SortStableFunc(sorted, func(a, b benchRow) int { return a.window - b.window })
	for _, r := range sorted {
		s, ok := r.stats[key]
		if !ok {
			continue
		}
		c := &fixed
		if r.adaptive {
			c = &adaptive
		}
		c.X, c.Y = append(c.X, float64(r.window)), append(c.Y, s.mean)
		if s.spread {
			c.Deviation = append(c.Deviation, s.sd)
		}
	}
	var curves []chart.Curve
	for _, c := range []chart.Curve{fixed, adaptive} {
		if len(c.X) > 0 {
			curves = append(curves, c)
		}
	}
	return curves
}

package main

import (
	"context"
	"fmt"
	"image"

	"github.com/zipar/zipar/internal/chart"
	"github.com/zipar/zipar/internal/family"
	"github.com/zipar/zipar/internal/zipar"
)

// mapAttention draws every picture with NTP and maps what decoding it attends
// to, all pictures together.
func (b *bench) mapAttention(ctx context.Context) (*benchReport, error) {
	var sum *family.AttentionMap
	for i := range b.runs() {
		c := b.conditions[i/b.repeat].Condition
		b.options.Noise = []zipar.Noise{{Seed: b.seed + uint64(i%b.repeat)}}
		b.options.Window = b.options.Grid.Cols
		b.ui.stage(fmt.Sprintf("picture %d of %d", i+1, b.runs()), b.options.Grid.Tokens())
		b.options.Observe = func(p zipar.Progress) { b.ui.step(p.Decoded, "") }
		pictures, err := zipar.Decode(ctx, b.model.Decoder(b.pool, []*family.Condition{c}), b.options)
		if err != nil {
			return nil, err
		}
		b.ui.stage("attention", b.options.Grid.Tokens())
		a, err := b.model.Attention(ctx, b.pool, c, pictures[0].Codes, func(n int) { b.ui.step(n, "") })
		b.ui.done()
		if err != nil {
			return nil, err
		}
		if sum == nil {
			sum = a
		} else {
			sum.Add(a)
		}
	}
	report := &benchReport{
		tables: []benchTable{{title: "Attention that a window leaves", keys: []string{"passes", "passes_saved", "attention_previous_row", "attention_visible"}}},
		notes:  b.attentionNotes(sum),
	}
	for _, m := range b.modesFor(sum.Grid) {
		report.rows = append(report.rows, attentionRow(sum, m, b.runs()))
	}
	report.picture = b.drawAttention(sum, report.rows)
	return report, nil
}

// attentionRow tells what a window leaves. Passes are counted by running the
// schedule.
func attentionRow(a *family.AttentionMap, m benchMode, runs int) benchRow {
	row := countedRow(a.Grid, m)
	row.set("runs", float64(runs))
	above, all := a.Window(m.window)
	row.set("attention_previous_row", above)
	row.set("attention_visible", all)
	row.set("attention_to_prefix", a.Prefix())
	row.set("attention_to_own_row", a.Row(0))
	previous := rowShare(a, 1)
	row.set("attention_to_previous_row", previous)
	row.set("attention_to_earlier_rows", max(0, 1-a.Prefix()-a.RowEnds()-a.Row(0)-previous))
	return row
}

func rowShare(a *family.AttentionMap, up int) float64 {
	if up >= a.Grid.Rows {
		return 0
	}
	return a.Row(up)
}

func (b *bench) attentionNotes(a *family.AttentionMap) []string {
	share := func(v float64) string { return number(100*v, 1) + " %" }
	notes := []string{
		b.setting() + ".",
		fmt.Sprintf("Of all attention in next-token decoding, the mean over tokens, heads, layers and pictures, without guidance, %s go to the condition, %s to the token's own row, %s to the row above and %s to the second row above.",
			share(a.Prefix()), share(a.Row(0)), share(rowShare(a, 1)), share(rowShare(a, 2))),
	}
	return append(notes, "row above: the share of the attention to the row above that goes to columns within the window, up to window-1 to the right of the token being decoded; all: the share of all attention that goes to what is decoded by then.")
}

// drawAttention draws the map, with the borders of the windows, and what they
// leave.
func (b *bench) drawAttention(a *family.AttentionMap, rows []benchRow) image.Image {
	o := chart.Offsets{
		Title: "Mean attention to a token, by its place", XLabel: "columns to the left (-) or right (+) of the token being decoded",
		Origin: "the token being decoded", Border: "with a window, what is right of its line is not known yet",
		YLabel: "rows up", ScaleLabel: "share", Rows: a.Grid.Rows, Reach: a.Grid.Cols - 1, At: a.At,
	}
	for _, r := range rows {
		if !r.ntp {
			o.Windows = append(o.Windows, r.window)
		}
	}
	title := fmt.Sprintf("%s: where the attention goes, beside the %s %% to the condition", b.model.Name(), number(100*a.Prefix(), 1))
	return chart.DrawOffsets(title, o, chart.Panel{
		Title: "Attention that a window leaves", XLabel: "window", YLabel: "%", FromZero: true,
		Curves: []chart.Curve{percent("of that to the row above", rows, "attention_previous_row"), percent("of all", rows, "attention_visible")},
	})
}

// percent is a figure over the window.
func percent(name string, rows []benchRow, key string) chart.Curve {
	c := curvesOf(rows, key)[0]
	c.Name = name
	for i := range c.Y {
		c.Y[i] *= 100
	}
	return c
}

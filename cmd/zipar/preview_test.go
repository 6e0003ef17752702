package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zipar/zipar/internal/zipar"
)

// watch feeds a views the passes of a decoding and returns the rows after
// which the preview's file changed.
func watch(t *testing.T, s *views, path string, rows, cols, window, keep int) (changed []int) {
	t.Helper()
	whole := decodedPicture(rows, cols, window, keep)
	s.begin(0, keep)
	var before []byte
	for pass := 1; pass <= whole.Passes; pass++ {
		p := zipar.Picture{Grid: whole.Grid, Codes: make([]int32, len(whole.Codes))}
		progress := zipar.Progress{Tokens: len(whole.Codes), Pictures: []zipar.Picture{p}}
		full := make([]int, rows)
		for i, in := range whole.DecodedIn {
			p.Codes[i] = -1
			if int(in) <= pass {
				p.Codes[i] = whole.Codes[i]
				progress.Decoded++
				full[i/cols]++
			}
		}
		for _, n := range full {
			if n == cols {
				progress.Rows++
			}
		}
		s.observe(context.Background(), progress)
		if now, err := os.ReadFile(path); err == nil && !bytes.Equal(now, before) {
			before = now
			changed = append(changed, progress.Rows)
		}
	}
	return changed
}

// A preview is written each time so many more rows are complete, until the
// picture itself is.
func TestPreviewInterval(t *testing.T) {
	for _, mode := range []string{previewProj, previewVAE} {
		for _, c := range []struct {
			interval, window, keep int
			want                   string
		}{
			{1, 3, 0, "[1 2 3 4 5]"}, {2, 3, 0, "[2 4]"}, {5, 8, 0, "[5]"}, {6, 3, 0, "[]"}, {9, 3, 0, "[]"},
			{1, 3, 3, "[4 5]"}, {2, 8, 3, "[5]"},
		} {
			s := tinyViews(t)
			path := filepath.Join(t.TempDir(), "p.png")
			s.viewFlags = viewFlags{preview: mode, previewPath: path, interval: c.interval}
			var err error
			if s.colour, err = s.vq.Preview(context.Background(), s.pool); err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(watch(t, s, path, 6, 8, c.window, c.keep)); got != c.want {
				t.Errorf("%s, every %d rows, window %d, %d kept: written after %s rows, want %s", mode, c.interval, c.window, c.keep, got, c.want)
			}
			if err := s.failed(); err != nil {
				t.Error(err)
			}
		}
	}
}

// A preview that cannot be written ends the previews and is told at the end.
func TestPreviewThatFails(t *testing.T) {
	s := tinyViews(t)
	path := filepath.Join(t.TempDir(), "no", "p.png")
	s.viewFlags = viewFlags{preview: previewVAE, previewPath: path, interval: 1}
	watch(t, s, path, 6, 8, 3, 0)
	if err := s.failed(); err == nil || !strings.Contains(err.Error(), "p.png") || s.drawn != 1 {
		t.Errorf("%d previews, error %v", s.drawn, err)
	}
}

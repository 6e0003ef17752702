package main

import (
	"image"
	"os"
	"time"

	"github.com/zipar/zipar/internal/terminal"
)

// openScreen finds the terminal: stderr, where all that is not asked for as
// output goes, or else stdout, unless an output goes there.
func (s *views) openScreen(stdoutTaken bool) {
	screen, ok := terminal.Open(os.Stderr, os.Getenv)
	if ok {
		s.ui.screen = screen
	} else if !stdoutTaken {
		screen, ok = terminal.Open(os.Stdout, os.Getenv)
	}
	if !ok {
		s.ui.detail("--show: nothing is shown, as neither stderr nor stdout is a terminal")
		return
	}
	s.ui.detail("--show: by %s", screen.Kind())
	s.screen = screen
}

// live says whether the screen shows the picture while it decodes.
func (s *views) live() bool { return s.screen != nil && s.screen.Live() && !s.ui.quiet }

// screenInterval keeps the terminal from doing nothing but draw.
const screenInterval = 400 * time.Millisecond

// display shows a picture in the place of the last one.
func (s *views) display(im image.Image) error {
	s.ui.clear()
	defer func() { s.lastShow = time.Now() }()
	return s.screen.Show(im)
}

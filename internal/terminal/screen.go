package terminal

import (
	"bytes"
	"image"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"
)

// A Screen shows a picture at the cursor and later ones over it, until Keep.
type Screen struct {
	kind Kind
	out  io.Writer
	size func() Size
	id   uint32 // of the picture, for kitty
	// The picture that shows has this many lines, and so many were written
	// below it.
	lines, below int
}

// Open returns the screen of a terminal, or false where a file is none.
func Open(f *os.File, getenv func(string) string) (*Screen, bool) {
	fd := int(f.Fd())
	if !term.IsTerminal(fd) {
		return nil, false
	}
	kind := Detect(getenv)
	switch {
	case !escapes(f):
		kind = Plain
	case kind == Plain && runtime.GOOS == "windows" && getenv("TERM") == "":
		// A console does not name itself. Those that obey escapes have all colours.
		kind = Blocks
	}
	size := func() Size {
		s := Size{}
		if cols, rows, err := term.GetSize(fd); err == nil {
			s.Cols, s.Rows = cols, rows
		}
		s.CellWidth, s.CellHeight = cell(f)
		return s
	}
	return newScreen(kind, f, size), true
}

func newScreen(k Kind, out io.Writer, size func() Size) *Screen {
	return &Screen{kind: k, out: out, size: size, id: newID()}
}

// newID is a number of an image that hardly any other program has chosen.
func newID() uint32 { return rand.Uint32()>>1 | 1 }

// Kind is how the screen shows pictures.
func (s *Screen) Kind() Kind { return s.kind }

// Live says whether a picture can take the place of the one before.
func (s *Screen) Live() bool { return s.kind != Plain }

// Show shows a picture at the start of the cursor's line, in the place of the
// last one if there is one, and leaves the cursor on the line below it and
// below what was written since.
func (s *Screen) Show(im image.Image) error {
	size := s.size().normal()
	cols, rows := size.fit(s.kind, im.Bounds().Dx(), im.Bounds().Dy())
	up := s.lines + s.below
	if !s.Live() || s.lines != rows || up >= size.Rows {
		// There is no picture, it has another size now, or it has scrolled
		// out of reach.
		s.Keep()
		up = 0
	}
	var b bytes.Buffer
	if up > 0 {
		b.WriteString("\r" + ansi.CursorUp(up))
	}
	if err := s.draw(&b, im, cols, rows); err != nil {
		return err
	}
	if s.below > 0 {
		b.WriteString(ansi.CursorDown(s.below))
	}
	s.lines = rows
	_, err := s.out.Write(b.Bytes())
	return err
}

// draw writes a picture and ends on the line below it.
func (s *Screen) draw(b *bytes.Buffer, im image.Image, cols, rows int) (err error) {
	switch s.kind {
	case Blocks:
		blocks(b, im, cols, rows, sgr24)
		return nil
	case Blocks256:
		blocks(b, im, cols, rows, sgr256)
		return nil
	case Plain, Shades:
		shades(b, im, cols, rows)
		return nil
	}
	// Room first, so that nothing scrolls while the picture is drawn.
	b.WriteString(strings.Repeat("\n", rows) + ansi.CursorUp(rows) + ansi.SaveCursor)
	if s.kind == Kitty {
		err = kittyImage(b, im, cols, rows, s.id)
	} else {
		err = itermImage(b, im, cols, rows)
	}
	b.WriteString(ansi.RestoreCursor + "\r" + ansi.CursorDown(rows))
	return err
}

// Wrote tells that a text was written below the picture.
func (s *Screen) Wrote(text string) {
	cols := s.size().normal().Cols
	for line := range strings.Lines(text) {
		s.below += max(1, (ansi.StringWidth(line)+cols-1)/cols)
	}
}

// Keep leaves the picture where it is: the next one is shown below.
func (s *Screen) Keep() {
	if s.lines > 0 {
		s.id = newID()
	}
	s.lines, s.below = 0, 0
}

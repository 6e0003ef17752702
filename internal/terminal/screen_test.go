package terminal

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"os"
	"strconv"
	"strings"
	"testing"
)

// emulator is a terminal of so many rows that knows what screens use: text,
// \r, \n and moves up and down.
type emulator struct {
	t         *testing.T
	rows      int
	lines     []string // what has scrolled out, too
	top       int      // the first line that shows
	row, col  int      // of the cursor, from the top
	sequences []string
}

func (e *emulator) Write(p []byte) (int, error) {
	text := []rune(string(p))
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '\r':
			e.col = 0
		case '\n':
			e.col = 0
			if e.row++; e.row == e.rows {
				e.row--
				e.top++
			}
		case '\x1b':
			end := i + 1
			if text[end] != '[' {
				e.t.Fatalf("escape %q", text[i:])
			}
			for end++; text[end] < '@'; end++ {
			}
			e.escape(string(text[i+2:end]), text[end])
			i = end
		default:
			for len(e.lines) <= e.top+e.row {
				e.lines = append(e.lines, "")
			}
			line := &e.lines[e.top+e.row]
			for len(*line) <= e.col {
				*line += " "
			}
			if c > 127 {
				c = '^'
			}
			*line = (*line)[:e.col] + string(c) + (*line)[e.col+1:]
			e.col++
		}
	}
	return len(p), nil
}

func (e *emulator) escape(args string, final rune) {
	n, _ := strconv.Atoi(args)
	switch final {
	case 'A':
		if e.row -= max(1, n); e.row < 0 {
			e.t.Fatal("the cursor left the screen")
		}
	case 'B':
		e.row = min(e.row+max(1, n), e.rows-1)
	case 'm':
	default:
		e.t.Fatalf("escape %q %q", args, final)
	}
	e.sequences = append(e.sequences, args+string(final))
}

func (e *emulator) String() string { return strings.Join(e.lines, "\n") }

// grey is a picture of 2 x 4 pixels of one shade.
func grey(v uint8) *image.NRGBA {
	im := image.NewNRGBA(image.Rect(0, 0, 2, 4))
	for y := range 4 {
		for x := range 2 {
			im.SetNRGBA(x, y, color.NRGBA{v, v, v, 255})
		}
	}
	return im
}

func TestScreenDrawsInPlace(t *testing.T) {
	e := &emulator{t: t, rows: 10}
	size := Size{20, 10, 10, 20}
	s := newScreen(Shades, e, func() Size { return size })
	show := func(v uint8, want ...string) {
		t.Helper()
		if err := s.Show(grey(v)); err != nil {
			t.Fatal(err)
		}
		if got := e.String(); got != strings.Join(want, "\n") {
			t.Fatalf("the terminal shows\n%s\nwant\n%s", got, strings.Join(want, "\n"))
		}
		if e.col != 0 {
			t.Errorf("the cursor is in column %d", e.col)
		}
	}
	say := func(text string) {
		s.Wrote(text)
		if _, err := e.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	show(0, "  ", "  ")
	show(255, "@@", "@@")
	say("zipar: done\n")
	show(140, "++", "++", "zipar: done")
	say("and more\n")
	show(255, "@@", "@@", "zipar: done", "and more")
	s.Keep()
	show(140, "@@", "@@", "zipar: done", "and more", "++", "++")
	// Long lines take several rows; a picture out of reach is drawn anew.
	s.Wrote(strings.Repeat("x", 41) + "\nlast\n")
	if s.below != 4 {
		t.Errorf("%d lines below", s.below)
	}
	s.below = 0
	for range 8 {
		say("x\n")
	}
	show(255, "@@", "@@", "zipar: done", "and more", "++", "++", "x", "x", "x", "x", "x", "x", "x", "x", "@@", "@@")
	// A terminal that was made smaller.
	size.Rows = 3
	show(140, "@@", "@@", "zipar: done", "and more", "++", "++", "x", "x", "x", "x", "x", "x", "x", "x", "@@", "@@", "+")
}

// Characters by brightness have no colours, and a dumb terminal gets no escapes.
func TestScreenWithoutColours(t *testing.T) {
	for _, k := range []Kind{Shades, Plain} {
		var b bytes.Buffer
		s := newScreen(k, &b, func() Size { return Size{} })
		for range 2 {
			if err := s.Show(small()); err != nil {
				t.Fatal(err)
			}
		}
		want := ": \n\r\x1b[A: \n"
		if k == Plain {
			want = ": \n: \n"
		}
		// The columns' brightness is the mean of red and blue, of green and grey.
		want = strings.ReplaceAll(want, ": ", string([]byte{ramp[(76+29)/2*10/256], ramp[(117+128)/2*10/256]}))
		if b.String() != want {
			t.Errorf("kind %v writes %q, want %q", k, b.String(), want)
		}
		if s.Live() != (k == Shades) {
			t.Errorf("kind %v is live: %v", k, s.Live())
		}
	}
}

// Protocol images are drawn into lines that are made free first, and the
// cursor ends below them.
func TestScreenOfProtocolImages(t *testing.T) {
	for _, k := range []Kind{Kitty, ITerm2} {
		var b bytes.Buffer
		s := newScreen(k, &b, func() Size { return Size{80, 24, 1, 1} })
		id := s.id
		if err := s.Show(small()); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); !strings.HasPrefix(got, "\n\n\x1b[2A\x1b7\x1b") || !strings.HasSuffix(got, "\x1b8\r\x1b[2B") {
			t.Errorf("%v: %q", k, got)
		}
		b.Reset()
		if err := s.Show(small()); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); !strings.HasPrefix(got, "\r\x1b[2A\n\n\x1b[2A\x1b7\x1b") {
			t.Errorf("%v, again: %q", k, got)
		}
		if s.id != id {
			t.Errorf("%v: a picture in the same place has another id", k)
		}
		if s.Keep(); s.id == id {
			t.Errorf("%v: a new picture would replace the one that was kept", k)
		}
	}
}

func TestScreenReportsAFailedWrite(t *testing.T) {
	s := newScreen(Blocks, failing{}, func() Size { return Size{} })
	if err := s.Show(small()); !errors.Is(err, errFailing) {
		t.Errorf("error %v", err)
	}
}

var errFailing = errors.New("no room")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFailing }

func TestAFileIsNoScreen(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, ok := Open(f, os.Getenv); ok {
		t.Error("a file is taken for a terminal")
	}
}

package t5

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// gunzip returns the contents of a gzipped test file.
func gunzip(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// lines returns the lines of a gzipped test file.
func lines(t testing.TB, name string) []string {
	t.Helper()
	return strings.Split(strings.TrimSuffix(string(gunzip(t, name)), "\n"), "\n")
}

// A nastyLine is a line of nasty input and what becomes of it. Official is
// there only where the official function does more: it repairs mojibake.
type nastyLine struct {
	About, In, Out string
	Official       *string
}

func nastyPage(t testing.TB) []nastyLine {
	t.Helper()
	data, err := os.ReadFile("testdata/clean_nasty.json")
	if err != nil {
		t.Fatal(err)
	}
	var page []nastyLine
	if err := json.Unmarshal(data, &page); err != nil {
		t.Fatal(err)
	}
	return page
}

func TestCleanNastyInput(t *testing.T) {
	page := nastyPage(t)
	if len(page) < 300 {
		t.Fatalf("%d lines, want at least 300", len(page))
	}
	differ := 0
	for _, line := range page {
		if got := Clean(line.In); got != line.Out {
			t.Errorf("%s: Clean(%+q) = %+q, want %+q", line.About, line.In, got, line.Out)
		}
		if line.Official != nil && *line.Official != line.Out {
			differ++
		}
		if line.Official != nil && line.About != "mojibake" {
			t.Errorf("%s: %+q differs from the official output", line.About, line.In)
		}
	}
	if differ != 2 {
		t.Errorf("%d lines of mojibake differ from the official output, want 2", differ)
	}
}

func TestCleanCaptions(t *testing.T) {
	captions := lines(t, "captions.txt.gz")
	want := lines(t, "clean_captions.txt.gz")
	if len(want) < 1600 {
		t.Fatalf("%d captions, want at least 1600", len(want))
	}
	for i, w := range want {
		if got := Clean(captions[i]); got != w {
			t.Errorf("Clean(%q) = %q, want %q", captions[i], got, w)
		}
	}
	// Other sets of prompts, as clean.py writes them.
	files, err := filepath.Glob("testdata/clean_*.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		var pairs [][2]string
		if err := json.Unmarshal(gunzip(t, filepath.Base(file)), &pairs); err != nil {
			t.Fatal(err)
		}
		for _, pair := range pairs {
			if got := Clean(pair[0]); got != pair[1] {
				t.Errorf("%s: Clean(%q) = %q, want %q", file, pair[0], got, pair[1])
			}
		}
	}
}

func TestCleanTwice(t *testing.T) {
	for _, c := range []struct{ in, once, want string }{
		{"cat&#37;41", "cat%41", "cata"},
		{"&lt;b&gt;x&lt;i&gt;", "<b>x<i>", "x"},
		{"%252541", "%2541", "%41"}, // a third pass would make it "a"
	} {
		if got := string(cleanOnce([]rune(c.in))); got != c.once {
			t.Errorf("once: %q, want %q", got, c.once)
		}
		if got := Clean(c.in); got != c.want {
			t.Errorf("Clean(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

// Where the official function raises an exception, Clean goes on.
func TestCleanWhereOfficialFails(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"a <![oops> b", "a b"},
		{"a <![1> b", "a b"},
		{"a <![ b", "a <! b"},
		{"a <![if", "a <! if"},
		{"a &#" + strings.Repeat("1", 5000) + "; b", "a \ufffd b"},
	} {
		if got := Clean(c.in); got != c.want {
			t.Errorf("Clean(%.20q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestCleanBoundsRounds(t *testing.T) {
	deep := func(n int) string { return "＆" + strings.Repeat("amp;", n) + "lt;" }
	if got := Clean(deep(maxRounds - 4)); got != "<" {
		t.Errorf("Clean of %d levels = %q, want <", maxRounds-4, got)
	}
	if got := Clean(deep(500)); !strings.Contains(got, "amp;") {
		t.Errorf("Clean of 500 levels = %q, want some left", got)
	}
}

func TestCleanInvalidUTF8(t *testing.T) {
	if got := Clean("a\xff\xfeb \xe2\x82"); got != "a\ufffd\ufffdb \ufffd\ufffd" {
		t.Errorf("got %q", got)
	}
}

func TestCleanOff(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"  A <b>Cat</b>  &amp; http://x.com\n", "a <b>cat</b>  &amp; http://x.com"},
		{"\u2003İΣ\u00a0", "i\u0307ς"},
		{"\xff", "\ufffd"},
		{"", ""},
	} {
		if got := CleanOff(c.in); got != c.want {
			t.Errorf("CleanOff(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, line := range nastyPage(f) {
		f.Add(line.In)
	}
	for _, part := range hostile {
		f.Add(strings.Repeat(part, 3))
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range []string{Clean(s), CleanOff(s)} {
			if !utf8.ValidString(got) {
				t.Errorf("%q: not UTF-8: %q", s, got)
			}
			if trimmed := string(strip([]rune(got))); trimmed != got {
				t.Errorf("%q: white space around %q", s, got)
			}
		}
	})
}

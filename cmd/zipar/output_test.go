package main

import (
	"bytes"
	"testing"
)

func TestNumbered(t *testing.T) {
	for _, c := range []struct {
		path string
		i, n int
		want string
	}{
		{"x.png", 0, 1, "x.png"},
		{"x.png", 1, 3, "x-2.png"},
		{"a.b/x", 0, 2, "a.b/x-1"},
		{"-", 1, 3, "-"},
		{"out/%03d.png", 6, 9, "out/007.png"},
		{"%d.png", 0, 1, "1.png"},
		{"%2d.png", 0, 1, " 1.png"},
		{"%d/%02d.png", 11, 20, "12/12.png"},
		{"%d.png", 1233, 2000, "1234.png"},
		// Other signs of per cent are only that.
		{"100%.png", 0, 1, "100%.png"},
		{"100%.png", 0, 2, "100%-1.png"},
		{"%s%v%000d%999d%-3d.png", 0, 1, "%s%v%000d%999d%-3d.png"},
	} {
		if got := numbered(c.path, c.i, c.n); got != c.want {
			t.Errorf("numbered(%q, %d, %d) = %q, want %q", c.path, c.i, c.n, got, c.want)
		}
	}
}

func TestTextsAreHarmless(t *testing.T) {
	var b bytes.Buffer
	printText(&b, "K\x1b[2Jey", "grün 苹果\n\x1b]0;title\x07 \u202eabc\u200b\r\n\u0085")
	want := "K\\u001b[2Jey         grün 苹果\n" +
		"                     \\u001b]0;title\\u0007 \\u202eabc\u200b\\u000d\n" +
		"                     \\u0085\n"
	if got := b.String(); got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

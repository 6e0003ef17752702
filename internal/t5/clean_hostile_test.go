package t5

import (
	"strings"
	"testing"
	"time"
)

// hostile lists texts that, repeated, make the official regular expressions
// and parser, or a careless version of them, look at the same text again and
// again.
var hostile = []string{
	"a", "a-", "a.", ".", "-", "a.com/", ".com", "a@", "a.co@", "http:", "www:", "x/-", "1.", "1.1.1.1", "1:23 ",
	"1", "#1", "#", "12345678", " ", "\t\n", " .", ". ", "a:", " :", ": ", "a :", "a  ", ",a", "/a",
	"<", "<a", "<a ", "<a b=", "<a b='", "<a b=\"", "<a b='<a c=\"", "<a b=<a/b", "<a/", "<a\x00", "<a b =='", "<a'\"",
	"</", "</a", "</a ", "</ a", "<!", "<!-", "<!--", "<!---", "<!-- -- ", "<?", "<![", "<![cdata[", "<![if ", "<![cdata[] ]", "<!doctype ",
	"<a>", "<br>", "</br>", "<rt>", "<script>", "<script></ ", "<pre>", "<a></b>", "<b></a>",
	"&", "&a", "&a-", "&#", "&#1", "&#x", "&#;", "&amp", "&amp;", "&amp;amp;", "&lt;", "&abcdefghijklmnopqrstuvwxyz",
	"＆amp;", "＆", "amp;", "#38;", "＆＃３８；", "&#xff06;", "&#65286;amp;", "\x1b[", "\x1b[1", "\x1b[1;", "%", "%4", "%41", "%e2", "%25",
	"free ", "worldwide ", "worldwide free ", "download free ", "click on ", "page ", "page 1", "png image ", ".png", "x.png", "1x1", "1.x1.",
	"a1", "1a", "a1a1", "a1a1é", "aé", "'", "\"'", "''a", "_", "_-", "Σ", "Σ'", "ΑΣ", "\u0301", "e\u0301", "\u0301\u0323", "\u0323\u0301", "각", "ᄀ", "文", "\u2028", "\r", "\r\n", "ﬄ", "İ",
}

// worst lists those of them that did take quadratic time in some version, or
// do in the official one, with and without an end.
var worst = []string{
	"a-", "a.", "a@", ".co@", " ", "1", "1.", "<a", "<a ", "<a b='", "<a b=<a/b", "<a'\"", "</a", "<!--", "<![cdata[", "<script></ ",
	"&#", "&a", "&amp;amp;", "＆amp;", "\x1b[1;", "free ", "page 1", "a1", "Σ'", "\u0301\u0323",
}

// TestCleanLinear cleans 100 KB of each of the worst, and of all together:
// without quadratic steps that takes a few hundredths of a second each, with
// one many seconds.
func TestCleanLinear(t *testing.T) {
	const size, most = 100_000, 3 * time.Second
	check := func(what, text string) {
		start := time.Now()
		Clean(text)
		if d := time.Since(start); d > most {
			t.Errorf("%d bytes of %q: %v, limit %v", len(text), what, d, most)
		}
	}
	for _, part := range worst {
		check(part, strings.Repeat(part, size/len(part)))
	}
	var all strings.Builder
	for _, part := range hostile {
		all.WriteString(strings.Repeat(part, size/len(hostile)/len(part)))
	}
	check("all", all.String())
	check("all and an end", "＆"+all.String()+" x>y;")
}

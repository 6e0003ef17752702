package t5

// HTML character references as Python's html.unescape, BeautifulSoup and ftfy
// each read them. The table of names is the one inside Go's html package,
// asked one name at a time, since the package does not export it.

import (
	"html"
	"strings"
	"unicode/utf8"
)

// entityNamed is the text of the HTML5 entity name, given without & and with
// its semicolon if it has one ("amp;", "amp"). name does not start with #.
func entityNamed(name string) (string, bool) {
	switch name { // the two that Go leaves out
	case "nGt;":
		return "\u226b\u20d2", true
	case "nLt;":
		return "\u226a\u20d2", true
	}
	text := html.UnescapeString("&" + name)
	// A name that Go knows only by a prefix ("ampx;" by "amp") leaves the rest
	// behind: with the semicolon that makes three code points or more, without
	// it two. Entities have one or two, those without a semicolon just one.
	most := 2
	if !strings.HasSuffix(name, ";") {
		most = 1
	}
	if n := utf8.RuneCountInString(text); n == 0 || n > most || strings.HasPrefix(text, "&"+name) {
		return "", false
	}
	return text, true
}

// Names without a semicolon have 2 to 6 letters.
const (
	shortestBareName = 2
	longestBareName  = 6
)

// charrefC1 gives the characters that references to 80-9F mean in HTML: those
// of Windows-1252. Zero stands for the five that it leaves undefined.
var charrefC1 = [32]rune{
	0x20ac, 0, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0, 0x17d, 0,
	0, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0, 0x17e, 0x178,
}

// windows1252 reads r, one of 80-9F, as Windows-1252; undefined ones stay.
func windows1252(r rune) rune {
	if w := charrefC1[r-0x80]; w != 0 {
		return w
	}
	return r
}

const beyondUnicode = 0x110000

// parseCharref reads the digits of a numeric reference; values past Unicode,
// of whatever length, come out as beyondUnicode.
func parseCharref(digits []rune, base int) int {
	n := 0
	for _, d := range digits {
		if n = n*base + hexValue(d); n >= beyondUnicode {
			return beyondUnicode
		}
	}
	return n
}

func surrogate(n int) bool { return n >= 0xd800 && n <= 0xdfff }

// charrefPlain is the text of the numeric reference n as html.unescape has it:
// nothing for control and non-characters.
func charrefPlain(n int) string {
	switch {
	case n == 0 || surrogate(n) || n >= beyondUnicode:
		return "\ufffd"
	case n >= 0x80 && n <= 0x9f:
		return string(windows1252(rune(n)))
	case n < 0x20 && n != '\t' && n != '\n' && n != '\f' && n != '\r',
		n == 0x7f, n >= 0xfdd0 && n <= 0xfdef, n&0xfffe == 0xfffe:
		return ""
	}
	return string(rune(n))
}

// charrefMarkup is the text of the numeric reference n as BeautifulSoup has
// it, which keeps control and non-characters.
func charrefMarkup(n int) rune {
	switch {
	case n == 0 || surrogate(n) || n >= beyondUnicode:
		return utf8.RuneError
	case n >= 0x80 && n <= 0x9f:
		return windows1252(rune(n))
	}
	return rune(n)
}

// unescape is Python's html.unescape: one pass over the references in s, the
// semicolon optional, names by their longest known prefix.
func unescape(s []rune) []rune {
	out := make([]rune, 0, len(s))
	for i := 0; i < len(s); {
		if s[i] != '&' {
			out = append(out, s[i])
			i++
			continue
		}
		text, n := reference(s[i+1:])
		out = append(out, []rune(text)...)
		i += 1 + n
	}
	return out
}

// reference reads the reference whose & lies before s, and returns its text
// and its length in s; a plain & has the text "&" and the length 0.
func reference(s []rune) (text string, n int) {
	if len(s) > 1 && s[0] == '#' {
		digits, end, base := 1, 1, 10
		if s[1] == 'x' || s[1] == 'X' {
			digits, base = 2, 16
		}
		for end = digits; end < len(s); end++ {
			if v := hexValue(s[end]); v < 0 || v >= base {
				break
			}
		}
		if end == digits {
			return "&", 0
		}
		text = charrefPlain(parseCharref(s[digits:end], base))
		if end < len(s) && s[end] == ';' {
			end++
		}
		return text, end
	}
	const longest = 32 // what html.unescape looks at; the longest name has 31 letters
	end := 0
	for end < len(s) && end < longest && !strings.ContainsRune("\t\n\f <&#;", s[end]) {
		end++
	}
	if end == 0 {
		return "&", 0
	}
	if end < len(s) && s[end] == ';' {
		end++
	}
	name := string(s[:end])
	if text, ok := entityNamed(name); ok {
		return text, end
	}
	for k := min(end-1, longestBareName); k >= shortestBareName; k-- {
		if text, ok := entityNamed(string(s[:k])); ok {
			return text, k
		}
	}
	return "&", 0
}

// strictReference is the text of the reference ref ("&name;", "&#1;") as ftfy
// reads it: the whole of it or nothing, and names in capitals too when their
// small letters make a name ("&EACUTE;"). ref matches &#?[0-9A-Za-z]{1,24};
func strictReference(ref []rune) (string, bool) {
	body := ref[1:]
	if body[0] == '#' {
		text, n := reference(body)
		return text, n == len(body) && text != ";"
	}
	if text, ok := entityNamed(string(body)); ok {
		return text, true
	}
	small := strings.ToLower(string(body))
	if strings.ToUpper(small) != string(body) || small == string(body) {
		return "", false
	}
	if _, n := reference(body); n != 0 { // "&AMPERE;": &AMP and some more
		return "", false
	}
	text, ok := entityNamed(small)
	return upper(text), ok
}

// upper is str.upper for the texts of entities with names in small letters.
func upper(text string) string {
	if whole, ok := upperWhole[text]; ok {
		return whole
	}
	return strings.ToUpper(text)
}

// upperWhole lists the texts whose capitals are more than one code point.
var upperWhole = map[string]string{
	"ß": "SS", "ŉ": "ʼN", "ﬀ": "FF", "ﬁ": "FI", "ﬂ": "FL", "ﬃ": "FFI", "ﬄ": "FFL",
}

package t5

// Cleaning rules for punctuation and ideographs.

import "slices"

// cjk reports whether r lies in one of the seven blocks of CJK strokes,
// phonetic extensions, enclosed letters, compatibility characters, hexagrams
// and ideographs that are dropped: they follow one another without a gap.
func cjk(r rune) bool { return r >= 0x31c0 && r <= 0x9fff }

// dash reports whether r is one of the dashes.
func dash(r rune) bool {
	switch r {
	case '-', 0x58a, 0x5be, 0x1400, 0x1806, 0x2e17, 0x2e1a, 0x2e3a, 0x2e3b, 0x2e40,
		0x301c, 0x3030, 0x30a0, 0xfe31, 0xfe32, 0xfe58, 0xfe63, 0xff0d:
		return true
	}
	return r >= 0x2010 && r <= 0x2015
}

// straightQuotes makes typographical quotes and accents plain ones, in place.
func straightQuotes(s []rune) []rune {
	for i, r := range s {
		switch r {
		case '`', '´', '«', '»', '“', '”', '¨':
			s[i] = '"'
		case '‘', '’':
			s[i] = '\''
		}
	}
	return s
}

// quotReference matches &quot;?
func quotReference(s []rune, i int) int {
	switch {
	case hasPrefix(s, i, "&quot;"):
		return i + len("&quot;")
	case hasPrefix(s, i, "&quot"):
		return i + len("&quot")
	}
	return 0
}

func quote(r rune) bool { return r == '"' || r == '\'' }

func fullStop(r rune) bool { return r == '.' }

// badPunctuation reports whether r is one of the signs that become spaces.
func badPunctuation(r rune) bool {
	switch r {
	case '#', '®', '•', '©', '™', '&', '@', '·', 'º', '½', '¾', '¿', '¡', '§', '~',
		')', '(', ']', '[', '}', '{', '|', '\\', '/', '*':
		return true
	}
	return false
}

// loneStop matches \s+\.\s+
func loneStop(s []rune, i int) int {
	if !isSpace(s[i]) || i > 0 && isSpace(s[i-1]) {
		return 0
	}
	stop := skip(s, i, isSpace)
	if !hasPrefix(s, stop, ".") || !space(s, stop+1) {
		return 0
	}
	return skip(s, stop+1, isSpace)
}

// openJoins makes every hyphen and underscore a space if s has more than
// three of them, as in this-is-my-cute-cat.
func openJoins(s []rune) []rune {
	join := func(r rune) bool { return r == '-' || r == '_' }
	n := 0
	for _, r := range s {
		if join(r) {
			n++
		}
	}
	if n <= 3 {
		return s
	}
	for i, r := range s {
		if join(r) {
			s[i] = ' '
		}
	}
	return s
}

// looseColon matches \b\s+\:\s+
func looseColon(s []rune, i int) int {
	if i == 0 || !isSpace(s[i]) || !isWord(s[i-1]) {
		return 0
	}
	colon := skip(s, i, isSpace)
	if !hasPrefix(s, colon, ":") || !space(s, colon+1) {
		return 0
	}
	return skip(s, colon+1, isSpace)
}

// spacePunctuation puts a space after a comma, full stop or slash that follows
// anything but a digit and stands right before a word: (\D[,\./])\b
func spacePunctuation(s []rune) []rune {
	out := make([]rune, 0, len(s))
	for i, r := range s {
		out = append(out, r)
		if (r == ',' || r == '.' || r == '/') && i > 0 && !isDigit(s[i-1]) && wordAt(s, i+1) {
			out = append(out, ' ')
		}
	}
	return out
}

// trimEnds drops a pair of quotes around s, then one stray sign at either end,
// then s itself if it is a lone ".word".
func trimEnds(s []rune) []rune {
	if n := len(s); n >= 3 && quote(s[0]) && quote(s[n-1]) {
		s = s[1 : n-1]
	}
	if len(s) > 0 && slices.Contains([]rune(`'_,-:;`), s[0]) {
		s = s[1:]
	}
	if n := len(s); n > 0 && slices.Contains([]rune(`'_,-:+`), s[n-1]) {
		s = s[:n-1]
	}
	if len(s) > 1 && s[0] == '.' && !slices.ContainsFunc(s, isSpace) {
		return nil
	}
	return s
}

package t5

// Repair of text, after ftfy.fix_text 6.3.1 with its defaults. Mojibake, text
// decoded in the wrong encoding ("donâ€™t"), is left as it is; the rest is
// done: character references, C1 controls read as Windows-1252, Latin
// ligatures, full-width and half-width forms, curly quotes, line ends,
// terminal escapes, control characters and the byte order mark, and form NFC.

import (
	"slices"

	"golang.org/x/text/unicode/norm"
)

// maxSegment is the most that ftfy repairs at once, when there is no line end.
const maxSegment = 1000000

// maxRounds bounds how often the repairs of a segment are repeated until
// nothing changes: the official function goes on for as many levels of
// escaping as there are.
const maxRounds = 32

// fixText repairs each line of s. Character references are taken for such up
// to the first line with a "<": from there on the text may be markup.
func fixText(s []rune) []rune {
	out := make([]rune, 0, len(s))
	plain := true
	for len(s) > 0 {
		end := slices.Index(s, '\n') + 1
		if end == 0 {
			end = len(s)
		}
		end = min(end, maxSegment)
		plain = plain && !slices.Contains(s[:end], '<')
		out = append(out, fixSegment(s[:end], plain)...)
		s = s[end:]
	}
	return out
}

func fixSegment(s []rune, references bool) []rune {
	for range maxRounds {
		fixed := s
		if references {
			fixed = decodeReferences(fixed)
		}
		fixed = nfc(dropControls(dropEscapes(unixLines(mapCharacters(fixed)))))
		if slices.Equal(fixed, s) {
			return fixed
		}
		s = fixed
	}
	return s
}

// decodeReferences decodes the character references that end in a semicolon.
func decodeReferences(s []rune) []rune {
	if !slices.Contains(s, '&') {
		return s
	}
	return replace(s, func(s []rune, i int) (int, string) {
		const longest = 24
		if s[i] != '&' {
			return 0, ""
		}
		name := i + 1
		if hasPrefix(s, name, "#") {
			name++
		}
		end := name
		for end < len(s) && end-name <= longest && isAlnum(s[end]) {
			end++
		}
		if end == name || end-name > longest || !hasPrefix(s, end, ";") {
			return 0, ""
		}
		text, ok := strictReference(s[i : end+1])
		if !ok {
			return 0, ""
		}
		return end + 1, text
	})
}

// mapCharacters replaces single characters.
func mapCharacters(s []rune) []rune {
	out := make([]rune, 0, len(s))
	for _, r := range s {
		switch {
		case r < 0x80:
			out = append(out, r)
		case r <= 0x9f:
			out = append(out, windows1252(r))
		case r == 0x3000:
			out = append(out, ' ')
		case r >= 0xff01 && r <= 0xffef:
			out = append(out, []rune(norm.NFKC.String(string(r)))...)
		case r == 0x2bc || r >= 0x2018 && r <= 0x201b:
			out = append(out, '\'')
		case r >= 0x201c && r <= 0x201f:
			out = append(out, '"')
		case r == 0x149:
			out = append(out, '\'', 'n') // its apostrophe is a curly one
		default:
			if parts, ok := ligatures[r]; ok {
				out = append(out, []rune(parts)...)
			} else {
				out = append(out, r)
			}
		}
	}
	return out
}

// ligatures are the Latin ones, typographical and of old encodings.
var ligatures = map[rune]string{
	'Ĳ': "IJ", 'ĳ': "ij", 'Ǳ': "DZ", 'ǲ': "Dz", 'ǳ': "dz", 'Ǆ': "DŽ", 'ǅ': "Dž", 'ǆ': "dž",
	'Ǉ': "LJ", 'ǈ': "Lj", 'ǉ': "lj", 'Ǌ': "NJ", 'ǋ': "Nj", 'ǌ': "nj",
	'ﬀ': "ff", 'ﬁ': "fi", 'ﬂ': "fl", 'ﬃ': "ffi", 'ﬄ': "ffl", 'ﬅ': "ſt", 'ﬆ': "st",
}

// unixLines makes every kind of line end a line feed.
func unixLines(s []rune) []rune {
	return replace(s, func(s []rune, i int) (int, string) {
		switch s[i] {
		case '\r':
			if hasPrefix(s, i+1, "\n") {
				return i + 2, "\n"
			}
			return i + 1, "\n"
		case 0x2028, 0x2029:
			return i + 1, "\n"
		}
		return 0, ""
	})
}

// dropEscapes drops terminal escapes such as those for colours.
func dropEscapes(s []rune) []rune {
	return drop(s, func(s []rune, i int) int {
		if !hasPrefix(s, i, "\x1b[") {
			return 0
		}
		end := skip(s, i+2, func(r rune) bool { return isDigit(r) || r == ';' })
		if end == len(s) || !isLetter(s[end]) {
			return 0
		}
		return end + 1
	})
}

// dropControls drops control characters without effect on the text, the byte
// order mark among them.
func dropControls(s []rune) []rune {
	return slices.DeleteFunc(slices.Clone(s), func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' && r != '\f' && r != '\r' || r == 0x7f ||
			r >= 0x206a && r <= 0x206f || r == 0xfeff || r >= 0xfff9 && r <= 0xfffc
	})
}

package t5

// The single rules of the prompt cleaning, each a regular expression of the
// official code written out by hand. A rule runs in time linear in the text.

import "slices"

// replace goes through s as re.sub does; without a match it returns s itself. match returns the end of the match
// that starts at s[i] and what to put in its place, or an end of 0.
func replace(s []rune, match func(s []rune, i int) (end int, with string)) []rune {
	var out []rune
	kept := 0 // s[:kept] is in out
	for i := 0; i < len(s); {
		end, with := match(s, i)
		if end == 0 {
			i++
			continue
		}
		if out == nil {
			out = make([]rune, 0, len(s))
		}
		out = append(append(out, s[kept:i]...), []rune(with)...)
		i, kept = end, end
	}
	if kept == 0 {
		return s
	}
	return append(out, s[kept:]...)
}

// substitute replaces each match by the same text.
func substitute(s []rune, with string, match func(s []rune, i int) int) []rune {
	return replace(s, func(s []rune, i int) (int, string) { return match(s, i), with })
}

// drop drops each match.
func drop(s []rune, match func(s []rune, i int) int) []rune { return substitute(s, "", match) }

// literal matches the text lit.
func literal(lit string) func(s []rune, i int) int {
	return func(s []rune, i int) int {
		if hasPrefix(s, i, lit) {
			return i + len(lit)
		}
		return 0
	}
}

// run matches min or more runes in a row that satisfy is.
func run(least int, is func(rune) bool) func(s []rune, i int) int {
	return func(s []rune, i int) int {
		if end := skip(s, i, is); end-i >= least {
			return end
		}
		return 0
	}
}

func space(s []rune, i int) bool { return i < len(s) && isSpace(s[i]) }

func wordAt(s []rune, i int) bool { return i < len(s) && isWord(s[i]) }

// skipDigits returns the end of the decimal digits from i, at most most.
func skipDigits(s []rune, i, most int) int {
	end := i
	for end < len(s) && end-i < most && isDigit(s[end]) {
		end++
	}
	return end
}

// nickname matches @name: @[\w\d]+\b
func nickname(s []rune, i int) int {
	if s[i] != '@' || !wordAt(s, i+1) {
		return 0
	}
	return skip(s, i+1, isWord)
}

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

// ipAddress matches \d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}
func ipAddress(s []rune, i int) int {
	for part := 0; ; part++ {
		end := skipDigits(s, i, 3)
		if end == i {
			return 0
		}
		if part == 3 {
			return end
		}
		if !hasPrefix(s, end, ".") {
			return 0
		}
		i = end + 1
	}
}

// dropArticleID drops d:dd and the white space after it at the end of s, if
// there is white space: \d:\d\d\s+$
func dropArticleID(s []rune) []rune {
	end := len(s)
	for end > 0 && isSpace(s[end-1]) {
		end--
	}
	if end == len(s) || end < 4 || !isDigit(s[end-1]) || !isDigit(s[end-2]) || s[end-3] != ':' || !isDigit(s[end-4]) {
		return s
	}
	return s[:end-4]
}

// shortNumber matches #\d{1,3}\b
func shortNumber(s []rune, i int) int {
	if end := skipDigits(s, i+1, 3); s[i] == '#' && end > i+1 && !wordAt(s, end) {
		return end
	}
	return 0
}

// longNumber matches #\d{5,}\b
func longNumber(s []rune, i int) int {
	if s[i] != '#' {
		return 0
	}
	if end := skip(s, i+1, isDigit); end-i-1 >= 5 && !wordAt(s, end) {
		return end
	}
	return 0
}

// bareNumber matches \b\d{6,}\b
func bareNumber(s []rune, i int) int {
	if !boundary(s, i) {
		return 0
	}
	if end := skip(s, i, isDigit); end-i >= 6 && !wordAt(s, end) {
		return end
	}
	return 0
}

var fileTypes = []string{"png", "jpg", "jpeg", "bmp", "webp", "eps", "pdf", "apk", "mp4"}

// dropFileNames drops file names: in each run without white space everything
// up to its last ".png" or the like, unless that starts the run.
// [\S]+\.(?:png|jpg|jpeg|bmp|webp|eps|pdf|apk|mp4)
func dropFileNames(s []rune) []rune {
	out := make([]rune, 0, len(s))
	for i := 0; i < len(s); {
		if isSpace(s[i]) {
			out = append(out, s[i])
			i++
			continue
		}
		end := skip(s, i, func(r rune) bool { return !isSpace(r) })
		for dot := end - 1; dot > i; dot-- {
			if n := oneOf(s, dot+1, fileTypes); s[dot] == '.' && n > 0 {
				i = dot + 1 + n
				break
			}
		}
		out = append(out, s[i:end]...)
		i = end
	}
	return out
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

// word matches a whole word that is made of the given runs, at least one of
// each kind.
func word(kinds ...func(rune) bool) func(s []rune, i int) int {
	return func(s []rune, i int) int {
		if !boundary(s, i) || !isWord(s[i]) {
			return 0
		}
		for _, is := range kinds {
			end := skip(s, i, is)
			if end == i {
				return 0
			}
			i = end
		}
		if wordAt(s, i) {
			return 0
		}
		return i
	}
}

// articleCode matches jc6640: \b[a-zA-Z]{1,3}\d{3,15}\b
func articleCode(s []rune, i int) int {
	end := word(isLetter, isDigit)(s, i)
	if end == 0 {
		return 0
	}
	letters := skip(s, i, isLetter) - i
	if digits := end - i - letters; letters > 3 || digits < 3 || digits > 15 {
		return 0
	}
	return end
}

// mixedSerial matches j2d1a2a: \b\d*[a-zA-Z]+\d+[a-zA-Z]+\d+[a-zA-Z\d]*\b
func mixedSerial(s []rune, i int) int {
	if !boundary(s, i) || !isWord(s[i]) {
		return 0
	}
	end := skip(s, i, isDigit)
	for _, is := range []func(rune) bool{isLetter, isDigit, isLetter, isDigit} {
		next := skip(s, end, is)
		if next == end {
			return 0
		}
		end = next
	}
	end = skip(s, end, func(r rune) bool { return isLetter(r) || isDigit(r) })
	if wordAt(s, end) {
		return 0
	}
	return end
}

// phrase skips lit and the white space after it; i if they are not both there.
func phrase(s []rune, i int, lit string) int {
	if !hasPrefix(s, i, lit) || !space(s, i+len(lit)) {
		return i
	}
	return skip(s, i+len(lit), isSpace)
}

// shipping matches (worldwide\s+)?(free\s+)?shipping
func shipping(s []rune, i int) int {
	return literal("shipping")(s, phrase(s, phrase(s, i, "worldwide"), "free"))
}

// download matches (free\s)?download(\sfree)?
func download(s []rune, i int) int {
	if hasPrefix(s, i, "free") && space(s, i+4) {
		i += 5
	}
	end := literal("download")(s, i)
	if end > 0 && space(s, end) && hasPrefix(s, end+1, "free") {
		end += 5
	}
	return end
}

// click matches \bclick\b\s(?:for|on)\s\w+
func click(s []rune, i int) int {
	if !hasPrefix(s, i, "click") || !boundary(s, i) || !space(s, i+5) {
		return 0
	}
	i += 6
	n := oneOf(s, i, []string{"for", "on"})
	if n == 0 || !space(s, i+n) || !wordAt(s, i+n+1) {
		return 0
	}
	return skip(s, i+n+1, isWord)
}

// imageType matches \b(?:png|jpg|jpeg|bmp|webp|eps|pdf|apk|mp4)(\simage[s]?)?
func imageType(s []rune, i int) int {
	n := oneOf(s, i, fileTypes)
	if n == 0 || !boundary(s, i) {
		return 0
	}
	end := i + n
	if space(s, end) && hasPrefix(s, end+1, "image") {
		end += 1 + len("image")
		if hasPrefix(s, end, "s") {
			end++
		}
	}
	return end
}

// pageNumber matches \bpage\s+\d+\b
func pageNumber(s []rune, i int) int {
	if !hasPrefix(s, i, "page") || !boundary(s, i) {
		return 0
	}
	number := phrase(s, i, "page")
	end := skip(s, number, isDigit)
	if number == i || end == number || wordAt(s, end) {
		return 0
	}
	return end
}

// imageSize matches 1920x1080: \b\d+\.?\d*[xх×]\d+\.?\d*\b
func imageSize(s []rune, i int) int {
	if !isDigit(s[i]) || !boundary(s, i) {
		return 0
	}
	by := decimal(s, i)
	if by == len(s) || s[by] != 'x' && s[by] != 'х' && s[by] != '×' {
		return 0
	}
	whole := skip(s, by+1, isDigit)
	end := decimal(s, by+1)
	switch {
	case whole == by+1:
		return 0
	case boundary(s, end):
		return end
	case whole == end: // digits and then a letter
		return 0
	case boundary(s, whole+1): // "3x4.5b": the digits after the point are given back
		return whole + 1
	}
	return whole // "3x4.": so is the point
}

// decimal returns the end of \d+\.?\d* at i.
func decimal(s []rune, i int) int {
	end := skip(s, i, isDigit)
	if hasPrefix(s, end, ".") {
		end = skip(s, end+1, isDigit)
	}
	return end
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

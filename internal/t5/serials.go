package t5

// Cleaning rules for numbers: addresses, serial numbers, sizes.

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

package t5

// Character classes and case mapping as Python's str and re define them. The
// official prompt cleaning is a list of Python regular expressions, and there
// \w, \d, \s and \b are about all of Unicode: Go's regexp has only the ASCII
// ones, and has no look-around, so the rules are matched by hand with these.

import "unicode"

// isSpace reports whether Python's \s and str.strip take r for white space.
func isSpace(r rune) bool {
	switch {
	case r >= '\t' && r <= '\r', r >= 0x1c && r <= ' ', r == 0x85, r == 0xa0, r == 0x1680,
		r >= 0x2000 && r <= 0x200a, r == 0x2028, r == 0x2029, r == 0x202f, r == 0x205f, r == 0x3000:
		return true
	}
	return false
}

// isWord reports whether Python's \w matches r: letters, numbers of every
// kind, and the underscore, but no combining mark.
func isWord(r rune) bool {
	if r < 0x80 {
		return isAlnum(r) || r == '_'
	}
	return unicode.IsLetter(r) || unicode.IsNumber(r)
}

// isDigit reports whether Python's \d matches r: decimal digits of any script.
func isDigit(r rune) bool {
	if r < 0x80 {
		return r >= '0' && r <= '9'
	}
	return unicode.Is(unicode.Nd, r)
}

// isLetter reports whether [a-zA-Z] matches r.
func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// isAlnum reports whether [a-zA-Z0-9] matches r.
func isAlnum(r rune) bool { return isLetter(r) || r >= '0' && r <= '9' }

// boundary reports whether \b matches before s[i], 0 <= i <= len(s).
func boundary(s []rune, i int) bool {
	before := i > 0 && isWord(s[i-1])
	after := i < len(s) && isWord(s[i])
	return before != after
}

// hasPrefix reports whether s[i:] starts with the ASCII text lit.
func hasPrefix(s []rune, i int, lit string) bool {
	if len(s)-i < len(lit) {
		return false
	}
	for k := 0; k < len(lit); k++ {
		if s[i+k] != rune(lit[k]) {
			return false
		}
	}
	return true
}

// oneOf returns the length of the first of the literals that s[i:] starts
// with, 0 if none does.
func oneOf(s []rune, i int, literals []string) int {
	for _, lit := range literals {
		if hasPrefix(s, i, lit) {
			return len(lit)
		}
	}
	return 0
}

// skip returns the end of the run of runes from i that satisfy is.
func skip(s []rune, i int, is func(rune) bool) int {
	for i < len(s) && is(s[i]) {
		i++
	}
	return i
}

// strip drops white space at both ends, as str.strip does.
func strip(s []rune) []rune {
	start := skip(s, 0, isSpace)
	end := len(s)
	for end > start && isSpace(s[end-1]) {
		end--
	}
	return s[start:end]
}

// lower is str.lower: the full mapping, which turns U+0130 into two code
// points and a capital sigma that ends a word into the final sigma.
func lower(s []rune) []rune {
	out := make([]rune, 0, len(s))
	for i, r := range s {
		switch {
		case r < 0x80:
			if r >= 'A' && r <= 'Z' {
				r += 'a' - 'A'
			}
			out = append(out, r)
		case r == 0x130:
			out = append(out, 'i', 0x307)
		case r == 0x3a3:
			out = append(out, lowerSigma(s, i))
		default:
			out = append(out, unicode.ToLower(r))
		}
	}
	return out
}

// lowerSigma is the lower case of the capital sigma s[i]: final when a cased
// letter comes before it and none after it, case-ignorable ones not counted.
// The look in either direction stops after 4096 ignorable code points, so that
// a long run of them costs no quadratic time.
func lowerSigma(s []rune, i int) rune {
	const reach = 4096
	j := i - 1
	for j >= 0 && i-j < reach && caseIgnorable(s[j]) {
		j--
	}
	if j < 0 || !cased(s[j]) {
		return 0x3c3
	}
	j = i + 1
	for j < len(s) && j-i < reach && caseIgnorable(s[j]) {
		j++
	}
	if j < len(s) && cased(s[j]) {
		return 0x3c3
	}
	return 0x3c2
}

func cased(r rune) bool {
	return unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Uppercase, unicode.Other_Lowercase)
}

func caseIgnorable(r rune) bool {
	switch r {
	case '\'', '.', ':', 0xb7, 0x387, 0x55f, 0x5f4, 0x2018, 0x2019, 0x2024, 0x2027,
		0xfe13, 0xfe52, 0xfe55, 0xff07, 0xff0e, 0xff1a: // Word_Break MidLetter, MidNumLet, Single_Quote
		return true
	}
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk)
}

package t5

// The machinery of the cleaning rules: each is a regular expression of the
// official code written out by hand, and runs in time linear in the text.

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

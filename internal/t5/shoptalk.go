package t5

// Cleaning rules for what web pages put around pictures: nicknames, file
// names, and the talk of shops and download sites.

// nickname matches @name: @[\w\d]+\b
func nickname(s []rune, i int) int {
	if s[i] != '@' || !wordAt(s, i+1) {
		return 0
	}
	return skip(s, i+1, isWord)
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

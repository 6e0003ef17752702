package t5

// Prompt cleaning. Source of the behaviour: LlamaGen's language/t5.py
// (T5Embedder.text_preprocessing), the same as in PixArt and DeepFloyd IF, with
// ftfy 6.3.1, Beautiful Soup 4.15 and Python 3.11.

// Clean cleans a prompt the way the captions were cleaned in training: URL
// escapes, addresses, markup, nicknames, CJK ideographs, file names, serial
// numbers, sizes and odd punctuation go, text is put in lower case and
// repaired. The cleaning is applied twice. Its time is linear in the length.
//
// It gives what the official function gives, with these exceptions:
//   - Mojibake ("donâ€™t") is not repaired: of ftfy, fix_encoding (with
//     restore_byte_a0, replace_lossy_sequences and decode_inconsistent_utf8) is
//     left out. It seldom did anything, for capitals are what it goes by and the
//     text is in lower case by then.
//   - References escaped more than 32 levels deep ("＆amp;amp;...") stay in part.
//   - Where the official function fails, it goes on: a malformed declaration
//     ("<![oops>") is dropped, a numeric reference of more than 4,300 digits
//     is U+FFFD.
//   - Characters that Unicode got after version 14 may be classed differently.
//
// Bytes of prompt that are not UTF-8 count as U+FFFD, one each.
func Clean(prompt string) string {
	return string(cleanOnce(cleanOnce([]rune(prompt))))
}

// CleanOff is what the official code does with the cleaning switched off:
// lower case, and no white space around.
func CleanOff(prompt string) string {
	return string(strip(lower([]rune(prompt))))
}

// cleanOnce applies the rules in the official order, which matters: several
// undo what an earlier one would have matched.
func cleanOnce(s []rune) []rune {
	s = lower(strip(unquotePlus(s)))
	s = substitute(s, "person", literal("<person>"))
	s = dropLinks(s, httpScheme)
	s = dropLinks(s, wwwScheme)
	s = htmlText(s)
	s = drop(s, nickname)
	s = drop(s, run(1, cjk))
	s = substitute(s, "-", run(1, dash))
	s = straightQuotes(s)
	s = drop(s, quotReference)
	s = drop(s, literal("&amp"))
	s = substitute(s, " ", ipAddress)
	s = dropArticleID(s)
	s = substitute(s, " ", literal(`\n`))
	s = drop(s, shortNumber)
	s = drop(s, longNumber)
	s = drop(s, bareNumber)
	s = dropFileNames(s)
	s = substitute(s, `"`, run(2, quote))
	s = substitute(s, " ", run(2, fullStop))
	s = substitute(s, " ", run(1, badPunctuation))
	s = substitute(s, " ", loneStop)
	s = openJoins(s)

	s = strip(unescape(unescape(fixText(s))))

	s = drop(s, articleCode)
	s = drop(s, word(isLetter, isDigit, isLetter))
	s = drop(s, word(isDigit, isLetter, isDigit))
	s = drop(s, shipping)
	s = drop(s, download)
	s = drop(s, click)
	s = drop(s, imageType)
	s = drop(s, pageNumber)
	s = substitute(s, " ", mixedSerial)
	s = drop(s, imageSize)
	s = substitute(s, ": ", looseColon)
	s = spacePunctuation(s)
	s = substitute(s, " ", run(1, isSpace))
	return strip(trimEnds(s))
}

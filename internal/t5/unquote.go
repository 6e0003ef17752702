package t5

// URL unquoting as Python's urllib.parse.unquote_plus does it.

import "unicode/utf8"

// unquotePlus turns + into a space and decodes %XX escapes. The bytes of each
// run of ASCII text are decoded as UTF-8 on their own, malformed sequences
// becoming U+FFFD.
func unquotePlus(s []rune) []rune {
	out := make([]rune, 0, len(s))
	var run []byte
	flush := func() {
		out = appendDecoded(out, run)
		run = run[:0]
	}
	for i := 0; i < len(s); i++ {
		switch r := s[i]; {
		case r >= 0x80:
			flush()
			out = append(out, r)
		case r == '+':
			run = append(run, ' ')
		case r == '%' && i+2 < len(s) && hexValue(s[i+1]) >= 0 && hexValue(s[i+2]) >= 0:
			run = append(run, byte(hexValue(s[i+1])<<4|hexValue(s[i+2])))
			i += 2
		default:
			run = append(run, byte(r))
		}
	}
	flush()
	return out
}

// hexValue is the value of a hexadecimal digit, -1 for anything else.
func hexValue(r rune) int {
	switch {
	case r >= '0' && r <= '9':
		return int(r - '0')
	case r >= 'a' && r <= 'f':
		return int(r-'a') + 10
	case r >= 'A' && r <= 'F':
		return int(r-'A') + 10
	}
	return -1
}

// appendDecoded appends b decoded as UTF-8. Each maximal prefix of a sequence
// that is cut short becomes one U+FFFD, as in Python; utf8.DecodeRune alone
// would give one per byte.
func appendDecoded(out []rune, b []byte) []rune {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			n = truncatedLen(b)
		}
		out = append(out, r)
		b = b[n:]
	}
	return out
}

// truncatedLen is the length of the longest prefix of b that begins a
// well-formed UTF-8 sequence, at least 1. b does not start with a whole one.
func truncatedLen(b []byte) int {
	lo, hi, need := byte(0x80), byte(0xbf), 0
	switch c := b[0]; {
	case c >= 0xe0 && c <= 0xef:
		need = 2
		if c == 0xe0 {
			lo = 0xa0
		} else if c == 0xed {
			hi = 0x9f
		}
	case c >= 0xf0 && c <= 0xf4:
		need = 3
		if c == 0xf0 {
			lo = 0x90
		} else if c == 0xf4 {
			hi = 0x8f
		}
	}
	n := 1
	for n < need && n < len(b) && b[n] >= lo && b[n] <= hi {
		lo, hi = 0x80, 0xbf
		n++
	}
	return n
}

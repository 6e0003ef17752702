package t5

// Unicode normalisation form C.

import (
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// nfc normalises s to form C exactly. norm.NFC alone would break runs of more
// than 30 combining marks with a grapheme joiner (the stream-safe format),
// which Python does not do; it serves for the single steps.
func nfc(s []rune) []rune {
	if !slices.ContainsFunc(s, func(r rune) bool { return r >= 0x300 }) {
		return s // nothing below composes, and composed letters below stay
	}
	parts := make([]rune, 0, len(s))
	for _, r := range s {
		if r < 0xc0 {
			parts = append(parts, r)
		} else {
			parts = append(parts, []rune(norm.NFD.String(string(r)))...)
		}
	}
	classes := make([]uint8, len(parts))
	for i, r := range parts {
		classes[i] = combiningClass(r)
	}
	reorder(parts, classes)
	return compose(parts, classes)
}

func combiningClass(r rune) uint8 {
	if r < 0x300 {
		return 0
	}
	var b [utf8.UTFMax]byte
	return norm.NFD.Properties(b[:utf8.EncodeRune(b[:], r)]).CCC()
}

// reorder sorts each run of combining marks by class, equal ones as they were.
func reorder(parts []rune, classes []uint8) {
	type mark struct {
		r     rune
		class uint8
	}
	var marks []mark
	for i := 0; i < len(parts); i++ {
		start := i
		for i < len(parts) && classes[i] != 0 {
			i++
		}
		if i-start < 2 {
			continue
		}
		marks = marks[:0]
		for k := start; k < i; k++ {
			marks = append(marks, mark{parts[k], classes[k]})
		}
		slices.SortStableFunc(marks, func(a, b mark) int { return int(a.class) - int(b.class) })
		for k, m := range marks {
			parts[start+k], classes[start+k] = m.r, m.class
		}
	}
}

// compose joins each starter with the marks, and the starter, that follow it
// and make one code point with it.
func compose(parts []rune, classes []uint8) []rune {
	out := parts[:0]
	starter := -1     // of the last starter in out
	last := uint8(0)  // class of the last part that stayed after it
	adjacent := false // nothing stayed between it and the next part
	for i, r := range parts {
		class := classes[i]
		if starter >= 0 && (adjacent || last != 0 && last < class) {
			if joined, ok := composePair(out[starter], r); ok {
				out[starter] = joined
				continue
			}
		}
		if class == 0 {
			starter, adjacent = len(out), true
		} else {
			adjacent = false
		}
		last = class
		out = append(out, r)
	}
	return out
}

// composePair returns the one code point that a followed by b is.
func composePair(a, b rune) (rune, bool) {
	if b < 0x300 {
		return 0, false
	}
	joined := norm.NFC.String(string(a) + string(b))
	r, n := utf8.DecodeRuneInString(joined)
	return r, n == len(joined)
}

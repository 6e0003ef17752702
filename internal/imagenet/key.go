package imagenet

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// key returns the form in which names are compared: lower case, composed (NFC), without white space, underscores and dashes
// of any kind, and with straight apostrophes. "Jack-o’-Lantern" and "jack_o'lantern" have the same key.
func key(s string) string {
	s = norm.NFC.String(s)
	return strings.Map(func(r rune) rune {
		if isSeparator(r) {
			return -1
		}
		return fold(r)
	}, s)
}

// plainKey returns the key of s without its accents: "Épagneul breton" has the plain key "epagneulbreton".
func plainKey(s string) string {
	return key(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(s)))
}

// words splits s where key drops characters, and folds each word as plainKey does.
func words(s string) []string {
	w := strings.FieldsFunc(s, isSeparator)
	for i := range w {
		w[i] = plainKey(w[i])
	}
	return w
}

// isSeparator reports whether r only separates words: white space, an underscore or a dash.
func isSeparator(r rune) bool {
	if r < 0x80 { // nearly every letter of nearly every name: spare it the table look-up
		return r == '_' || r == '-' || unicode.IsSpace(r)
	}
	return unicode.IsSpace(r) || unicode.Is(unicode.Pd, r)
}

// fold lower-cases r and straightens a typographic apostrophe.
func fold(r rune) rune {
	if r == '’' || r == '‘' || r == 'ʼ' {
		return '\''
	}
	return unicode.ToLower(r)
}

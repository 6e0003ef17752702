// Values and names as people see them: on one line and cut to a length, whatever the file holds.

package gguf

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// String renders the value for people, cut to a line: long strings and arrays end in "...".
func (v Value) String() string {
	var b strings.Builder
	v.render(&b, 80)
	return b.String()
}

// render appends v and stops soon after b has grown to max bytes.
func (v Value) render(b *strings.Builder, max int) {
	switch v.typ {
	case TypeArray:
		b.WriteByte('[')
		first := true
		for e := range v.All() {
			if !first {
				b.WriteString(", ")
			}
			first = false
			if b.Len() >= max {
				b.WriteString("...")
				break
			}
			e.render(b, max)
		}
		b.WriteByte(']')
	case TypeString:
		b.WriteString(quoteBytes(v.raw[8:]))
	case TypeBool:
		b.WriteString(strconv.FormatBool(v.raw[0] != 0))
	case TypeFloat32, TypeFloat64:
		bits := 8 * len(v.raw)
		f, _ := v.Float()
		b.WriteString(strconv.FormatFloat(f, 'g', -1, bits))
	case TypeUint64:
		b.WriteString(strconv.FormatUint(v.word(), 10))
	default:
		b.WriteString(strconv.FormatInt(int64(v.word()), 10))
	}
}

// quote is strconv.Quote for names and texts of any length: what is longer than a line is cut.
func quote(s string) string { return quoteBytes([]byte(s[:min(len(s), maxQuoted+utf8.UTFMax)])) }

// maxQuoted is the most bytes of a name or text that a message shows.
const maxQuoted = 80

func quoteBytes(p []byte) string {
	if len(p) <= maxQuoted {
		return strconv.Quote(string(p))
	}
	cut := maxQuoted
	for cut > maxQuoted-utf8.UTFMax && !utf8.RuneStart(p[cut]) {
		cut--
	}
	return strconv.Quote(string(p[:cut])) + "..."
}

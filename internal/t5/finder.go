package t5

// Searches of the HTML parser that remember what they found.

// A finder finds the next rune of a kind. It remembers its last answer, so
// that asking from many places before it costs one scan.
type finder struct {
	is        func(rune) bool
	from, pos int // s[from:pos] has none; pos -1: nor has the rest
}

func newFinder(is func(rune) bool) finder { return finder{is: is, from: 1} }

// find returns the index of the first such rune at or after i, -1 if none.
func (f *finder) find(s []rune, i int) int {
	if i >= f.from && (f.pos < 0 || i <= f.pos) {
		return f.pos
	}
	f.from = i
	for f.pos = i; f.pos < len(s); f.pos++ {
		if f.is(s[f.pos]) {
			return f.pos
		}
	}
	f.pos = -1
	return -1
}

// orEnd is find with len(s) for none.
func (f *finder) orEnd(s []rune, i int) int {
	if pos := f.find(s, i); pos >= 0 {
		return pos
	}
	return len(s)
}

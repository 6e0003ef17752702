package t5

// The text of an HTML fragment as BeautifulSoup(s, "html.parser").text gives
// it. Source of the behaviour: Python 3.11's html.parser, which reads markup
// in its own way rather than HTML5's (an unclosed tag is text, so is "a < b"),
// and Beautiful Soup 4 on top of it, which leaves out scripts, styles,
// templates and ruby annotations. golang.org/x/net/html follows HTML5 and
// would give other text for the odd "<" of a typed prompt.
//
// Where the official parser fails on a declaration ("<![oops") and the whole
// of its cleaning with it, the declaration is dropped up to its ">".

import "slices"

// htmlText returns the text of s in time linear in its length.
func htmlText(s []rune) []rune {
	if !slices.ContainsFunc(s, func(r rune) bool { return r == '<' || r == '&' }) && !allMarkupSpace(s) {
		return s
	}
	p := newHTMLParser(s)
	p.run(false) // what can be read without knowing that the input ends here
	p.run(true)
	p.endData(false)
	return p.out
}

type htmlParser struct {
	s []rune
	i int // where to read on

	out     []rune // the text so far
	data    []rune // text since the last tag
	hasData bool   // data was given, be it empty

	stack  []string // open tags
	open   map[string]int
	hidden int            // open tags whose text does not count
	pre    int            // open tags in which white space counts
	closed map[string]int // void tags whose end tag is still to be ignored
	raw    string         // "script" or "style" while inside one

	gt, lt, squote, dquote    finder
	tagEnd, attrEnd, valueEnd finder
	commentEnd                int    // no "-->" begins at or after it
	sectionEnds               [3]int // no "]>" (1) or "]]>" (2) does
	lastSemicolon             int
	dead                      []bool // positions between attributes from which no tag end is found
	visited                   []int
}

func newHTMLParser(s []rune) *htmlParser {
	is := func(c rune) func(rune) bool { return func(r rune) bool { return r == c } }
	p := &htmlParser{
		s: s, open: map[string]int{}, closed: map[string]int{},
		gt: newFinder(is('>')), lt: newFinder(is('<')), squote: newFinder(is('\'')), dquote: newFinder(is('"')),
		tagEnd: newFinder(func(r rune) bool {
			return r == '\t' || r == '\n' || r == '\r' || r == '\f' || r == ' ' || r == '/' || r == '>' || r == 0
		}),
		attrEnd:    newFinder(func(r rune) bool { return isSpace(r) || r == '/' || r == '=' || r == '>' }),
		valueEnd:   newFinder(func(r rune) bool { return isSpace(r) || r == '>' }),
		commentEnd: len(s), sectionEnds: [3]int{0, len(s), len(s)},
		dead: make([]bool, len(s)+1),
	}
	p.lastSemicolon = len(s) - 1
	for p.lastSemicolon >= 0 && s[p.lastSemicolon] != ';' {
		p.lastSemicolon--
	}
	return p
}

// run reads on until the input ends or, unless final, until markup that the
// end of the input cuts short.
func (p *htmlParser) run(final bool) {
	s, n := p.s, len(p.s)
loop:
	for p.i < n {
		j := p.interesting()
		if j < 0 {
			break // inside a script that does not end: it is dropped
		}
		if p.i < j {
			p.addData(s[p.i:j])
		}
		if p.i = j; p.i == n {
			break
		}
		switch {
		case s[p.i] == '<':
			if !p.readMarkup(final) {
				break loop
			}
		case hasPrefix(s, p.i, "&#"):
			if p.readCharref() {
				continue
			}
			if p.lastSemicolon >= p.i {
				p.addData(s[p.i : p.i+2])
				p.i += 2
			}
			break loop
		default:
			if !p.readEntity(final) {
				break loop
			}
		}
	}
	if final && p.i < n && p.raw == "" {
		p.addData(s[p.i:])
		p.i = n
	}
}

// interesting finds the next thing that may be markup, len(s) if there is
// none, -1 if there is none that could end the script at hand.
func (p *htmlParser) interesting() int {
	for j := p.i; j < len(p.s); j++ {
		switch {
		case p.raw == "" && (p.s[j] == '<' || p.s[j] == '&'):
			return j
		case p.raw != "" && p.s[j] == '<' && p.endsRaw(j):
			return j
		}
	}
	if p.raw != "" {
		return -1
	}
	return len(p.s)
}

// endsRaw reports whether the end tag of the script at hand starts at j.
func (p *htmlParser) endsRaw(j int) bool {
	if !hasPrefix(p.s, j, "</") {
		return false
	}
	j = skip(p.s, j+2, isSpace)
	if !hasPrefix(p.s, j, p.raw) {
		return false
	}
	j = skip(p.s, j+len(p.raw), isSpace)
	return j < len(p.s) && p.s[j] == '>'
}

// readMarkup reads the markup at a "<". It returns false to stop: more input
// might complete it, and final is false, or nothing follows.
func (p *htmlParser) readMarkup(final bool) bool {
	s, i := p.s, p.i
	end := -1
	switch {
	case i+1 < len(s) && isLetter(s[i+1]):
		end = p.readStartTag(i)
	case hasPrefix(s, i, "</"):
		end = p.readEndTag(i)
	case hasPrefix(s, i, "<!--"):
		end = p.readComment(i)
	case hasPrefix(s, i, "<?"):
		end = p.readBogus(i)
	case hasPrefix(s, i, "<!"):
		end = p.readDeclaration(i)
	case i+1 < len(s):
		p.addData(s[i : i+1])
		end = i + 1
	default:
		return false
	}
	if end < 0 {
		if !final {
			return false
		}
		if end = p.gt.find(s, i+1); end >= 0 {
			end++
		} else if end = p.lt.find(s, i+1); end < 0 {
			end = i + 1
		}
		p.addData(s[i:end])
	}
	p.i = end
	return true
}

// readCharref reads a numeric reference, of which the character after the
// digits must be there.
func (p *htmlParser) readCharref() bool {
	s := p.s
	digits, base := p.i+2, 10
	if digits < len(s) && (s[digits] == 'x' || s[digits] == 'X') {
		digits, base = digits+1, 16
	}
	end := digits
	for end < len(s) && hexValue(s[end]) >= 0 && hexValue(s[end]) < base {
		end++
	}
	if end == digits || end == len(s) || hexValue(s[end]) >= 0 {
		return false
	}
	p.addData([]rune{charrefMarkup(parseCharref(s[digits:end], base))})
	if s[end] == ';' {
		end++
	}
	p.i = end
	return true
}

// readEntity reads at an "&" without "#". It returns false to stop, as
// readMarkup does.
func (p *htmlParser) readEntity(final bool) bool {
	s, i := p.s, p.i
	if i+1 == len(s) {
		return false
	}
	if !isLetter(s[i+1]) {
		p.addData(s[i : i+1])
		p.i++
		return true
	}
	end := skip(s, i+1, func(r rune) bool { return isAlnum(r) || r == '-' || r == '.' })
	if end == len(s) { // the name must be followed by something: give back its last "-" or "."
		for end--; end > i+1 && isAlnum(s[end]); end-- {
		}
		if end == i+1 {
			if final && i+2 == len(s) {
				p.i++ // html.parser drops the & of a final "&a"
			}
			return false
		}
	}
	name := string(s[i+1 : end])
	if text, ok := entityNamed(name + ";"); ok {
		p.addData([]rune(text))
	} else {
		p.addData(s[i:end])
	}
	if s[end] == ';' {
		end++
	}
	p.i = end
	return true
}

// readEndTag reads the end tag at i and returns its end, -1 if it has none.
func (p *htmlParser) readEndTag(i int) int {
	s := p.s
	gt := p.gt.find(s, i+1)
	if gt < 0 {
		return -1
	}
	// </ name >, white space allowed, is an end tag as it should be.
	name := skip(s, i+2, isSpace)
	if name < len(s) && isLetter(s[name]) {
		end := skip(s, name, func(r rune) bool { return isAlnum(r) || r == '-' || r == '.' || r == ':' || r == '_' })
		if skip(s, end, isSpace) == gt {
			p.closeTag(string(s[name:end]))
			p.raw = ""
			return gt + 1
		}
	}
	if s[i+2] == '>' {
		return gt + 1
	}
	if !isLetter(s[i+2]) {
		return p.readBogus(i)
	}
	end := p.nameEnd(i + 2)
	p.closeTag(string(s[i+2 : end]))
	return p.gt.find(s, end) + 1
}

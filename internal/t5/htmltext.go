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

// container reports whether tag is one whose text does not count.
func container(tag string) bool {
	switch tag {
	case "rt", "rp", "style", "script", "template":
		return true
	}
	return false
}

func preserving(tag string) bool { return tag == "pre" || tag == "textarea" }

// voidTag reports whether tag never has contents.
func voidTag(tag string) bool {
	switch tag {
	case "area", "base", "br", "col", "embed", "hr", "img", "input", "keygen", "link", "menuitem", "meta", "param",
		"source", "track", "wbr", "basefont", "bgsound", "command", "frame", "image", "isindex", "nextid", "spacer":
		return true
	}
	return false
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

// readStartTag reads the tag at i and returns its end, -1 if it has none.
func (p *htmlParser) readStartTag(i int) int {
	end := p.startTagEnd(i)
	if end < 0 {
		return -1
	}
	s := p.s
	k := p.nameEnd(i + 1)
	tag := string(s[i+1 : k])
	k = p.skipSlashes(k)
	for k < end {
		next := p.attribute(k)
		if next < 0 {
			break
		}
		k = next
	}
	switch string(strip(s[min(k, end):end])) {
	case "/>":
		p.startTag(tag, false)
		p.endTag(tag)
	case ">":
		p.startTag(tag, true)
		if tag == "script" || tag == "style" {
			p.raw = tag
		}
	default:
		p.addData(s[i:end])
	}
	return end
}

// startTagEnd finds the end of the start tag at i, or of what is taken for it;
// -1 if the input ends within. Each position between two attributes is tried
// once: from a dead one the end is not found.
func (p *htmlParser) startTagEnd(i int) int {
	s, n := p.s, len(p.s)
	p.visited = p.visited[:0]
	j := skip(s, p.nameEnd(i+1), func(r rune) bool { return isSpace(r) || r == '/' })
	for !p.dead[j] {
		p.visited = append(p.visited, j)
		next := p.attribute(j)
		if next < 0 {
			j = skip(s, j, isSpace)
			switch {
			case j < n && s[j] == '>':
				return j + 1
			case hasPrefix(s, j, "/>"):
				return j + 2
			case j < n && s[j] != '=' && !isLetter(s[j]):
				return j // no tag at all, but text up to here
			}
			break
		}
		j = next
	}
	for _, k := range p.visited {
		p.dead[k] = true
	}
	return -1
}

// nameEnd is the end of the tag name that starts at j.
func (p *htmlParser) nameEnd(j int) int { return p.tagEnd.orEnd(p.s, j) }

// skipSlashes skips white space and slashes, but for the one of "/>".
func (p *htmlParser) skipSlashes(j int) int {
	for j < len(p.s) && (isSpace(p.s[j]) || p.s[j] == '/' && !hasPrefix(p.s, j, "/>")) {
		j++
	}
	return j
}

// attribute reads the attribute at j, which white space, a slash or a quote
// must come before, and what separates it from the next; -1 if none is there.
func (p *htmlParser) attribute(j int) int {
	s, n := p.s, len(p.s)
	if j >= n || isSpace(s[j]) || s[j] == '/' || s[j] == '>' {
		return -1
	}
	if before := s[j-1]; before != '\'' && before != '"' && before != '/' && !isSpace(before) {
		return -1
	}
	return p.skipSlashes(p.attributeValue(p.attrEnd.orEnd(s, j+1)))
}

// attributeValue skips the value that the "=" after j announces, if any.
func (p *htmlParser) attributeValue(j int) int {
	s, n := p.s, len(p.s)
	sign := skip(s, j, isSpace)
	after := skip(s, sign, func(r rune) bool { return r == '=' })
	if after == sign {
		return j
	}
	value := skip(s, after, isSpace)
	quote := &p.squote
	switch {
	case value < n && s[value] == '\'':
	case value < n && s[value] == '"':
		quote = &p.dquote
	default:
		return p.valueEnd.orEnd(s, value)
	}
	if end := quote.find(s, value+1); end >= 0 {
		return end + 1
	}
	// The quote never closes. The regular expression of html.parser then tries
	// less white space (an empty value), one "=" less (a bare value), nothing.
	switch {
	case value > after:
		return value
	case after > sign+1:
		return p.valueEnd.orEnd(s, after-1)
	}
	return j
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

// readComment reads "<!--" up to "-->", in which white space may stand before
// the ">".
func (p *htmlParser) readComment(i int) int {
	s := p.s
	for j := i + 4; j < p.commentEnd; j++ {
		if !hasPrefix(s, j, "--") {
			continue
		}
		if end := skip(s, j+2, isSpace); end < len(s) && s[end] == '>' {
			p.endData(false)
			return end + 1
		}
	}
	p.commentEnd = min(p.commentEnd, i+4)
	return -1
}

// readDeclaration reads what "<!" starts, other than a comment.
func (p *htmlParser) readDeclaration(i int) int {
	if hasPrefix(p.s, i, "<![") {
		return p.readSection(i)
	}
	return p.readBogus(i)
}

// readBogus drops everything from i to the next ">".
func (p *htmlParser) readBogus(i int) int {
	gt := p.gt.find(p.s, i+2)
	if gt < 0 {
		return -1
	}
	p.endData(false)
	return gt + 1
}

// readSection reads a marked section, "<![name[ ... ]]>": the text of CDATA
// counts, any other does not. Those of Microsoft Office end in "]>".
func (p *htmlParser) readSection(i int) int {
	s := p.s
	body := i + 3
	if body == len(s) {
		return -1
	}
	end := body
	if isLetter(s[body]) {
		end = skip(s, body, func(r rune) bool { return isAlnum(r) || r == '-' || r == '_' || r == '.' })
	}
	if skip(s, end, isSpace) == len(s) && end > body {
		return -1
	}
	brackets := 2
	name := string(lower(s[body:end]))
	switch name {
	case "temp", "cdata", "ignore", "include", "rcdata":
	case "if", "else", "endif":
		brackets = 1
	default:
		return p.readBogus(i)
	}
	from, to := p.sectionEnd(body, brackets)
	if from < 0 {
		return -1
	}
	p.endData(false)
	if name == "cdata" && hasPrefix(s, end, "[") {
		p.addData(s[end+1 : from])
		p.endData(true)
	}
	return to
}

// sectionEnd finds the first "]]>" (brackets = 2) or "]>" (1) after j, white
// space allowed within, and returns where it starts and ends, -1 if nowhere.
func (p *htmlParser) sectionEnd(j, brackets int) (from, to int) {
	s := p.s
	start := j
	for ; j < p.sectionEnds[brackets]; j++ {
		if s[j] != ']' {
			continue
		}
		k := skip(s, j+1, isSpace)
		if brackets == 2 {
			if k == len(s) || s[k] != ']' {
				continue
			}
			k = skip(s, k+1, isSpace)
		}
		if k < len(s) && s[k] == '>' {
			return j, k + 1
		}
	}
	p.sectionEnds[brackets] = min(p.sectionEnds[brackets], start)
	return -1, -1
}

func (p *htmlParser) addData(s []rune) {
	p.data = append(p.data, s...)
	p.hasData = true
}

// endData turns the data collected into one string of the document. That of a
// CDATA section counts everywhere.
func (p *htmlParser) endData(cdata bool) {
	if !p.hasData {
		return
	}
	data := p.data
	if p.pre == 0 && allMarkupSpace(data) {
		if slices.Contains(data, '\n') {
			data = []rune{'\n'}
		} else {
			data = []rune{' '}
		}
	}
	if cdata || p.hidden == 0 {
		p.out = append(p.out, data...)
	}
	p.data, p.hasData = p.data[:0], false
}

// allMarkupSpace reports whether s is nothing but ASCII white space.
func allMarkupSpace(s []rune) bool {
	return !slices.ContainsFunc(s, func(r rune) bool {
		return r != ' ' && r != '\n' && r != '\t' && r != '\f' && r != '\r'
	})
}

// startTag opens a tag. A void one closes at once where void says so.
func (p *htmlParser) startTag(tag string, void bool) {
	p.endData(false)
	p.stack = append(p.stack, tag)
	p.count(tag, 1)
	if void && voidTag(tag) {
		p.endTag(tag)
		p.closed[tag]++
	}
}

// closeTag handles an end tag of the input: that of a void tag only once per
// start tag.
func (p *htmlParser) closeTag(tag string) {
	if p.closed[tag] > 0 {
		p.closed[tag]--
		return
	}
	p.endTag(tag)
}

// endTag closes the innermost open tag of that name and all within it.
func (p *htmlParser) endTag(tag string) {
	p.endData(false)
	for p.open[tag] > 0 {
		top := p.stack[len(p.stack)-1]
		p.stack = p.stack[:len(p.stack)-1]
		p.count(top, -1)
		if top == tag {
			return
		}
	}
}

func (p *htmlParser) count(tag string, by int) {
	p.open[tag] += by
	if container(tag) {
		p.hidden += by
	}
	if preserving(tag) {
		p.pre += by
	}
}

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

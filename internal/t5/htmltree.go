package t5

// What Beautiful Soup makes of the tags and text that the HTML parser finds,
// as far as the text of the document depends on it.

import "slices"

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

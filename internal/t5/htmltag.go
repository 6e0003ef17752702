package t5

// Start tags as html.parser's regular expressions take them apart.

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

package t5

// Comments, declarations and marked sections of HTML.

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

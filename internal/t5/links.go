package t5

// Web addresses in prompts, as the two URL patterns of the official cleaning
// see them: "http://" and "https:x" (the scheme alone, what follows it stays
// unless it is a host), and host names under a few domains with their path.

var topDomains = []string{"com", "co", "ru", "net", "org", "edu", "gov", "it"}

// dropLinks drops addresses. scheme returns the length of a scheme at s[i:],
// with what must follow it, or 0.
func dropLinks(s []rune, scheme func(s []rune, i int) int) []rune {
	out := make([]rune, 0, len(s))
	var host hostRun
	for i := 0; i < len(s); {
		if boundary(s, i) {
			if n := scheme(s, i); n > 0 {
				i += n
				continue
			}
			if end := host.match(s, i); end > 0 {
				i = end
				continue
			}
		}
		out = append(out, s[i])
		i++
	}
	return out
}

// httpScheme matches http or https with a colon and one to three slashes, or
// one letter, digit or percent sign.
func httpScheme(s []rune, i int) int {
	if !hasPrefix(s, i, "http") {
		return 0
	}
	if n := schemeTail(s, i+len("https")); n > 0 && s[i+len("http")] == 's' {
		return len("https") + n
	}
	if n := schemeTail(s, i+len("http")); n > 0 {
		return len("http") + n
	}
	return 0
}

// wwwScheme matches www likewise.
func wwwScheme(s []rune, i int) int {
	if !hasPrefix(s, i, "www") {
		return 0
	}
	if n := schemeTail(s, i+len("www")); n > 0 {
		return len("www") + n
	}
	return 0
}

func schemeTail(s []rune, i int) int {
	if !hasPrefix(s, i, ":") {
		return 0
	}
	n := 1
	for n <= 3 && hasPrefix(s, i+n, "/") {
		n++
	}
	if n > 1 {
		return n
	}
	if i+1 < len(s) && (isAlnum(s[i+1]) || s[i+1] == '%') {
		return 2
	}
	return 0
}

func hostChar(r rune) bool { return isAlnum(r) || r == '.' || r == '-' }

// A hostRun is a run of host characters. The regular expression takes the last
// dot of the run after which a domain can end, wherever in the run it starts:
// so that dot is looked for once a run.
type hostRun struct {
	end      int // of the run
	dot      int // the dot, -1 for none
	matchEnd int // where an address with that dot ends
}

// match returns the end of the address that starts at s[i], 0 if none does.
func (h *hostRun) match(s []rune, i int) int {
	if i >= len(s) || !hostChar(s[i]) {
		return 0
	}
	if i >= h.end {
		h.end = skip(s, i, hostChar)
		for h.dot = h.end - 1; h.dot >= i; h.dot-- {
			if s[h.dot] != '.' {
				continue
			}
			if h.matchEnd = domainEnd(s, h.dot+1); h.matchEnd > 0 {
				break
			}
		}
	}
	if h.dot > i {
		return h.matchEnd
	}
	return 0
}

// domainEnd returns the end of the top-level domain at s[i] and of the path
// after it, 0 if none is there. The address must end at a word boundary, an
// optional slash after it, and not before an @.
func domainEnd(s []rune, i int) int {
	for _, domain := range topDomains {
		if !hasPrefix(s, i, domain) {
			continue
		}
		path := i + len(domain)
		for end := skip(s, path, func(r rune) bool { return isWord(r) || r == '/' || r == '-' }); end >= path; end-- {
			switch {
			case !boundary(s, end):
			case hasPrefix(s, end, "/") && !hasPrefix(s, end+1, "@"):
				return end + 1
			case !hasPrefix(s, end, "@"):
				return end
			}
		}
	}
	return 0
}

package npy

// The header of a .npy file: a Python dict literal of three keys. Only what NumPy writes is understood; it is
// parsed, never evaluated.

import (
	"fmt"
	"strconv"
	"strings"
)

type header struct {
	descr   string
	fortran bool
	shape   []int
}

// unsupported says why an element type cannot be read.
func (h header) unsupported() error {
	const can = "float16, float32, float64, int32 and int64, little-endian, are read"
	switch {
	case strings.HasPrefix(h.descr, ">"):
		return fmt.Errorf("npy: element type %q is big-endian; %s", h.descr, can)
	case strings.Contains(h.descr, "O"):
		return fmt.Errorf("npy: element type %q holds pickled Python objects, which are never loaded; %s", h.descr, can)
	}
	return fmt.Errorf("npy: element type %q is not supported; %s", h.descr, can)
}

// parseHeader reads {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }. The keys come in any order, each
// exactly once.
func parseHeader(text string) (header, error) {
	p := &parser{text: text}
	var h header
	seen := map[string]bool{}
	err := func() error {
		if err := p.want("{"); err != nil {
			return err
		}
		for !p.accept("}") {
			key, err := p.str()
			if err != nil {
				return err
			}
			if seen[key] {
				return fmt.Errorf("key %q stands twice", key)
			}
			seen[key] = true
			if err := p.want(":"); err != nil {
				return err
			}
			switch key {
			case "descr":
				h.descr, err = p.str()
			case "fortran_order":
				h.fortran, err = p.boolean()
			case "shape":
				h.shape, err = p.tuple()
			default:
				return fmt.Errorf("key %q is not known", key)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			if !p.accept(",") {
				if err := p.want("}"); err != nil {
					return err
				}
				break
			}
		}
		for _, key := range []string{"descr", "fortran_order", "shape"} {
			if !seen[key] {
				return fmt.Errorf("key %q is missing", key)
			}
		}
		if p.space(); p.at != len(text) {
			return fmt.Errorf("%q follows the dict", shorten(text[p.at:]))
		}
		return nil
	}()
	if err != nil {
		return header{}, fmt.Errorf("npy: header: %w", err)
	}
	return h, nil
}

type parser struct {
	text string
	at   int
}

func (p *parser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// accept moves over token, if it is next.
func (p *parser) accept(token string) bool {
	p.space()
	if !strings.HasPrefix(p.text[p.at:], token) {
		return false
	}
	p.at += len(token)
	return true
}

func (p *parser) want(token string) error {
	if !p.accept(token) {
		return fmt.Errorf("%q expected, found %q", token, shorten(p.text[p.at:]))
	}
	return nil
}

// str reads a quoted string. NumPy writes none with escapes; a structured type (a list) is refused here.
func (p *parser) str() (string, error) {
	p.space()
	rest := p.text[p.at:]
	if rest == "" || (rest[0] != '\'' && rest[0] != '"') {
		return "", fmt.Errorf("a string expected, found %q", shorten(rest))
	}
	end := strings.IndexByte(rest[1:], rest[0])
	if end < 0 || strings.ContainsAny(rest[1:1+end], "\\\n") {
		return "", fmt.Errorf("a simple string expected, found %q", shorten(rest))
	}
	p.at += end + 2
	return rest[1 : 1+end], nil
}

func (p *parser) boolean() (bool, error) {
	if p.accept("True") {
		return true, nil
	}
	return false, p.want("False")
}

// tuple reads a tuple of sizes: (), (3,), (3, 4).
func (p *parser) tuple() ([]int, error) {
	if err := p.want("("); err != nil {
		return nil, err
	}
	shape := []int{}
	for !p.accept(")") {
		if len(shape) == maxDims {
			return nil, fmt.Errorf("more than %d dimensions", maxDims)
		}
		p.space()
		start := p.at
		for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
			p.at++
		}
		if start == p.at {
			return nil, fmt.Errorf("a size expected, found %q", shorten(p.text[start:]))
		}
		d, err := strconv.Atoi(p.text[start:p.at])
		if err != nil {
			return nil, fmt.Errorf("size %s is too large", shorten(p.text[start:p.at]))
		}
		p.accept("L") // Python 2 marked long integers
		shape = append(shape, d)
		if !p.accept(",") {
			if err := p.want(")"); err != nil {
				return nil, err
			}
			if len(shape) == 1 {
				return nil, fmt.Errorf("(%d) is no tuple: a comma is missing", d)
			}
			break
		}
	}
	return shape, nil
}

func shorten(s string) string {
	const most = 24
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// The parser's place in the file, and its errors.

package gguf

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// parser walks over data. What it is at, for messages: the entry index of count in section "key" or "tensor", and the
// entry's name once that is known.
type parser struct {
	path string
	data []byte
	off  int

	section      string
	index, count int
	name         string
	names        int // bytes of names so far

	regions []region // where the data of tensor i is
}

// enter notes which entry is being read.
func (p *parser) enter(section string, index, count int) {
	p.section, p.index, p.count, p.name = section, index, count, ""
}

// readName reads the name of a key or tensor.
func (p *parser) readName() (string, error) {
	start := p.off
	n, err := p.u64()
	if err != nil {
		return "", err
	}
	if n == 0 || n > maxNameLen {
		return "", p.fail(start, "name of %d bytes, want 1 to %d", n, maxNameLen)
	}
	if p.names += int(n); p.names > maxNames {
		return "", p.fail(start, "names take more than %d bytes together", maxNames)
	}
	begin := p.off
	if err := p.skip(n); err != nil {
		return "", err
	}
	if b := p.data[begin:p.off]; !utf8.Valid(b) {
		return "", p.fail(begin, "name %s is not UTF-8", quoteBytes(b))
	}
	p.name = string(p.data[begin:p.off])
	return p.name, nil
}

func (p *parser) left() uint64 { return uint64(len(p.data) - p.off) }

// skip moves on by n bytes, all of which must be there.
func (p *parser) skip(n uint64) error {
	if n > p.left() {
		e := p.fail(p.off, "")
		e.Reason = p.unnamed() + shortage(n, uint64(p.off), p.left())
		return e
	}
	p.off += int(n)
	return nil
}

func (p *parser) u32() (uint32, error) {
	if err := p.skip(4); err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(p.data[p.off-4:]), nil
}

func (p *parser) u64() (uint64, error) {
	if err := p.skip(8); err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(p.data[p.off-8:]), nil
}

// shortage is the reason of an error about bytes that are not there.
func shortage(need, offset, left uint64) string {
	return fmt.Sprintf("needs %d bytes at offset %d, file has %d left", need, offset, left)
}

// fail makes the error for the field at off of the current entry.
func (p *parser) fail(off int, format string, args ...any) *FormatError {
	e := &FormatError{Path: p.path, Offset: int64(off)}
	switch p.section {
	case "key":
		e.Key = p.name
	case "tensor":
		e.Tensor = p.name
	}
	e.Reason = p.unnamed() + fmt.Sprintf(format, args...) + fmt.Sprintf(" (offset %d)", off)
	return e
}

// unnamed says which entry is meant as long as its name is not known: "key 3 of 7: ".
func (p *parser) unnamed() string {
	if p.section == "" || p.name != "" {
		return ""
	}
	return fmt.Sprintf("%s %d of %d: ", p.section, p.index+1, p.count)
}

package torchfile

// The first pass over a pickle: no object is made. What passes has a bounded stack, memo and object count, arguments
// that lie within the data, and opcodes that only describe data.
//
// Source: Python's Lib/pickletools.py, the table of opcodes with their arguments and stack effects.

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Limits. The largest official checkpoints with their optimizer state need about a hundredth of each.
const (
	maxOps     = 4 << 20 // opcodes
	maxObjects = 1 << 20 // dicts, lists, tuples, sets and calls
	maxMemo    = 1 << 20
	maxStack   = 1 << 20 // values on the stack, over all marks
	maxMarks   = 1000    // marks open at once: Python's own recursion limit
	maxLine    = 1024    // bytes of a text argument: class names, decimal integers
	maxInteger = 255     // bytes of a binary integer
)

// argKind is what follows an opcode.
type argKind uint8

const (
	argNone     argKind = iota
	argFixed            // op.size bytes
	argLine             // text up to a line feed
	argTwoLines         // module and class name
	argCounted          // a length of op.size bytes, then as many bytes
	argInteger          // the same, an integer of 1 to maxInteger bytes
	argFrame            // a length of 8 bytes; the frame's bytes are opcodes
	argProto            // the protocol's number
	argGet              // a memo index of op.size bytes
	argPut
)

// op is an opcode that may occur.
type op struct {
	name   string
	arg    argKind
	size   int
	pop    int  // values taken from the stack
	push   int  // values put on it
	mark   bool // takes everything down to the last mark first
	pairs  bool // and that must be an even number of values
	object bool // makes an object that takes memory
}

// ops: what Python 3's pickler writes in protocols 1 to 5, less extension codes, out-of-band buffers, persistent ids as
// text and the instance opcodes of protocol 0.
var ops = [256]*op{
	'(':  {name: "MARK"},
	'.':  {name: "STOP", pop: 1},
	'0':  {name: "POP"},
	'1':  {name: "POP_MARK", mark: true},
	'2':  {name: "DUP", pop: 1, push: 2},
	'G':  {name: "BINFLOAT", arg: argFixed, size: 8, push: 1},
	'I':  {name: "INT", arg: argLine, push: 1},
	'J':  {name: "BININT", arg: argFixed, size: 4, push: 1},
	'K':  {name: "BININT1", arg: argFixed, size: 1, push: 1},
	'L':  {name: "LONG", arg: argLine, push: 1},
	'M':  {name: "BININT2", arg: argFixed, size: 2, push: 1},
	'N':  {name: "NONE", push: 1},
	'Q':  {name: "BINPERSID", pop: 1, push: 1, object: true},
	'R':  {name: "REDUCE", pop: 2, push: 1, object: true},
	'T':  {name: "BINSTRING", arg: argCounted, size: 4, push: 1},
	'U':  {name: "SHORT_BINSTRING", arg: argCounted, size: 1, push: 1},
	'X':  {name: "BINUNICODE", arg: argCounted, size: 4, push: 1},
	'B':  {name: "BINBYTES", arg: argCounted, size: 4, push: 1},
	'C':  {name: "SHORT_BINBYTES", arg: argCounted, size: 1, push: 1},
	'a':  {name: "APPEND", pop: 2, push: 1},
	'b':  {name: "BUILD", pop: 2, push: 1},
	'c':  {name: "GLOBAL", arg: argTwoLines, push: 1, object: true},
	'd':  {name: "DICT", mark: true, pairs: true, push: 1, object: true},
	'}':  {name: "EMPTY_DICT", push: 1, object: true},
	'e':  {name: "APPENDS", mark: true, pop: 1, push: 1},
	'h':  {name: "BINGET", arg: argGet, size: 1, push: 1},
	'j':  {name: "LONG_BINGET", arg: argGet, size: 4, push: 1},
	'l':  {name: "LIST", mark: true, push: 1, object: true},
	']':  {name: "EMPTY_LIST", push: 1, object: true},
	'q':  {name: "BINPUT", arg: argPut, size: 1, pop: 1, push: 1},
	'r':  {name: "LONG_BINPUT", arg: argPut, size: 4, pop: 1, push: 1},
	's':  {name: "SETITEM", pop: 3, push: 1},
	't':  {name: "TUPLE", mark: true, push: 1, object: true},
	')':  {name: "EMPTY_TUPLE", push: 1, object: true},
	'u':  {name: "SETITEMS", mark: true, pairs: true, pop: 1, push: 1},
	0x80: {name: "PROTO", arg: argProto},
	0x81: {name: "NEWOBJ", pop: 2, push: 1, object: true},
	0x85: {name: "TUPLE1", pop: 1, push: 1, object: true},
	0x86: {name: "TUPLE2", pop: 2, push: 1, object: true},
	0x87: {name: "TUPLE3", pop: 3, push: 1, object: true},
	0x88: {name: "NEWTRUE", push: 1},
	0x89: {name: "NEWFALSE", push: 1},
	0x8a: {name: "LONG1", arg: argInteger, size: 1, push: 1},
	0x8b: {name: "LONG4", arg: argInteger, size: 4, push: 1},
	0x8c: {name: "SHORT_BINUNICODE", arg: argCounted, size: 1, push: 1},
	0x8d: {name: "BINUNICODE8", arg: argCounted, size: 8, push: 1},
	0x8e: {name: "BINBYTES8", arg: argCounted, size: 8, push: 1},
	0x8f: {name: "EMPTY_SET", push: 1, object: true},
	0x90: {name: "ADDITEMS", mark: true, pop: 1, push: 1},
	0x91: {name: "FROZENSET", mark: true, push: 1, object: true},
	0x92: {name: "NEWOBJ_EX", pop: 3, push: 1, object: true},
	0x93: {name: "STACK_GLOBAL", pop: 2, push: 1, object: true},
	0x94: {name: "MEMOIZE", pop: 1, push: 1},
	0x95: {name: "FRAME", arg: argFrame},
	0x96: {name: "BYTEARRAY8", arg: argCounted, size: 8, push: 1},
}

// scanner simulates a pickle's stack.
type scanner struct {
	data []byte
	at   int

	frames  []int // values on the stack above each mark; the first is below all marks
	stacked int   // their sum
	memo    []bool
	stored  int // entries of memo that are set
	objects int
}

// scan checks a whole pickle. A nil error means that gopickle can run it within the limits above.
func scan(data []byte) error {
	s := &scanner{data: data, frames: []int{0}}
	for n := 0; ; n++ {
		at := s.at
		if at == len(data) {
			return fmt.Errorf("it ends after %d bytes without STOP", len(data))
		}
		if n == maxOps {
			return fmt.Errorf("more than %d opcodes", maxOps)
		}
		code := data[at]
		s.at++
		o := ops[code]
		if o == nil {
			return fmt.Errorf("opcode 0x%02x at byte %d is not one that torch.save writes", code, at)
		}
		if err := s.step(o); err != nil {
			return fmt.Errorf("%s at byte %d: %w", o.name, at, err)
		}
		if o.name == "STOP" {
			break
		}
	}
	if s.at != len(data) {
		return fmt.Errorf("%d bytes after STOP", len(data)-s.at)
	}
	return nil
}

func (s *scanner) step(o *op) error {
	if o.object {
		if s.objects++; s.objects > maxObjects {
			return fmt.Errorf("more than %d objects", maxObjects)
		}
	}
	if err := s.effect(o); err != nil {
		return err
	}
	return s.argument(o)
}

// effect applies what the opcode does to the stack.
func (s *scanner) effect(o *op) error {
	top := len(s.frames) - 1
	switch {
	case o.name == "MARK":
		if top == maxMarks {
			return fmt.Errorf("more than %d marks open", maxMarks)
		}
		s.frames = append(s.frames, 0)
		return nil
	case o.name == "POP":
		if s.frames[top] > 0 {
			s.frames[top]--
			s.stacked--
			return nil
		}
		return s.popMark(false) // the mark itself is what POP takes
	case o.mark:
		if err := s.popMark(o.pairs); err != nil {
			return err
		}
		top--
	}
	if s.frames[top] < o.pop {
		return fmt.Errorf("needs %d values, the stack has %d", o.pop, s.frames[top])
	}
	s.frames[top] += o.push - o.pop
	if s.stacked += o.push - o.pop; s.stacked > maxStack {
		return fmt.Errorf("more than %d values on the stack", maxStack)
	}
	return nil
}

func (s *scanner) popMark(pairs bool) error {
	top := len(s.frames) - 1
	if top == 0 {
		return errors.New("no mark on the stack")
	}
	if pairs && s.frames[top]%2 != 0 {
		return fmt.Errorf("%d values are no pairs of key and value", s.frames[top])
	}
	s.stacked -= s.frames[top]
	s.frames = s.frames[:top]
	return nil
}

// argument moves over what follows the opcode.
func (s *scanner) argument(o *op) error {
	switch o.arg {
	case argFixed:
		_, err := s.take(uint64(o.size))
		return err
	case argProto:
		b, err := s.take(1)
		if err == nil && b[0] > 5 {
			err = fmt.Errorf("protocol %d is not known", b[0])
		}
		return err
	case argLine:
		return s.decimal()
	case argTwoLines:
		if _, err := s.line(); err != nil {
			return err
		}
		_, err := s.line()
		return err
	case argCounted:
		n, err := s.number(o.size)
		if err != nil {
			return err
		}
		if o.name == "BINSTRING" && n > 1<<31-1 { // a signed length
			return fmt.Errorf("negative length %d", int32(n))
		}
		_, err = s.take(n)
		return err
	case argInteger:
		n, err := s.number(o.size)
		if err != nil {
			return err
		}
		if n < 1 || n > maxInteger {
			return fmt.Errorf("an integer of %d bytes, allowed are 1 to %d", n, maxInteger)
		}
		_, err = s.take(n)
		return err
	case argFrame:
		n, err := s.number(8)
		if err == nil && n > uint64(len(s.data)-s.at) {
			err = fmt.Errorf("a frame of %d bytes, %d are left", n, len(s.data)-s.at)
		}
		return err
	case argGet:
		n, err := s.number(o.size)
		if err == nil && (n >= uint64(len(s.memo)) || !s.memo[n]) {
			err = fmt.Errorf("memo %d was never stored", n)
		}
		return err
	case argPut:
		n, err := s.number(o.size)
		if err != nil {
			return err
		}
		return s.store(n)
	}
	if o.name == "MEMOIZE" { // the index is the number of entries so far
		return s.store(uint64(s.stored))
	}
	return nil
}

func (s *scanner) store(index uint64) error {
	if index >= maxMemo {
		return fmt.Errorf("memo index %d, the limit is %d", index, maxMemo)
	}
	for uint64(len(s.memo)) <= index {
		s.memo = append(s.memo, false)
	}
	if !s.memo[index] {
		s.memo[index] = true
		s.stored++
	}
	return nil
}

// take moves over n bytes.
func (s *scanner) take(n uint64) ([]byte, error) {
	left := len(s.data) - s.at
	if n > uint64(left) {
		return nil, fmt.Errorf("needs %d bytes, %d are left", n, left)
	}
	b := s.data[s.at:][:n]
	s.at += int(n)
	return b, nil
}

// number reads a length or an index of size bytes.
func (s *scanner) number(size int) (uint64, error) {
	b, err := s.take(uint64(size))
	if err != nil {
		return 0, err
	}
	var wide [8]byte
	copy(wide[:], b)
	return binary.LittleEndian.Uint64(wide[:]), nil
}

// line reads text up to a line feed.
func (s *scanner) line() (string, error) {
	rest := s.data[s.at:]
	n := bytes.IndexByte(rest[:min(len(rest), maxLine)], '\n')
	if n < 0 {
		return "", fmt.Errorf("no end of line within %d bytes", min(len(rest), maxLine))
	}
	s.at += n + 1
	return string(rest[:n]), nil
}

// decimal reads the text of an integer: -12, 12L, or 01 for True.
func (s *scanner) decimal() error {
	text, err := s.line()
	if err != nil {
		return err
	}
	digits := strings.TrimSuffix(strings.TrimPrefix(text, "-"), "L")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return fmt.Errorf("%q is no integer", cut(text, 40))
	}
	return nil
}

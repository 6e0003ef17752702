// Text in PNG pictures (PNG specification, third edition, 11.3.3): tEXt holds
// Latin-1, zTXt the same deflated, iTXt UTF-8.
//
//	chunk  length uint32 | type [4]byte | data [length] | CRC-32 of type and data
//	tEXt   keyword 0 text
//	zTXt   keyword 0 method(0) deflated text
//	iTXt   keyword 0 compressed(0|1) method(0) language 0 translated keyword 0 text

package imageio

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"io"
	"strings"
	"unicode/utf8"
)

// A Text is a text with its keyword, such as "parameters" or "Comment".
type Text struct{ Keyword, Text string }

const (
	// maxText bounds a text that is read, inflated.
	maxText = 2 << 20
	// maxTexts bounds all texts of a picture together.
	maxTexts = 8 << 20
	// maxKeyword is the specification's.
	maxKeyword = 79

	signature = "\x89PNG\r\n\x1a\n"
	// headSize is the signature and the chunk IHDR: texts follow it.
	headSize = len(signature) + 12 + 13
)

// IsPNG says whether a file that starts with head, 8 bytes or more, is a PNG
// picture.
func IsPNG(head []byte) bool { return bytes.HasPrefix(head, []byte(signature)) }

// WritePNG writes a picture with texts, which come before its pixels. A text
// is written as tEXt where Latin-1 holds it, else as iTXt. It fails for texts
// that are not UTF-8 or contain NUL. Panics on a keyword that is not 1 to 79
// printable ASCII characters.
func WritePNG(w io.Writer, im image.Image, texts ...Text) error {
	var chunks []byte
	for _, t := range texts {
		if t.Keyword == "" || len(t.Keyword) > maxKeyword || strings.ContainsFunc(t.Keyword, func(r rune) bool { return r < ' ' || r > '~' }) {
			panic(fmt.Sprintf("imageio: %q as a keyword of a picture's text", t.Keyword))
		}
		if !utf8.ValidString(t.Text) || strings.ContainsRune(t.Text, 0) {
			return fmt.Errorf("text %q: not UTF-8, or with a NUL character", t.Keyword)
		}
		if len(t.Text) > maxText-100 {
			return fmt.Errorf("text %q: %d bytes, want at most %d", t.Keyword, len(t.Text), maxText-100)
		}
		if latin, ok := latin1(t.Text); ok {
			chunks = appendChunk(chunks, "tEXt", t.Keyword+"\x00"+latin)
		} else {
			chunks = appendChunk(chunks, "iTXt", t.Keyword+"\x00\x00\x00\x00\x00"+t.Text)
		}
	}
	return png.Encode(&inserter{w: w, chunks: chunks}, im)
}

// WriteQuickPNG writes a picture that is soon replaced: in a fraction of the
// time, larger, without texts.
func WriteQuickPNG(w io.Writer, im image.Image) error {
	e := png.Encoder{CompressionLevel: png.BestSpeed}
	return e.Encode(w, im)
}

// latin1 returns a text in Latin-1, with the characters that the
// specification allows in tEXt.
func latin1(s string) (string, bool) {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r != '\n' && (r < ' ' || r > '~' && r < 0xa0 || r > 0xff) {
			return "", false
		}
		b = append(b, byte(r))
	}
	return string(b), true
}

func appendChunk(b []byte, kind, data string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	start := len(b)
	b = append(append(b, kind...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[start:]))
}

// inserter passes a PNG on with chunks inserted after its head.
type inserter struct {
	w      io.Writer
	seen   int // bytes of the head
	chunks []byte
}

func (i *inserter) Write(p []byte) (int, error) {
	n := min(len(p), headSize-i.seen)
	if n > 0 {
		if n, err := i.w.Write(p[:n]); err != nil {
			return n, err
		}
		if i.seen += n; i.seen < headSize {
			return n, nil
		}
	}
	if i.chunks != nil {
		if _, err := i.w.Write(i.chunks); err != nil {
			return n, err
		}
		i.chunks = nil
	}
	if n == len(p) {
		return n, nil
	}
	m, err := i.w.Write(p[n:])
	return n + m, err
}

// A Header is what a PNG picture says of itself beside its pixels.
type Header struct {
	Width, Height int
	Texts         []Text
}

// Text returns the first text with this keyword, or "".
func (h *Header) Text(keyword string) string {
	for _, t := range h.Texts {
		if t.Keyword == keyword {
			return t.Text
		}
	}
	return ""
}

// ReadText reads all texts of a PNG picture. Every chunk's checksum is looked
// at, pixels are not decoded. Memory is bounded whatever the file says. name
// is for messages.
func ReadText(r io.Reader, name string) (*Header, error) {
	c := chunks{r: r, name: name}
	var head [len(signature)]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || !IsPNG(head[:]) {
		if err != nil && !isEnd(err) {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return nil, fmt.Errorf("%s: no PNG picture", name)
	}
	c.offset = int64(len(head))
	h := &Header{}
	total := 0
	for first := true; ; first = false {
		kind, data, err := c.next()
		if err != nil {
			return nil, err
		}
		switch {
		case first && (kind != "IHDR" || len(data) != 13):
			return nil, c.fail("want the header IHDR, 13 bytes, as the first chunk")
		case first:
			h.Width, h.Height = int(binary.BigEndian.Uint32(data)), int(binary.BigEndian.Uint32(data[4:]))
			continue
		case kind == "IEND":
			return h, nil
		case !isText(kind):
			continue
		}
		t, err := parseText(kind, data)
		if err != nil {
			return nil, c.fail("%w", err)
		}
		if total += len(t.Keyword) + len(t.Text); total > maxTexts {
			return nil, c.fail("the texts so far have more than %d bytes", maxTexts)
		}
		h.Texts = append(h.Texts, t)
	}
}

func isText(kind string) bool { return kind == "tEXt" || kind == "zTXt" || kind == "iTXt" }

func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// chunks reads a PNG chunk by chunk.
type chunks struct {
	r      io.Reader
	name   string
	offset int64  // of the next chunk
	start  int64  // of the last one
	kind   string // of the last one
}

func (c *chunks) fail(format string, args ...any) error {
	return fmt.Errorf("%s: broken PNG picture: chunk %q at byte %d: %w", c.name, c.kind, c.start, fmt.Errorf(format, args...))
}

// next returns the next chunk, with its data if it is a header or a text.
func (c *chunks) next() (kind string, data []byte, err error) {
	c.start, c.kind = c.offset, ""
	var head [8]byte
	if n, err := io.ReadFull(c.r, head[:]); err != nil {
		if !isEnd(err) {
			return "", nil, fmt.Errorf("%s: %w", c.name, err)
		}
		return "", nil, fmt.Errorf("%s: broken PNG picture: it ends at byte %d, before its last chunk IEND", c.name, c.offset+int64(n))
	}
	length := int64(binary.BigEndian.Uint32(head[:]))
	c.kind = string(head[4:])
	keep := isText(c.kind) || c.kind == "IHDR"
	switch {
	case length > 1<<31-1:
		return "", nil, c.fail("its length of %d bytes is above the limit of the format", length)
	case keep && length > maxText:
		return "", nil, c.fail("%d bytes of text, want at most %d", length, maxText)
	}
	crc := crc32.NewIEEE()
	crc.Write(head[4:])
	var n int64
	if keep {
		var b bytes.Buffer // grows with what is there, not with what is claimed
		n, err = io.CopyN(io.MultiWriter(crc, &b), c.r, length)
		data = b.Bytes()
	} else {
		n, err = io.CopyN(crc, c.r, length)
	}
	var sum [4]byte
	if err == nil {
		_, err = io.ReadFull(c.r, sum[:])
	}
	if err != nil && !isEnd(err) {
		return "", nil, fmt.Errorf("%s: %w", c.name, err)
	}
	if err != nil {
		return "", nil, c.fail("needs %d bytes and a checksum, the file ends after %d", length, n)
	}
	if binary.BigEndian.Uint32(sum[:]) != crc.Sum32() {
		return "", nil, c.fail("wrong checksum")
	}
	c.offset += 12 + length
	return c.kind, data, nil
}

// parseText returns the text of a chunk.
func parseText(kind string, data []byte) (Text, error) {
	keyword, rest, ok := bytes.Cut(data, []byte{0})
	if !ok || len(keyword) == 0 || len(keyword) > maxKeyword {
		return Text{}, fmt.Errorf("want a keyword of 1 to %d bytes", maxKeyword)
	}
	t := Text{Keyword: fromLatin1(keyword)}
	switch kind {
	case "tEXt":
		t.Text = fromLatin1(rest)
		return t, nil
	case "zTXt":
		if len(rest) < 1 || rest[0] != 0 {
			return t, fmt.Errorf("text %q: compressed in an unknown way", t.Keyword)
		}
		text, err := inflate(rest[1:])
		if err != nil {
			return t, fmt.Errorf("text %q: %w", t.Keyword, err)
		}
		t.Text = fromLatin1(text)
		return t, nil
	}
	if len(rest) < 2 || rest[0] > 1 || rest[0] == 1 && rest[1] != 0 {
		return t, fmt.Errorf("text %q: compressed in an unknown way", t.Keyword)
	}
	compressed := rest[0] == 1
	_, rest, ok = bytes.Cut(rest[2:], []byte{0})
	if ok {
		_, rest, ok = bytes.Cut(rest, []byte{0})
	}
	if !ok {
		return t, fmt.Errorf("text %q: ends before its text", t.Keyword)
	}
	if compressed {
		var err error
		if rest, err = inflate(rest); err != nil {
			return t, fmt.Errorf("text %q: %w", t.Keyword, err)
		}
	}
	if !utf8.Valid(rest) {
		return t, fmt.Errorf("text %q: not UTF-8", t.Keyword)
	}
	t.Text = string(rest)
	return t, nil
}

// inflate bounds what it returns: a small chunk can inflate to gigabytes.
func inflate(data []byte) ([]byte, error) {
	z, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("inflate: %w", err)
	}
	defer z.Close()
	text, err := io.ReadAll(io.LimitReader(z, maxText+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("inflate: %w", err)
	case len(text) > maxText:
		return nil, fmt.Errorf("inflates to more than %d bytes", maxText)
	}
	return text, nil
}

func fromLatin1(b []byte) string {
	var s strings.Builder
	s.Grow(len(b))
	for _, c := range b {
		s.WriteRune(rune(c))
	}
	return s.String()
}

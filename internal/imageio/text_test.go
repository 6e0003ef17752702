package imageio

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"image"
	"image/png"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// withText returns a PNG of 3 x 2 pixels with raw chunks after its head.
func withText(t testing.TB, chunks ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, 3, 2))); err != nil {
		t.Fatal(err)
	}
	data := b.Bytes()
	all := bytes.Clone(data[:headSize])
	for _, c := range chunks {
		all = appendChunk(all, c[:4], c[4:])
	}
	return append(all, data[headSize:]...)
}

func deflated(t testing.TB, s string) string {
	t.Helper()
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	if _, err := io.WriteString(z, s); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTextsAreWrittenAndRead(t *testing.T) {
	im := gradient(40, 30)
	texts := []Text{
		{"parameters", exampleText},
		{"Title", "Äpfel ÿ\nzwei Zeilen"},
		{"Comment", "苹果 🍎"},
		{"Tab", "a\tb"},
		{"Empty", ""},
	}
	var plain, b bytes.Buffer
	if err := WritePNG(&plain, im); err != nil {
		t.Fatal(err)
	}
	if err := WritePNG(&b, im, texts...); err != nil {
		t.Fatal(err)
	}
	h, err := ReadText(bytes.NewReader(b.Bytes()), "x.png")
	if err != nil || h.Width != 40 || h.Height != 30 || !reflect.DeepEqual(h.Texts, texts) {
		t.Errorf("%+v, %v", h, err)
	}
	if h.Text("Title") != texts[1].Text || h.Text("none") != "" {
		t.Error("a text is not found by its keyword")
	}
	for kind, n := range map[string]int{"tEXt": 3, "iTXt": 2} {
		if got := bytes.Count(b.Bytes(), []byte(kind)); got != n {
			t.Errorf("%d chunks %s, want %d", got, kind, n)
		}
	}
	if first, last := bytes.Index(b.Bytes(), []byte("IDAT")), bytes.LastIndex(b.Bytes(), []byte("tEXt")); last > first {
		t.Error("a text comes after the pixels")
	}
	// But for the chunks it is the same file, and pixels come back.
	length := 0
	for _, text := range texts {
		n := len(text.Text)
		if latin, ok := latin1(text.Text); ok {
			n = len(latin)
		} else {
			n += 4
		}
		length += 12 + len(text.Keyword) + 1 + n
	}
	rest := append(bytes.Clone(b.Bytes()[:headSize]), b.Bytes()[headSize+length:]...)
	if !bytes.Equal(rest, plain.Bytes()) {
		t.Error("the picture itself changed")
	}
	got, err := png.Decode(bytes.NewReader(b.Bytes()))
	if err != nil || got.Bounds() != im.Bounds() {
		t.Fatalf("%v", err)
	}
}

// The chunks are inserted at the same place whatever pieces are written.
func TestInserterWithEveryPiece(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 10)
	want := string(data[:headSize]) + "CHUNKS" + string(data[headSize:])
	for size := 1; size <= len(data); size++ {
		var b bytes.Buffer
		w := &inserter{w: &b, chunks: []byte("CHUNKS")}
		for rest := data; len(rest) > 0; {
			n := min(size, len(rest))
			if m, err := w.Write(rest[:n]); m != n || err != nil {
				t.Fatalf("pieces of %d: %d, %v", size, m, err)
			}
			rest = rest[n:]
		}
		if b.String() != want {
			t.Errorf("pieces of %d: %s", size, b.String())
		}
	}
}

// errAfter fails after n bytes.
type errAfter struct{ n int }

var errFull = errors.New("full")

func (w *errAfter) Write(p []byte) (int, error) {
	if w.n -= len(p); w.n < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWritePNGReportsEveryFailure(t *testing.T) {
	text := Text{"parameters", exampleText}
	var b bytes.Buffer
	if err := WritePNG(&b, gradient(4, 4), text); err != nil {
		t.Fatal(err)
	}
	for n := range b.Len() {
		if err := WritePNG(&errAfter{n}, gradient(4, 4), text); !errors.Is(err, errFull) {
			t.Fatalf("after %d bytes: %v", n, err)
		}
	}
	for _, s := range []string{"a\xff", "a\x00b", strings.Repeat("x", maxText)} {
		b.Reset()
		if err := WritePNG(&b, gradient(4, 4), Text{"parameters", s}); err == nil || b.Len() != 0 {
			t.Errorf("%.9q: %v, %d bytes written", s, err, b.Len())
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a keyword with a line end was taken")
		}
	}()
	_ = WritePNG(io.Discard, gradient(4, 4), Text{"a\nb", ""})
}

func TestReadTextOfEveryKind(t *testing.T) {
	data := withText(t,
		"tEXta\x00gr\xfcn", "zTXtb\x00\x00"+deflated(t, "gr\xfcn"), "iTXtc\x00\x00\x00de\x00Wort\x00grün",
		"iTXtd\x00\x01\x00\x00\x00"+deflated(t, "grün"), "tIMEabcdefg")
	// A text after the pixels.
	end := len(data) - 12
	data = append(appendChunk(bytes.Clone(data[:end]), "tEXt", "e\x00last"), data[end:]...)
	want := []Text{{"a", "grün"}, {"b", "grün"}, {"c", "grün"}, {"d", "grün"}, {"e", "last"}}
	for _, r := range []io.Reader{bytes.NewReader(data), iotest.OneByteReader(bytes.NewReader(data))} {
		if h, err := ReadText(r, "x.png"); err != nil || !reflect.DeepEqual(h.Texts, want) {
			t.Errorf("%+v, %v", h, err)
		}
	}
	boom := errors.New("boom")
	for n := range data {
		if _, err := ReadText(io.MultiReader(bytes.NewReader(data[:n]), iotest.ErrReader(boom)), "x.png"); !errors.Is(err, boom) {
			t.Fatalf("a read error after %d bytes became %v", n, err)
		}
		if _, err := ReadText(bytes.NewReader(data[:n]), "x.png"); err == nil || !strings.HasPrefix(err.Error(), "x.png: ") {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
}

func TestReadTextErrors(t *testing.T) {
	wrongSum := withText(t, "tEXta\x00b")
	wrongSum[headSize+10]++
	long := bytes.Clone(wrongSum)
	binary.BigEndian.PutUint32(long[headSize:], 1<<31)
	claims := bytes.Clone(wrongSum)
	binary.BigEndian.PutUint32(claims[headSize:], maxText)
	other := bytes.Clone(wrongSum)
	binary.BigEndian.PutUint32(other[headSize:], 1<<31-1)
	copy(other[headSize+4:], "abCd")
	pixels := withText(t)
	pixels[len(pixels)-20]++
	bomb := deflated(t, strings.Repeat("x", maxText+1))
	many := make([]string, 5)
	for i := range many {
		many[i] = "zTXta\x00\x00" + deflated(t, strings.Repeat("x", maxText))
	}
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "x.png: no PNG picture"},
		{"other", []byte("GGUF and more"), "x.png: no PNG picture"},
		{"signature alone", []byte(signature), "x.png: broken PNG picture: it ends at byte 8, before its last chunk IEND"},
		{"cut", withText(t)[:headSize], "it ends at byte 33, before its last chunk IEND"},
		{"first chunk", append([]byte(signature), appendChunk(nil, "tEXt", "a\x00b")...), `chunk "tEXt" at byte 8: want the header IHDR`},
		{"short header", append([]byte(signature), appendChunk(nil, "IHDR", "abc")...), `chunk "IHDR" at byte 8: want the header IHDR, 13 bytes`},
		{"checksum", wrongSum, `x.png: broken PNG picture: chunk "tEXt" at byte 33: wrong checksum`},
		{"checksum of pixels", pixels, `chunk "IDAT" at byte 33: wrong checksum`},
		{"length", long, `chunk "tEXt" at byte 33: its length of 2147483648 bytes is above the limit of the format`},
		{"claimed", claims, `chunk "tEXt" at byte 33: needs 2097152 bytes and a checksum, the file ends after`},
		{"claimed, no text", other, `chunk "abCd" at byte 33: needs 2147483647 bytes and a checksum, the file ends after`},
		{"long text", withText(t, "tEXt"+strings.Repeat("a", maxText+1)), `2097153 bytes of text, want at most 2097152`},
		{"no keyword", withText(t, "tEXt\x00b"), "want a keyword of 1 to 79 bytes"},
		{"no end of keyword", withText(t, "tEXtabc"), "want a keyword of 1 to 79 bytes"},
		{"long keyword", withText(t, "tEXt"+strings.Repeat("a", 80)+"\x00"), "want a keyword of 1 to 79 bytes"},
		{"zTXt bomb", withText(t, "zTXta\x00\x00"+bomb), `text "a": inflates to more than 2097152 bytes`},
		{"iTXt bomb", withText(t, "iTXta\x00\x01\x00\x00\x00"+bomb), `text "a": inflates to more than 2097152 bytes`},
		{"bombs", withText(t, many...), "the texts so far have more than 8388608 bytes"},
		{"zTXt without method", withText(t, "zTXta\x00"), `text "a": compressed in an unknown way`},
		{"zTXt, other method", withText(t, "zTXta\x00\x01x"), `text "a": compressed in an unknown way`},
		{"zTXt, no zlib", withText(t, "zTXta\x00\x00xyz"), `text "a": inflate: `},
		{"zTXt, cut", withText(t, "zTXta\x00\x00"+deflated(t, "hello")[:6]), `text "a": inflate: `},
		{"iTXt, cut", withText(t, "iTXta\x00\x00"), `text "a": compressed in an unknown way`},
		{"iTXt, other flag", withText(t, "iTXta\x00\x02\x00\x00\x00b"), `text "a": compressed in an unknown way`},
		{"iTXt, other method", withText(t, "iTXta\x00\x01\x01\x00\x00b"), `text "a": compressed in an unknown way`},
		{"iTXt, no text", withText(t, "iTXta\x00\x00\x00de\x00b"), `text "a": ends before its text`},
		{"iTXt, no zlib", withText(t, "iTXta\x00\x01\x00\x00\x00b"), `text "a": inflate: `},
		{"iTXt, no UTF-8", withText(t, "iTXta\x00\x00\x00\x00\x00\xff"), `text "a": not UTF-8`},
	} {
		h, err := ReadText(bytes.NewReader(c.data), "x.png")
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, %v; want %q", c.name, h, err, c.want)
		}
	}
}

func FuzzReadText(f *testing.F) {
	f.Add(withText(f, "tEXta\x00gr\xfcn", "zTXtb\x00\x00"+deflated(f, "gr\xfcn"), "iTXtc\x00\x00\x00de\x00Wort\x00grün"))
	f.Add(withText(f, "iTXtd\x00\x01\x00\x00\x00"+deflated(f, "grün")))
	f.Add([]byte(signature))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ReadText(bytes.NewReader(data), "x")
		if err != nil {
			return
		}
		for _, text := range h.Texts {
			var b bytes.Buffer
			if strings.ContainsRune(text.Text, 0) || len(text.Text) > maxText-100 {
				continue
			}
			text.Keyword = "k"
			if err := WritePNG(&b, image.NewGray(image.Rect(0, 0, 1, 1)), text); err != nil {
				t.Fatal(err)
			}
			again, err := ReadText(&b, "y")
			if err != nil || !reflect.DeepEqual(again.Texts, []Text{text}) {
				t.Errorf("%q became %+v, %v", text, again, err)
			}
		}
	})
}

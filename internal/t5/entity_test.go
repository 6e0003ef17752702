package t5

import "testing"

// The expectations are what Python's html.unescape and ftfy's unescape_html
// give.
func TestEntities(t *testing.T) {
	for _, c := range []struct{ in, plain, strict string }{
		{"&amp;", "&", "&"},
		{"&amp", "&", ""},
		{"&semi;", ";", ";"},
		{"&nGt;", "≫⃒", "≫⃒"},
		{"&nLt;", "≪⃒", "≪⃒"},
		{"&fjlig;", "fj", "fj"},
		{"&notit;", "¬it;", ""},
		{"&ampx;", "&x;", ""},
		{"&x;", "&x;", ""},
		{"&g;", "&g;", ""},
		{"&NTILDE;", "&NTILDE;", "Ñ"},
		{"&Ntilde;", "Ñ", "Ñ"},
		{"&nTILDE;", "&nTILDE;", ""},
		{"&SZLIG;", "&SZLIG;", "SS"},
		{"&FFILIG;", "&FFILIG;", "FFI"},
		{"&AMPERE;", "&ERE;", ""},
		{"&bogus;", "&bogus;", ""},
		{"&#65;", "A", "A"},
		{"&#x41;", "A", "A"},
		{"&#X41;", "A", "A"},
		{"&#59;", ";", ""},
		{"&#0;", "\ufffd", "\ufffd"},
		{"&#1;", "", ""},
		{"&#128;", "€", "€"},
		{"&#129;", "\u0081", "\u0081"},
		{"&#xd800;", "\ufffd", "\ufffd"},
		{"&#x110000;", "\ufffd", "\ufffd"},
		{"&#99999999999999999999;", "\ufffd", "\ufffd"},
		{"&#xfdd0;", "", ""},
		{"&#x1ffff;", "", ""},
		{"&#13;", "\r", "\r"},
		{"&#12;", "\f", "\f"},
		{"&#12a;", "\fa;", ""},
		{"&#xg;", "&#xg;", ""},
		{"&;", "&;", ""},
		{"&", "&", ""},
		{"&#", "&#", ""},
	} {
		if got := string(unescape([]rune(c.in))); got != c.plain {
			t.Errorf("unescape(%q) = %q, want %q", c.in, got, c.plain)
		}
		want := c.strict
		if want == "" && c.plain != "" {
			want = c.in // left alone
		}
		if got := string(decodeReferences([]rune(c.in))); got != want {
			t.Errorf("decodeReferences(%q) = %q, want %q", c.in, got, want)
		}
	}
}

func TestCharrefMarkup(t *testing.T) {
	for n, want := range map[int]rune{
		0: 0xfffd, 1: 1, 65: 'A', 0x80: '€', 0x81: 0x81, 0x9f: 'Ÿ', 0xd800: 0xfffd, 0xfffe: 0xfffe, beyondUnicode: 0xfffd,
	} {
		if got := charrefMarkup(n); got != want {
			t.Errorf("charrefMarkup(%#x) = %#x, want %#x", n, got, want)
		}
	}
}

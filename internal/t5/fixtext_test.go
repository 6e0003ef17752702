package t5

import "testing"

// The expectations are what ftfy.fix_text(s, fix_encoding=False) gives.
func TestFixText(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"plain", "plain"},
		{"&eacute;&EACUTE;&#65;&amp;lt;", "éÉA<"},
		{"a < b &amp; c", "a < b &amp; c"},
		{"&amp;\n<\n&amp;", "&\n<\n&amp;"}, // from the first line with a < on
		{"\u0080\u0093\u0081", "€\"\u0081"},
		{"\u0093", "\""},
		{"ﬁﬄĳŉǆ", "fifflij'ndž"},
		{"ＡＢ１！　ｱﾞ￥", "AB1! ア\u3099¥"},
		{"‘a’ ‚b‛ ʼ “c” „d‟ «e»", "'a' 'b' ' \"c\" \"d\" «e»"},
		{"a\r\nb\rc\u2028d\u2029e\u0085f", "a\nb\nc\nd\ne…f"},
		{"\x1b[31mred\x1b[0m \x1b[1;2;3Hx \x1b[é", "red x [é"},
		{"\ufeffa\x00b\x07c\x7fd\u206ae\ufff9f\ufffcg\tg\fh", "abcdefg\tg\fh"},
		{"e\u0301 A\u030a \u212b \u1112\u1161\u11ab", "é Å Å 한"},
		{"\U0001f468\u200d\U0001f469 a\u200bb\u00ad", "\U0001f468\u200d\U0001f469 a\u200bb\u00ad"},
	} {
		if got := string(fixText([]rune(c.in))); got != c.want {
			t.Errorf("fixText(%+q) = %+q, want %+q", c.in, got, c.want)
		}
	}
}

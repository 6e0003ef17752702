package t5

import "testing"

// The expectations are what BeautifulSoup(s, "html.parser").text gives, with
// Python 3.11.2. TestCleanNastyInput has many more through Clean.
func TestHTMLText(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"plain", "plain"},
		{" \n ", "\n"},
		{"  ", " "},
		{"a<b>  </b>c", "a c"},
		{"a<pre>  </pre>c", "a  c"},
		{"<rt>x<b>y</b></rt>z", "z"},
		{"<rt>x</b>y", ""},
		{"<b><rt>x</b>y", "y"},
		{"<br></br>x</br>y", "xy"},
		{"<br/></br>x", "x"},
		{"<script/>x", "x"},
		{"<script>x", ""},
		{"<script>a</b></script >b", "b"},
		{"<style>a</ style>b", "b"},
		{"<b c='>'>d", "d"},
		{"<b c='>d", "<b c='>d"},
		{"<b c=>d", "d"},
		{"<b c= \"e>d", "d"},
		{"<b c==\"e>d", "d"},
		{"<b/>c", "c"},
		{"<b/ >c", "c"},
		{"<b \x00>c", "c"},
		{"<b\x00>c", "<b\x00>c"},
		{"a<", "a<"},
		{"a<b", "a<b"},
		{"a</b", "a</b"},
		{"a</", "a</"},
		{"a<!", "a<!"},
		{"a<![", "a<!["},
		{"a<![cdata", "a<![cdata"},
		{"a<![cdata[b", "a<![cdata[b"},
		{"a<![cdata[b]]>c", "abc"},
		{"a<![cdata[]]>c", "a c"},
		{"a<![cdata [b]]>c", "ac"},
		{"<rt><![cdata[b]]></rt>", "b"},
		{"a<![ignore[b]] >c", "ac"},
		{"a<![if x]>b<![endif]>c", "abc"},
		{"a<!--b-->c", "ac"},
		{"a<!--b-- >c", "ac"},
		{"a<!--b->c", "a<!--b->c"},
		{"a<?b>c", "ac"},
		{"a<!b>c", "ac"},
		{"a</1>c</>d", "acd"},
		{"a</b c=\"d\">e", "ae"},
		{"<rt>a</rt/>b", "b"},
		{"&eacute;&eacute &foo;&foo &", "éé &foo&foo &"},
		{"&#65;&#x41 &#0;&#128;&#1;", "AA \ufffd€\x01"},
		{"&#;x &#;<b>y</b>", "&#;x &#;<b>y</b>"},
		{"&#x <b>y</b>", "&#x <b>y</b>"},
		{"a &b", "a b"},
		{"a &bc", "a &bc"},
		{"a &b-", "a &b-"},
		{"a &1", "a &1"},
	} {
		if got := string(htmlText([]rune(c.in))); got != c.want {
			t.Errorf("htmlText(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

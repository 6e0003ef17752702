package t5

import "testing"

// The expectations are what re.sub makes of the official pattern for http.
func TestDropLinks(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"http://a", "a"},
		{"https:////a", "/a"},
		{"https:a", ""},
		{"http:%", ""},
		{"http: a", "http: a"},
		{"xhttp:a", "xhttp:a"},
		{"see example.com.", "see ."},
		{"see example.com/a/b-c_d?e", "see ?e"},
		{"example.com/", ""},
		{"example.com-", "-"},
		{"example.com/@", "/@"},
		{"a@b.com", "a@"},
		{"a.com@b", "a.com@b"},
		{"a.com/b@c", "b@c"},
		{"a.com/b/@c", "/@c"},
		{"a.comb", ""},
		{"a.comb@", "a.comb@"},
		{"a.com.b", ".b"},
		{"a.com.com.b.com", ""},
		{"a.b.c.it d.ru", " "},
		{".com", ".com"},
		{"x .com", "x .com"},
		{"..com", "..com"},
		{"x..com", ""},
		{"a.comé", ""},
		{"éa.com", "éa.com"},
		{"é.com", "é.com"},
		{"é..com", "é"},
		{"a-b.com", ""},
		{"-a.com", "-"},
		{"a.co/m.com", ".com"},
	} {
		if got := string(dropLinks([]rune(c.in), httpScheme)); got != c.want {
			t.Errorf("dropLinks(%q) = %q, want %q", c.in, got, c.want)
		}
	}
	for in, want := range map[string]string{"www:a": "", "www://a": "a", "www.a": "www.a", "ww:a": "ww:a", "www:": "www:"} {
		if got := string(dropLinks([]rune(in), wwwScheme)); got != want {
			t.Errorf("dropLinks(%q) = %q, want %q", in, got, want)
		}
	}
}

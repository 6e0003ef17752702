package t5

import "testing"

// The expectations are what urllib.parse.unquote_plus gives.
func TestUnquotePlus(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"a+b%20c", "a b c"},
		{"%2B%2b", "++"},
		{"100%", "100%"},
		{"%4", "%4"},
		{"%zz", "%zz"},
		{"%%41", "%A"},
		{"%C3%A9é%c3%a9", "ééé"},
		{"%c3é%a9", "\ufffdé\ufffd"},
		{"%e2%82", "\ufffd"},
		{"%e2%82x", "\ufffdx"},
		{"%e2%e2%82%ac", "\ufffd€"},
		{"%ff%fe", "\ufffd\ufffd"},
		{"%ed%a0%80", "\ufffd\ufffd\ufffd"},
		{"%ed%9f", "\ufffd"},
		{"%e0%80%af", "\ufffd\ufffd\ufffd"},
		{"%e0%a0", "\ufffd"},
		{"%f0%9f%98%80", "😀"},
		{"%f0%9f%98", "\ufffd"},
		{"%f0%80%80", "\ufffd\ufffd\ufffd"},
		{"%f4%8f%bf", "\ufffd"},
		{"%f4%90%80%80", "\ufffd\ufffd\ufffd\ufffd"},
		{"%f5%80", "\ufffd\ufffd"},
		{"%c0%80", "\ufffd\ufffd"},
		{"%80", "\ufffd"},
		{"", ""},
	} {
		if got := string(unquotePlus([]rune(c.in))); got != c.want {
			t.Errorf("unquotePlus(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

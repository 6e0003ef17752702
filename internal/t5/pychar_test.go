package t5

import "testing"

// The expectations are what Python 3.11 says.
func TestPythonClasses(t *testing.T) {
	for _, c := range []struct {
		r                  rune
		space, word, digit bool
	}{
		{'a', false, true, false}, {'_', false, true, false}, {'7', false, true, true}, {'-', false, false, false},
		{'é', false, true, false}, {'ª', false, true, false}, {'²', false, true, false}, {'½', false, true, false},
		{'Ⅷ', false, true, false}, {'٣', false, true, true}, {'①', false, true, false}, {'中', false, true, false},
		{0x301, false, false, false}, {0x903, false, false, false}, {'×', false, false, false}, {'º', false, true, false},
		{' ', true, false, false}, {'\v', true, false, false}, {0x1c, true, false, false}, {0x85, true, false, false},
		{0xa0, true, false, false}, {0x200b, false, false, false}, {0x3000, true, false, false}, {0xfeff, false, false, false},
	} {
		if isSpace(c.r) != c.space || isWord(c.r) != c.word || isDigit(c.r) != c.digit {
			t.Errorf("%U: space %v word %v digit %v", c.r, isSpace(c.r), isWord(c.r), isDigit(c.r))
		}
	}
}

func TestLower(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"ABC xyz", "abc xyz"},
		{"İ", "i\u0307"},
		{"ΑΣ", "ας"},
		{"ΑΣΑ", "ασα"},
		{"Σ", "σ"},
		{"ΑΣ'Σ", "ασ'ς"},
		{"ΑΣ\u0301.Α", "ασ\u0301.α"},
		{"1Σ", "1σ"},
		{"ẞǅ", "ßǆ"},
	} {
		if got := string(lower([]rune(c.in))); got != c.want {
			t.Errorf("lower(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

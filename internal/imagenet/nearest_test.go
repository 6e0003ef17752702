package imagenet

import (
	"math"
	"testing"
)

func TestEdits(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"kitten", "sitting", 3},
		{"glodfish", "goldfish", 1}, // a swap
		{"ca", "abc", 3},            // no place is edited twice
		{"жук", "лук", 1},
	} {
		if got := edits([]rune(tt.a), []rune(tt.b)); got != tt.want {
			t.Errorf("edits(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := edits([]rune(tt.b), []rune(tt.a)); got != tt.want {
			t.Errorf("edits(%q, %q) = %d, want %d", tt.b, tt.a, got, tt.want)
		}
	}
}

func TestOverlap(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want float64
	}{
		{"", "", 0},
		{"dog", "", 0},
		{"dog", "Dog", 1},
		{"welsh", "Pembroke Welsh corgi", 0.5},
		{"dog dog dog", "dog", 1},
		{"golden retreiver", "golden retriever", (2 + 2*(1-1.0/9)) / 4},
		{"ten", "pen", 0}, // 2 of 3 letters: another word, not a misspelt one
	} {
		if got := overlap(words(tt.a), words(tt.b)); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("overlap(%q, %q) = %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestNearestOrder(t *testing.T) {
	names := []string{"red fox", "grey fox", "fox", "fix", "boxes"}
	got := nearest("foxes", names, 3)
	if len(got) != 1 || got[0].Index != 4 {
		t.Errorf("foxes: %v, want only boxes", got)
	}
	got = nearest("the fox", names, 2)
	if len(got) != 2 || got[0].Index != 2 || got[1].Index != 0 {
		t.Errorf("the fox: %v, want 2 then 0", got)
	}
}

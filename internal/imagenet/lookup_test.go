package imagenet

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestLookup(t *testing.T) {
	own := []string{"chat, matou", "Épagneul breton", "7", "résumé", "resume", "", " , ", "naïve cafe, naïve café", "Straße"}
	tests := []struct {
		query string
		names []string
		want  int
	}{
		{"tench", nil, 0},
		{"Tinca tinca", nil, 0},
		{"tench, Tinca tinca", nil, 0},
		{"golden retriever", nil, 207},
		{"GOLDEN RETRIEVER", nil, 207},
		{"golden_retriever", nil, 207},
		{"  golden-retriever\n", nil, 207},
		{"goldenretriever", nil, 207},
		{"golden\u2013retriever", nil, 207},
		{"jack o' lantern", nil, 607},
		{"Jack-o’-Lantern", nil, 607},
		{"R.V.", nil, 757},
		{"crane bird", nil, 134},
		{"construction crane", nil, 517},
		{"maillot, tank suit", nil, 639},
		{"pékinese", nil, 154},
		{"pe\u0301kinese", nil, 154},
		{"toilet paper", nil, 999},
		{"matou", own, 0},
		{"epagneul breton", own, 1},
		{"E\u0301PAGNEUL BRETON", own, 1},
		{"7", own, 2},
		{"résumé", own, 3},
		{"re\u0301sume\u0301", own, 3},
		{"resume", own, 4},
		{"naive café", own, 7},
		{"straße", own, 8},
	}
	for _, tt := range tests {
		if tt.names == nil {
			tt.names = Names()
		}
		got, err := Lookup(tt.query, tt.names)
		if err != nil || got != tt.want {
			t.Errorf("Lookup(%q) = %d, %v, want %d", tt.query, got, err, tt.want)
		}
	}
}

func TestLookupErrors(t *testing.T) {
	many := slices.Repeat([]string{"thing"}, 8)
	tests := []struct {
		query string
		names []string
		want  string
	}{
		{"", nil, `class name is empty`},
		{" \t_-\u2014", nil, `class name is empty`},
		{"crane", nil, `class "crane" is ambiguous, 2 classes have that name: 134 (crane, crane bird); 517 (crane, construction crane)`},
		{"maillot", nil, `class "maillot" is ambiguous, 2 classes have that name: 638 (maillot); 639 (maillot, tank suit)`},
		{"Cardigan", nil, `class "Cardigan" is ambiguous, 2 classes have that name: 264 (Cardigan, Cardigan Welsh corgi); 474 (cardigan)`},
		{"golden retreiver", nil, `class "golden retreiver" is unknown; nearest: 207 (golden retriever)`},
		{"glodfish", nil, `class "glodfish" is unknown; nearest: 1 (goldfish, Carassius auratus); ` +
			`397 (puffer, pufferfish, blowfish, globefish)`},
		{"labrador", nil, `class "labrador" is unknown; nearest: 208 (Labrador retriever)`},
		{"photo of a golden retriever", nil, `class "photo of a golden retriever" is unknown; nearest: 207 (golden retriever)`},
		{"retriever", nil, `class "retriever" is unknown; nearest: 207 (golden retriever); 208 (Labrador retriever); ` +
			`205 (flat-coated retriever); 206 (curly-coated retriever); 209 (Chesapeake Bay retriever)`},
		{"207", nil, `class "207" is unknown, and no class has a name like it`},
		{"-1", nil, `class "-1" is unknown, and no class has a name like it`},
		{"1e3", nil, `class "1e3" is unknown, and no class has a name like it`},
		{",", nil, `class "," is unknown, and no class has a name like it`},
		{"xyzzy", nil, `class "xyzzy" is unknown, and no class has a name like it`},
		{"\xff\xfe", nil, `class "\xff\xfe" is unknown, and no class has a name like it`},
		{"cat", []string{}, `class "cat" is unknown, and no class has a name like it`},
		{"naive", []string{"naïve", "naîve"}, `class "naive" is ambiguous, 2 classes have that name: 0 (naïve); 1 (naîve)`},
		{"thing", many, `class "thing" is ambiguous, 8 classes have that name: 0 (thing); 1 (thing); 2 (thing); 3 (thing); 4 (thing); and 3 more`},
		{strings.Repeat("ж", 100000), nil, `class "` + strings.Repeat("ж", 60) + `…" is unknown, and no class has a name like it`},
	}
	for _, tt := range tests {
		if tt.names == nil {
			tt.names = Names()
		}
		i, err := Lookup(tt.query, tt.names)
		if err == nil || err.Error() != tt.want {
			t.Errorf("Lookup(%.80q) = %d, %v\nwant error %s", tt.query, i, err, tt.want)
		}
	}
}

// TestLookupErrorFields fixes what a caller can read from the errors without parsing their text.
func TestLookupErrorFields(t *testing.T) {
	if _, err := Lookup(" ", Names()); !errors.Is(err, ErrEmpty) {
		t.Errorf("empty query: %v, want ErrEmpty", err)
	}
	var e *LookupError
	if _, err := Lookup("crane", Names()); !errors.As(err, &e) || e.Matches != 2 || len(e.Candidates) != 2 || e.Candidates[1].Index != 517 {
		t.Errorf("crane: %+v", e)
	}
	if _, err := Lookup("dalmatien", Names()); !errors.As(err, &e) || e.Matches != 0 || e.Query != "dalmatien" || e.Candidates[0].Index != 251 {
		t.Errorf("dalmatien: %+v", e)
	}
	for _, q := range []string{"dog", "cat", "bird", "snake", "bear", "car"} {
		if _, err := Lookup(q, Names()); !errors.As(err, &e) || len(e.Candidates) == 0 || len(e.Candidates) > maxShown {
			t.Errorf("%s: %+v, want 1 to %d candidates", q, e, maxShown)
		}
	}
}

// TestEveryNameFindsItsClass looks up every label and synonym of the list: it is found, or reported ambiguous with its own
// number and the other's.
func TestEveryNameFindsItsClass(t *testing.T) {
	names := Names()
	ambiguous := map[string]bool{}
	for i, label := range names {
		for _, name := range append(strings.Split(label, ","), label) {
			got, err := Lookup(name, names)
			if err == nil && got == i {
				continue
			}
			var e *LookupError
			own := func(c Candidate) bool { return c.Index == i && c.Label == label }
			if !errors.As(err, &e) || e.Matches != 2 || len(e.Candidates) != 2 || !slices.ContainsFunc(e.Candidates, own) {
				t.Errorf("%q of class %d: %d, %v", name, i, got, err)
			}
			ambiguous[key(name)] = true
		}
	}
	got := make([]string, 0, len(ambiguous))
	for name := range ambiguous {
		got = append(got, name)
	}
	slices.Sort(got)
	want := []string{"cardigan", "catamount", "crane", "crawfish", "crayfish", "gong", "grasssnake", "harp", "horn", "maillot", "missile",
		"panda", "panther", "partridge", "polecat", "sandviper", "susscrofa", "tub", "wagon"}
	if !slices.Equal(got, want) {
		t.Errorf("ambiguous names:\n%q\nwant\n%q", got, want)
	}
}

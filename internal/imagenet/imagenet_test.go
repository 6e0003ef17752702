package imagenet

import (
	"slices"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	names := Names()
	if len(names) != Classes {
		t.Fatalf("%d names, want %d", len(names), Classes)
	}
	// Class numbers that are well known, spread over the list: a line lost or doubled shifts those after it.
	for i, want := range map[int]string{
		0: "tench, Tinca tinca", 88: "macaw", 207: "golden retriever", 281: "tabby, tabby cat", 360: "otter",
		387: "lesser panda, red panda, panda, bear cat, cat bear, Ailurus fulgens", 417: "balloon", 574: "golf ball",
		817: "sports car, sport car", 928: "ice cream, icecream", 933: "cheeseburger", 973: "coral reef",
		979: "valley, vale", 980: "volcano", 999: "toilet tissue, toilet paper, bathroom tissue",
	} {
		if names[i] != want {
			t.Errorf("class %d is %q, want %q", i, names[i], want)
		}
	}
	seen := map[string]int{}
	for i, n := range names {
		if n != strings.TrimSpace(n) || strings.Contains(n, ",,") || n == "" {
			t.Errorf("class %d: malformed label %q", i, n)
		}
		if j, dup := seen[n]; dup {
			t.Errorf("classes %d and %d are both %q", j, i, n)
		}
		seen[n] = i
	}
}

func TestNamesIsACopy(t *testing.T) {
	Names()[0] = "changed"
	if Names()[0] == "changed" {
		t.Error("a caller can change the list for others")
	}
}

func TestParseNamesCounts(t *testing.T) {
	all := strings.Join(Names(), "\r\n")
	if got := parseNames("# comment\r\n\r\n" + all); !slices.Equal(got, Names()) {
		t.Error("line ends or comments change the names")
	}
	defer func() {
		if recover() == nil {
			t.Error("a list one name short is accepted")
		}
	}()
	parseNames(all[:strings.LastIndex(all, "\r\n")])
}

package imagenet

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxShown is the largest number of candidates that a LookupError lists.
const maxShown = 5

// ErrEmpty is returned by Lookup for a query without a visible character.
var ErrEmpty = errors.New("class name is empty")

// A Candidate is a class that a query may have meant.
type Candidate struct {
	Index int    // class number: the position in the label list
	Label string // the class's whole label, all its synonyms
}

// A LookupError says why a query names no one class.
type LookupError struct {
	Query string
	// Matches is the number of classes that the query names: 0, or 2 and more.
	Matches int
	// Candidates are the classes that the query names, in class order, or, if it names none, the nearest ones, best first. At
	// most 5, and none if nothing comes near.
	Candidates []Candidate
}

// Error returns one line, such as
//
//	class "crane" is ambiguous, 2 classes have that name: 134 (crane, crane bird); 517 (crane, construction crane)
//	class "golden retreiver" is unknown; nearest: 207 (golden retriever)
func (e *LookupError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "class %s is ", quote(e.Query))
	switch {
	case e.Matches > 0:
		fmt.Fprintf(&b, "ambiguous, %d classes have that name: ", e.Matches)
	case len(e.Candidates) > 0:
		b.WriteString("unknown; nearest: ")
	default:
		b.WriteString("unknown, and no class has a name like it")
	}
	for i, c := range e.Candidates {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%d (%s)", c.Index, c.Label)
	}
	if more := e.Matches - len(e.Candidates); more > 0 {
		fmt.Fprintf(&b, "; and %d more", more)
	}
	return b.String()
}

// Lookup returns the number of the class that query names: the one entry of names with a synonym, or a whole label, equal to
// query. Case, white space, underscores and dashes do not matter, and accents do not where no name has just those accents.
//
// names holds a label a class, its synonyms separated by commas: Names(), or what a model file declares. A number is looked
// up as a name like any other. Errors: ErrEmpty, or a *LookupError if no class or more than one has that name; a name that is
// one class's only name and another's synonym is ambiguous too ("cardigan" is a garment and a corgi).
func Lookup(query string, names []string) (index int, err error) {
	if key(query) == "" {
		return 0, ErrEmpty
	}
	for _, normal := range []func(string) string{key, plainKey} {
		found := matches(query, names, normal)
		switch len(found) {
		case 0:
			continue
		case 1:
			return found[0], nil
		}
		e := &LookupError{Query: query, Matches: len(found)}
		for _, i := range found[:min(len(found), maxShown)] {
			e.Candidates = append(e.Candidates, Candidate{i, names[i]})
		}
		return 0, e
	}
	return 0, &LookupError{Query: query, Candidates: nearest(query, names, maxShown)}
}

// matches returns, in order, the classes with a name that normal makes equal to query.
func matches(query string, names []string, normal func(string) string) []int {
	var found []int
	q := normal(query)
	for i, label := range names {
		k := normal(label) // normal keeps commas: the label's key, split, is its synonyms' keys
		if k == q || slices.Contains(strings.Split(k, ","), q) {
			found = append(found, i)
		}
	}
	return found
}

// quote quotes a query for a message, cut after 60 characters.
func quote(s string) string {
	const limit = 60
	if r := []rune(s); len(r) > limit {
		s = string(r[:limit]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

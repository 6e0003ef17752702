package t5

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestAddedTokens(t *testing.T) {
	plain := func(names ...string) []addedToken {
		var tokens []addedToken
		for i, name := range names {
			tokens = append(tokens, addedToken{id: int32(i), content: name})
		}
		return tokens
	}
	trimming := []addedToken{{id: 0, content: "<x>", trimLeft: true, trimRight: true}, {id: 1, content: "<y>"}}
	single := []addedToken{{id: 0, content: "cat", singleWord: true}, {id: 1, content: "-"}}
	for _, c := range []struct {
		tokens []addedToken
		text   string
		want   []string
	}{
		{plain("<a>"), "", nil},
		{plain("<a>"), "x", []string{"x"}},
		{plain("<a>"), "<a>", []string{"#0"}},
		{plain("<a>"), "x<a>y<a><a>", []string{"x", "#0", "y", "#0", "#0"}},
		{plain("<a", "<a>", "a>b"), "<a>b", []string{"#1", "b"}}, // the leftmost, then the longest
		{plain("aa"), "aaa", []string{"#0", "a"}},
		{plain("<a>"), "<<a>>", []string{"<", "#0", ">"}},
		{plain(""), "x", []string{"x"}},
		{nil, "x", []string{"x"}},
		{trimming, "a \u3000<x>\n b", []string{"a", "#0", "b"}},
		{trimming, " <x> <x> ", []string{"#0", "#0"}},
		{trimming, "<y> <x>", []string{"#1", "#0"}},
		{trimming, "<x> <y>", []string{"#0", "#1"}},
		{single, "cat cats tomcat cat", []string{"#0", " cats tomcat ", "#0"}},
		{single, "écat cat\u0301 cat_ cat1 cat", []string{"écat cat\u0301 cat_ cat1 ", "#0"}},
		{single, "cat-cat", []string{"#0", "#1", "#0"}},
		{single, "xcat-cat", []string{"xcat", "#1", "#0"}},
	} {
		var got []string
		newAddedTokens(c.tokens).split(c.text, func(s string) { got = append(got, s) }, func(id int32) { got = append(got, fmt.Sprint("#", id)) })
		if !slices.Equal(got, c.want) {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
}

func TestPipeline(t *testing.T) {
	base := func(change func(*pipeline)) *pipeline {
		p := &pipeline{prefix: prefixAlways, split: true}
		change(p)
		return p
	}
	for _, c := range []struct {
		name  string
		p     *pipeline
		text  string
		first bool
		want  string
	}{
		{"always", base(func(*pipeline) {}), "a b", false, "▁a ▁b"},
		{"always", base(func(*pipeline) {}), " a", false, "▁a"},
		{"always", base(func(*pipeline) {}), "a  b ", false, "▁a ▁ ▁b ▁"},
		{"always", base(func(*pipeline) {}), "a▁▁b", false, "▁a ▁ ▁b"},
		{"always", base(func(*pipeline) {}), "", true, ""},
		{"always", base(func(*pipeline) {}), "a\tb", true, "▁a\tb"},
		{"first", base(func(p *pipeline) { p.prefix = prefixFirst }), "a b", true, "▁a ▁b"},
		{"first", base(func(p *pipeline) { p.prefix = prefixFirst }), "a b", false, "a ▁b"},
		{"never", base(func(p *pipeline) { p.prefix = prefixNever }), "a b", true, "a ▁b"},
		{"whole", base(func(p *pipeline) { p.split = false }), "a b", true, "▁a▁b"},
		{"words", base(func(p *pipeline) { p.dropSpace = true }), " a\u3000b\n", true, "▁a ▁b"},
		{"words", base(func(p *pipeline) { p.dropSpace = true }), " \n", true, ""},
		{"words", base(func(p *pipeline) { p.dropSpace = true }), "ab", true, "▁ab"},
		{"first word", base(func(p *pipeline) { p.dropSpace, p.prefix = true, prefixFirst }), "a b", true, "▁a b"},
		{"first word", base(func(p *pipeline) { p.dropSpace, p.prefix = true, prefixFirst }), " a b", true, "a b"},
	} {
		var got []string
		c.p.words(c.text, c.first, func(s string) { got = append(got, s) })
		if joined := strings.Join(got, " "); joined != c.want {
			t.Errorf("%s: %q: got %q, want %q", c.name, c.text, joined, c.want)
		}
	}
	collapse := collapseSpaces("_")
	for in, want := range map[string]string{"": "", "a": "a", "a b": "a b", "a  b   c": "a_b_c", "  a ": "_a ", "a  ": "a_"} {
		if got := collapse(in); got != want {
			t.Errorf("collapse(%q) = %q, want %q", in, got, want)
		}
	}
}

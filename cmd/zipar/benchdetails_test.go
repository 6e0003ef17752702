package main

import (
	"bufio"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/testmodel"
)

// writeTestModel writes a model of 6 x 8 tokens into a folder.
func writeTestModel(t *testing.T, dir, name string, o testmodel.Options) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := testmodel.Write(f, o); err != nil {
		t.Fatal(err)
	}
}

// details runs bench in a folder and returns the lines of --details.
func details(t *testing.T, dir string, args ...string) []benchDetail {
	t.Helper()
	cmd := exec.Command("zipar", append([]string{"bench", "--details", "details.jsonl"}, args...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	f, err := os.Open(filepath.Join(dir, "details.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []benchDetail
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var d benchDetail
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

// The lines of --details fit together: figures with tokens, trials with windows and likelihoods.
func TestDetailsAgreeWithEachOther(t *testing.T) {
	const rows, cols, repeat = 6, 8, 3
	dir := t.TempDir()
	writeTestModel(t, dir, "tiny.gguf", testmodel.Options{})
	all := details(t, dir, "-m", "tiny.gguf", "--class", "3", "--seed", "5", "-r", "3", "--window", "1,3", "--adaptive", "--temp", "1", "--top-k", "0", "--top-p", "1")
	if len(all) != repeat*5 {
		t.Fatalf("%d lines, want %d: NTP and two windows, fixed and adaptive, three times", len(all), repeat*5)
	}
	trials, unlike := 0, 0
	for i, d := range all {
		ntp := all[i/5*5]
		if d.Seed != uint64(5+i/5) || d.Condition != "class 3" || ntp.Window != cols || d.Adaptive != (i%5 == 2 || i%5 == 4) {
			t.Errorf("line %d: %q, seed %d, window %d, adaptive %v", i+1, d.Condition, d.Seed, d.Window, d.Adaptive)
		}
		if len(d.Codes) != rows*cols || len(d.LogLikelihoods) != rows*cols || len(d.Expected) != rows*cols || len(d.Windows) != rows {
			t.Fatalf("line %d: %d codes, %d and %d likelihoods, %d windows", i+1, len(d.Codes), len(d.LogLikelihoods), len(d.Expected), len(d.Windows))
		}
		var sum, same float64
		for n, l := range d.LogLikelihoods {
			sum += l
			if d.Codes[n] == ntp.Codes[n] {
				same++
			}
		}
		if got := d.Figures["log_likelihood"]; math.Abs(got-sum/(rows*cols)) > 1e-9 {
			t.Errorf("line %d: log-likelihood %v, that of the tokens %v", i+1, got, sum/(rows*cols))
		}
		if got := d.Figures["token_agreement"]; math.Abs(got-same/(rows*cols)) > 1e-9 {
			t.Errorf("line %d: agreement %v, that of the codes %v", i+1, got, same/(rows*cols))
		}
		if !d.Adaptive {
			if len(d.Trials) != 0 {
				t.Errorf("line %d: trials without adaptive windows", i+1)
			}
			continue
		}
		want := 0
		for _, w := range d.Windows[1:] {
			want += min(w, cols-1) - d.Window + 1
		}
		if len(d.Trials) != want {
			t.Errorf("line %d: %d trials, windows %v want %d", i+1, len(d.Trials), d.Windows, want)
		}
		for _, r := range d.Trials {
			trials++
			if r.ChangeNTP > 0 {
				unlike++
			}
			if r.P <= 0 || r.P > 1 || r.Change > r.ChangeNTP+r.Unforeseen+1e-6 || r.Change < 0 || r.ChangeNTP > 1 {
				t.Errorf("line %d: %+v", i+1, r)
			}
			// With every token in the draw its share is its likelihood.
			if at := r.Row * cols; r.Accepted && (r.Token != d.Codes[at] || math.Abs(math.Log(r.NTP)-d.LogLikelihoods[at]) > 1e-4) {
				t.Errorf("line %d, row %d: token %d with %v, the picture has %d with a log-likelihood of %v", i+1, r.Row, r.Token, r.NTP, d.Codes[at], d.LogLikelihoods[at])
			}
		}
	}
	if trials < 50 || unlike == 0 {
		t.Errorf("%d trials, %d of them with another distribution in NTP: the test says nothing", trials, unlike)
	}
}

// What next-token decoding draws has the expected likelihood, within its error; greedily that of every token.
func TestExpectedLikelihoods(t *testing.T) {
	dir := t.TempDir()
	writeTestModel(t, dir, "tiny.gguf", testmodel.Options{})
	draw := func(more ...string) []benchDetail {
		return details(t, dir, append([]string{"-m", "tiny.gguf", "--class", "3", "--seed", "9", "--window", "1"}, more...)...)
	}
	for _, d := range draw("--temp", "0") {
		for n, l := range d.LogLikelihoods {
			if e := d.Expected[n]; d.Window == 8 && e != l || e < l-1e-6 {
				t.Errorf("greedy, window %d, token %d: %v, expected %v", d.Window, n, l, e)
			}
		}
	}
	for _, sampling := range [][]string{{"--temp", "1", "--top-k", "0"}, {"--temp", "2", "--top-k", "20", "--top-p", "0.9"}} {
		var sum, squares, n, window float64
		for _, d := range draw(append(sampling, "-r", "20")...) {
			for i, l := range d.LogLikelihoods {
				off := l - d.Expected[i]
				if d.Window != 8 {
					window += off
					continue
				}
				sum, squares, n = sum+off, squares+off*off, n+1
			}
		}
		if deviation := math.Sqrt(squares); math.Abs(sum) > 4*deviation || window > -8*deviation {
			t.Errorf("%v: in %v tokens NTP is %v off, window 1 %v; the error is %v", sampling, n, sum, window, deviation)
		}
	}
}

// A judge of equal weights changes nothing, other weights change the
// likelihoods and nothing else.
func TestJudge(t *testing.T) {
	dir := t.TempDir()
	writeTestModel(t, dir, "tiny.gguf", testmodel.Options{Caption: true, Text: true})
	writeTestModel(t, dir, "again.gguf", testmodel.Options{Caption: true, Text: true, NoVQ: true})
	writeTestModel(t, dir, "q8.gguf", testmodel.Options{Caption: true, Text: true, Type: ggml.Q8_0})
	run := func(more ...string) []benchDetail {
		return details(t, dir, append([]string{"-m", "tiny.gguf", "--prompt", "a red apple", "--seed", "1", "--window", "2", "--adaptive"}, more...)...)
	}
	own, again, q8 := run(), run("--judge", "again.gguf"), run("--judge", "q8.gguf")
	for i, d := range own {
		if !slices.Equal(d.LogLikelihoods, again[i].LogLikelihoods) || !slices.Equal(d.Expected, again[i].Expected) || !reflect.DeepEqual(d.Trials, again[i].Trials) {
			t.Errorf("line %d: a judge of equal weights sees something else", i+1)
		}
		if slices.Equal(d.LogLikelihoods, q8[i].LogLikelihoods) || !reflect.DeepEqual(d.Trials, q8[i].Trials) || !slices.Equal(d.Codes, q8[i].Codes) {
			t.Errorf("line %d: other weights changed the picture, or not its likelihood", i+1)
		}
	}
}

func TestVariation(t *testing.T) {
	for _, c := range []struct {
		p, q []float32
		want float64
	}{
		{[]float32{0.5, 0.5, 0}, []float32{0.5, 0.5, 0}, 0},
		{[]float32{1, 0, 0}, []float32{0, 0.5, 0.5}, 1},
		{[]float32{0.5, 0.25, 0.25}, []float32{0.25, 0.25, 0.5}, 0.25},
	} {
		if got := variation(c.p, c.q); got != c.want {
			t.Errorf("%v and %v: %v, want %v", c.p, c.q, got, c.want)
		}
	}
}

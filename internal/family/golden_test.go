package family

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/zipar/zipar/internal/convert"
	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/gguf"
	"github.com/zipar/zipar/internal/npy"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/zipar"
)

const golden = "../../testdata/golden/"

// goldenConfig is the .json file of a golden model.
type goldenConfig struct {
	Config struct {
		Heads   int
		KVHeads int `json:"kv_heads"`
		Grid    int
	}
	Steps map[string]int
}

// goldenModel converts an official checkpoint and opens it.
func goldenModel(t *testing.T, name string, typ ggml.Type) (*llamaGen, goldenConfig) {
	t.Helper()
	var c goldenConfig
	text, err := os.ReadFile(golden + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), name+".gguf")
	o := convert.Options{Checkpoint: golden + name + ".pt", Out: out, Type: typ, Heads: &c.Config.Heads, Grid: &convert.Grid{Rows: c.Config.Grid, Cols: c.Config.Grid}}
	if c.Config.KVHeads > 0 {
		o.KVHeads = &c.Config.KVHeads
	}
	if _, err := convert.Convert(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	m, err := Open(f)
	if err != nil {
		t.Fatal(err)
	}
	return m.(*llamaGen), c
}

func goldenData(t *testing.T, name string) map[string]*npy.Array {
	t.Helper()
	data, err := npy.OpenZip(golden + name + ".npz")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// goldenCondition is the condition that a golden file names.
func goldenCondition(t *testing.T, p *tensor.Pool, m *llamaGen, data map[string]*npy.Array) *Condition {
	t.Helper()
	var c *Condition
	var err error
	if class := data["class"]; class != nil {
		c, err = m.Class(p, int(class.Int32()[0]))
	} else {
		// Left-padded: the real positions are the last ones.
		mask := data["caption_mask"].Int32()
		pad := slices.Index(mask, 1)
		n := len(mask) - pad
		width := data["caption_emb"].Shape[2]
		c, err = m.Caption(p, data["caption_emb"].Float32()[pad*width:], n)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// greedy decodes and returns the codes and the guided logits of every slot.
func greedy(t *testing.T, p *tensor.Pool, m *llamaGen, c *Condition, window int, g zipar.Guidance) (zipar.Picture, [][]float32) {
	t.Helper()
	r := &recorder{Model: m.Decoder(p, []*Condition{c}), grid: m.grid, logits: map[string][]float32{}}
	pictures, err := zipar.Decode(context.Background(), r, zipar.Options{
		Grid: m.grid, Window: window, Guidance: g, Sampling: zipar.Sampling{TopP: 1}, Noise: []zipar.Noise{{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var logits [][]float32
	for i := range m.grid.Tokens() {
		l := r.logits[fmt.Sprint(0, i, "cond")]
		if g.Guides(i) {
			for j, u := range r.logits[fmt.Sprint(0, i, "uncond")] {
				l[j] = u + (l[j]-u)*g.Scale
			}
		}
		logits = append(logits, l)
	}
	return pictures[0], logits
}

// worst returns the largest difference between logits of the slots that pick
// names and those of the golden file.
func worst(got [][]float32, want []float32, pick func(i int) bool) float64 {
	var d float64
	for i, l := range got {
		if !pick(i) {
			continue
		}
		for j, v := range l {
			d = max(d, math.Abs(float64(v-want[j])))
		}
		want = want[len(l):]
	}
	if len(want) != 0 {
		return math.Inf(1)
	}
	return d
}

// TestEqualsTheOfficialCode decodes greedily with f32 weights, with all kernels
// that this machine has, and wants all tokens of the official code and logits
// within 1e-3.
func TestEqualsTheOfficialCode(t *testing.T) {
	defer tensor.Select(tensor.CPU())
	for _, cpu := range tensor.CPUs() {
		if err := tensor.Select(cpu); err != nil {
			t.Fatal(err)
		}
		for name, cases := range map[string]int{"c2i-tiny": 14, "t2i-tiny": 10, "c2i-hd20": 10, "c2i-gqa": 10, "c2i-tiny-interval": 2} {
			t.Run(cpu+"/"+name, func(t *testing.T) { checkGolden(t, name, cases) })
		}
	}
}

func checkGolden(t *testing.T, name string, cases int) {
	m, config := goldenModel(t, strings.TrimSuffix(name, "-interval"), ggml.F32)
	data := goldenData(t, name)
	p := tensor.NewPool(2)
	defer p.Close()
	c := goldenCondition(t, p, m, data)
	checked := 0
	for key, tokens := range data {
		base, ok := strings.CutSuffix(key, "_tokens")
		if !ok {
			continue
		}
		checked++
		window, g := parseCase(t, base, m.grid.Cols)
		got, logits := greedy(t, p, m, c, window, g)
		if !slices.Equal(got.Codes, tokens.Int32()) {
			t.Errorf("%s: codes %v, want %v", base, got.Codes, tokens.Int32())
		}
		passes := m.grid.Tokens()
		if steps, ok := config.Steps["zipar"+strconv.Itoa(window)]; ok {
			passes = steps
		}
		if got.Passes != passes {
			t.Errorf("%s: %d passes, want %d", base, got.Passes, passes)
		}
		var d float64
		n := len(logits)
		switch {
		case data[base+"_logits_first4_last4"] != nil:
			d = worst(logits, data[base+"_logits_first4_last4"].Float32(), func(i int) bool { return i < 4 || i >= n-4 })
		case data[base+"_logits_lastrow"] != nil:
			d = worst(logits, data[base+"_logits_lastrow"].Float32(), func(i int) bool { return i >= n-m.grid.Cols })
		default:
			d = worst(logits, data[base+"_logits"].Float32(), func(int) bool { return true })
		}
		if d > 1e-3 {
			t.Errorf("%s: logits differ by %g", base, d)
		}
		t.Logf("%s: %d passes, all %d tokens equal, logits within %.2g", base, got.Passes, n, d)
	}
	if checked != cases {
		t.Errorf("%d cases, want %d", checked, cases)
	}
}

// parseCase reads "ntp_cfg4", "zipar2_cfg7.5" and "ntp_cfg4_interval10".
func parseCase(t *testing.T, name string, cols int) (window int, g zipar.Guidance) {
	t.Helper()
	g.Interval = -1
	parts := strings.Split(name, "_")
	window = cols
	if w, ok := strings.CutPrefix(parts[0], "zipar"); ok {
		window, _ = strconv.Atoi(w)
	}
	scale, err := strconv.ParseFloat(strings.TrimPrefix(parts[1], "cfg"), 32)
	if err != nil {
		t.Fatal(err)
	}
	g.Scale = float32(scale)
	if len(parts) == 3 {
		if g.Interval, err = strconv.Atoi(strings.TrimPrefix(parts[2], "interval")); err != nil {
			t.Fatal(err)
		}
	}
	return window, g
}

// The same tokens come out of every number of threads.
func TestGoldenTokensForEveryThreadCount(t *testing.T) {
	m, _ := goldenModel(t, "c2i-tiny", ggml.F32)
	data := goldenData(t, "c2i-tiny")
	for _, threads := range []int{1, 2, 8} {
		p := tensor.NewPool(threads)
		c := goldenCondition(t, p, m, data)
		for _, window := range []int{1, 3, 8} {
			got, _ := greedy(t, p, m, c, window, zipar.Guidance{Scale: 4, Interval: -1})
			if want := data[fmt.Sprintf("zipar%d_cfg4_tokens", window)].Int32(); !slices.Equal(got.Codes, want) {
				t.Errorf("%d threads, window %d: codes %v, want %v", threads, window, got.Codes, want)
			}
		}
		p.Close()
	}
}

package pull

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The table has every official file under the grid that LlamaGen's README gives.
func TestBuiltInTable(t *testing.T) {
	models, err := Models(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, file, vq string
		rows           int
		text           bool
	}{
		{"c2i-B-256", "c2i_B_256.pt", "vq_ds16_c2i.pt", 16, false},
		{"c2i-B-384", "c2i_B_384.pt", "vq_ds16_c2i.pt", 24, false},
		{"c2i-L-256", "c2i_L_256.pt", "vq_ds16_c2i.pt", 16, false},
		{"c2i-L-384", "c2i_L_384.pt", "vq_ds16_c2i.pt", 24, false},
		{"c2i-XL-384", "c2i_XL_384.pt", "vq_ds16_c2i.pt", 24, false},
		{"c2i-XXL-384", "c2i_XXL_384.pt", "vq_ds16_c2i.pt", 24, false},
		{"c2i-3B-384", "c2i_3B_384.pt", "vq_ds16_c2i.pt", 24, false},
		{"t2i-XL-256", "t2i_XL_stage1_256.pt", "vq_ds16_t2i.pt", 16, true},
		{"t2i-XL-512", "t2i_XL_stage2_512.pt", "vq_ds16_t2i.pt", 32, true},
		{"vq-ds16-c2i", "", "vq_ds16_c2i.pt", 0, false},
		{"vq-ds8-c2i", "", "vq_ds8_c2i.pt", 0, false},
		{"vq-ds16-t2i", "", "vq_ds16_t2i.pt", 0, false},
		{"flan-t5-xl", "", "", 0, true},
	} {
		m, ok := Find(models, strings.ToUpper(c.name))
		if !ok {
			t.Errorf("%s is missing", c.name)
			continue
		}
		if (m.Main != nil && m.Main.File != c.file) || (m.Main == nil) != (c.file == "") {
			t.Errorf("%s: main %v, want %q", c.name, m.Main, c.file)
		}
		if (m.VQ != nil && m.VQ.File != c.vq) || (m.VQ == nil) != (c.vq == "") {
			t.Errorf("%s: vq %v, want %q", c.name, m.VQ, c.vq)
		}
		if m.Rows != c.rows || m.Cols != c.rows || (m.Text != nil) != c.text || m.FileBytes(m.Type) == 0 || m.Licence == "not stated" {
			t.Errorf("%s: %+v", c.name, m)
		}
		// 16 pixels a token, or none of either.
		if m.Main != nil && m.Pixels != 16*m.Rows {
			t.Errorf("%s: %d pixels for %d rows", c.name, m.Pixels, m.Rows)
		}
		// Larger than half a gigabyte in 16 bits: q8_0.
		if want := map[bool]string{true: "q8_0", false: "f16"}[m.FileBytes("f16") > 500e6]; m.Type != want {
			t.Errorf("%s: type %s, want %s", c.name, m.Type, want)
		}
	}
	if len(models) != 13 {
		t.Errorf("%d models", len(models))
	}
}

func TestParseTable(t *testing.T) {
	const good = "\n# mine\n tiny main=me/models@v1/sub/tiny.pt#" + "ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB" +
		",1.5M vq=me/models/vq.pt grid=8x9 heads=2 shape=3x64 pixels=32 type=q8_0 licence=MIT,CC0\n"
	models, err := parseTable("x", good)
	if err != nil || len(models) != 1 {
		t.Fatal(models, err)
	}
	m := models[0]
	want := Source{"me/models", "v1", "sub/tiny.pt", strings.Repeat("ab", 32)}
	if m.Main.Source != want || m.Main.Weights != 1_500_000 || m.VQ.File != "vq.pt" || m.VQ.Revision != "main" ||
		m.Rows != 8 || m.Cols != 9 || m.Heads != 2 || m.Licence != "MIT, CC0" || m.Type != "q8_0" {
		t.Errorf("%+v %+v %+v", m, m.Main, m.VQ)
	}
	for line, want := range map[string]string{
		"x":                          "nothing to fetch",
		"../x main=a/b/c grid=1x1":   "name",
		"x main=a/b/c":               "grid",
		"x main=a/b/../c grid=1x1":   "OWNER/REPOSITORY/FILE",
		"x main=a/b/c?d grid=1x1":    "OWNER/REPOSITORY/FILE",
		"x main=a/b grid=1x1":        "OWNER/REPOSITORY/FILE",
		"x main=a/b/. grid=1x1":      "OWNER/REPOSITORY/FILE",
		"x main=../b/c grid=1x1":     "OWNER/REPOSITORY",
		"x main=a/b@../c grid=1x1":   "OWNER/REPOSITORY",
		"x main=a/b/c#12 grid=1x1":   "sha256",
		"x main=a/b/c,many grid=1x1": "number of weights",
		"x main=a/b/c,-1M grid=1x1":  "number of weights",
		"x main=a/b/c grid=0x1":      "above 0",
		"x main=a/b/c grid=4":        "above 0",
		"x vq=a/b/c colour=red":      "no such field",
		"x vq=a/b/c text=a/b":        "between them",
		"x vq=a/b/c\nX vq=a/b/c":     "x:2: the model X is there already",
	} {
		if _, err := parseTable("x", line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", line, err, want)
		}
	}
}

func TestOwnTable(t *testing.T) {
	home := t.TempDir()
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(home, "models.txt"), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("mine vq=me/models/vq.pt\n")
	models, err := Models(home)
	if m, ok := Find(models, "mine"); err != nil || !ok || m.VQ.Repo != "me/models" || m.FileBytes("f16") != 0 {
		t.Error(m, err)
	}
	write("c2i-b-256 vq=me/models/vq.pt\n")
	if _, err := Models(home); err == nil || !strings.Contains(err.Error(), "c2i-b-256 is there already") {
		t.Error(err)
	}
}

func TestEstimates(t *testing.T) {
	models, err := Models(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m, _ := Find(models, "t2i-XL-512")
	// (775 M + 1.22 B) * 8.5 bits + 72 M * 16 bits; in f16 16 bits each.
	if got := m.FileBytes("q8_0"); got != 2_263_687_500 {
		t.Errorf("q8_0: %d", got)
	}
	if got := m.FileBytes("f16"); got != 4_134_000_000 {
		t.Errorf("f16: %d", got)
	}
	if got := m.DownloadBytes(); got != 4*(775e6+72e6+2.85e9) {
		t.Errorf("download: %d", got)
	}
	// Keys and values of 36 layers, 1280 wide, 120 + 1024 positions, two sequences; four maps of 128 channels.
	if got := m.MemoryBytes("q8_0") - m.FileBytes("q8_0"); got != 2*2*4*36*1280*1144+4*4*128*512*512 {
		t.Errorf("memory beside the file: %d", got)
	}
}

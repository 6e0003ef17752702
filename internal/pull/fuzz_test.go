package pull

import (
	"path"
	"path/filepath"
	"slices"
	"testing"
)

// FuzzParseTable reads tables of models. What a table names must stay in its place: a model's name in the models folder, a
// file in its repository.
func FuzzParseTable(f *testing.F) {
	f.Add(builtIn)
	f.Add("tiny main=me/models@v1/sub/tiny.pt,1.5M vq=me/models/vq.pt grid=8x9 heads=2 shape=3x64 pixels=32 type=q8_0 licence=MIT,CC0")
	f.Add("x vq=a/b/../../c")
	f.Add("x text=a/b,1e300B,NaN")
	f.Fuzz(func(t *testing.T, text string) {
		models, err := parseTable("models.txt", text)
		if err != nil {
			return
		}
		for _, m := range models {
			if p := ModelPath("home", m.Name); filepath.Dir(p) != filepath.Dir(ModelPath("home", "x")) {
				t.Errorf("the model %q would be %s", m.Name, p)
			}
			for _, part := range []*Part{m.Main, m.VQ, m.Text} {
				if part == nil {
					continue
				}
				if whole := path.Join(part.Repo, part.File); part.File != "" && whole != part.Repo+"/"+part.File || part.Weights < 0 || part.Whole < 0 {
					t.Errorf("%q: %+v", m.Name, part)
				}
			}
			if n := m.FileBytes("f16"); n < 0 {
				t.Errorf("%q: a file of %d bytes", m.Name, n)
			}
		}
	})
}

// FuzzParseIndex reads indexes of sharded weights, which come from the hub.
func FuzzParseIndex(f *testing.F) {
	for _, s := range []string{
		`{"weight_map":{"shared.weight":"model-00001-of-00002.safetensors","encoder.x":"model-00002-of-00002.safetensors","decoder.x":"../x"}}`,
		`{"weight_map":{"encoder.x":"../x"}}`, `{"weight_map":{"encoder.x":""}}`, `{"weight_map":{"encoder.x":".."}}`,
		`{"weight_map":{"encoder.x":"/x"}}`, `{"weight_map":[]}`, `{"weight_map":{}}`, `[`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		names, err := parseIndex(text)
		if err != nil {
			return
		}
		if len(names) == 0 || len(names) > maxShards || !slices.IsSorted(names) {
			t.Errorf("%q", names)
		}
		for _, name := range names {
			if filepath.Dir(filepath.Join("folder", name)) != "folder" || !filepath.IsLocal(name) {
				t.Errorf("%q is outside the folder", name)
			}
		}
	})
}

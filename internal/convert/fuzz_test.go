package convert

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/zipar/zipar/internal/gguf"
)

// fuzzFolder is a folder of a process of its own.
func fuzzFolder(f *testing.F) string {
	dir, err := os.MkdirTemp("", "zipar-fuzz")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func FuzzTextEncoderConfig(f *testing.F) {
	for _, change := range []map[string]any{
		nil, {"model_type": "bert"}, {"d_model": -1}, {"num_layers": 1e300}, {"layer_norm_epsilon": 0}, {"vocab_size": "many"},
		{"feed_forward_proj": nil}, {"relative_attention_num_buckets": 1 << 40},
	} {
		f.Add(hfConfig(change))
	}
	f.Add([]byte("{"))
	dir := fuzzFolder(f)
	if err := os.WriteFile(filepath.Join(dir, "spiece.model"), spieceModel(), 0o666); err != nil {
		f.Fatal(err)
	}
	// Weights that fit no config: the config is read to its end, no further.
	if err := os.WriteFile(filepath.Join(dir, "model.safetensors"), []byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"), 0o666); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, config []byte) {
		if err := os.WriteFile(filepath.Join(dir, "config.json"), config, 0o666); err != nil {
			t.Fatal(err)
		}
		e, err := openEncoderFolder(dir, &plan{out: gguf.NewWriter()})
		if err == nil {
			e.close()
			t.Fatal("a text encoder without weights was opened")
		}
	})
}

func FuzzShardIndex(f *testing.F) {
	for _, s := range []string{
		`{"weight_map":{"a":"x.safetensors"}}`, `{"weight_map":{"a":"../x.safetensors"}}`, `{"weight_map":{"a":"/x"}}`, `{"weight_map":{}}`,
		`{"weight_map":{"a":""}}`, `{"weight_map":{"a":"x\u0000y"}}`, `{"weight_map":{"a":".."}}`, `{"weight_map":[]}`, `{`,
	} {
		f.Add([]byte(s))
	}
	path := filepath.Join(fuzzFolder(f), "model.safetensors.index.json")
	f.Fuzz(func(t *testing.T, index []byte) {
		if err := os.WriteFile(path, index, 0o666); err != nil {
			t.Fatal(err)
		}
		s := &shards{folder: filepath.Dir(path), files: make(map[string]*shard), used: make(map[string]bool)}
		if s.readIndex(path) != nil {
			return
		}
		for name, file := range s.index {
			if filepath.Dir(filepath.Join("folder", file)) != "folder" {
				t.Fatalf("tensor %q is said to be in %q, outside the folder", name, file)
			}
		}
	})
}

func FuzzParseTypeRule(f *testing.F) {
	for _, s := range []string{"ffn=q8_0", "=f16", "[=f16", "a=b=q4_K", "(a*)*$=q6_K", "\xff=f32"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if rule, err := ParseTypeRule(s); err == nil {
			rule.Pattern.MatchString("blk.12.ffn_down.weight")
			if !rule.Type.Known() {
				t.Fatalf("%q gives the type %d", s, rule.Type)
			}
		}
	})
}

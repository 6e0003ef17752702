package pull

import (
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestLock(t *testing.T) {
	home := filepath.Join(t.TempDir(), "new")
	unlock, err := Lock(home)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(home); err == nil || !strings.Contains(err.Error(), "another pull is at work") {
		t.Error(err)
	}
	unlock()
	unlock, err = Lock(home)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

func TestCheckSpace(t *testing.T) {
	dir := t.TempDir()
	if err := CheckSpace(dir, 1); err != nil {
		t.Error(err)
	}
	if err := CheckSpace(dir, math.MaxInt64); err == nil || !strings.Contains(err.Error(), "ZIPAR_HOME") {
		t.Error(err)
	}
	if err := CheckSpace(filepath.Join(dir, "nothing"), math.MaxInt64); err != nil {
		t.Error("where the system does not tell, nothing is refused:", err)
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1 kB", 2_500_000: "2 MB", 11_400_000_000: "11.4 GB"} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestHome(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("ZIPAR_HOME", dir)
	if got, err := Home(); got != dir || err != nil {
		t.Error(got, err)
	}
	t.Setenv("ZIPAR_HOME", "")
	t.Setenv("XDG_DATA_HOME", dir)
	if got, err := Home(); got != filepath.Join(dir, "zipar") || err != nil {
		t.Error(got, err)
	}
	if runtime.GOOS == "linux" {
		t.Setenv("XDG_DATA_HOME", "relative is ignored")
		t.Setenv("HOME", dir)
		if got, err := Home(); got != filepath.Join(dir, ".local", "share", "zipar") || err != nil {
			t.Error(got, err)
		}
	}
}

func TestRemove(t *testing.T) {
	home := t.TempDir()
	path := big.Path(home)
	h := newFakeHub(t)
	hub, _ := h.hub(t, "")
	if err := hub.Download(t.Context(), big, path, nil); err != nil {
		t.Fatal(err)
	}
	if err := Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(Folder(home, "o/r")); err == nil {
		t.Error("the empty folder is still there")
	}
}

// A file that the hub's own tools have fetched is linked to, if it is the right one.
func TestFromCache(t *testing.T) {
	home, cache := t.TempDir(), t.TempDir()
	t.Setenv("HF_HOME", cache)
	h := newFakeHub(t)
	hub, _ := h.hub(t, "")
	info, err := hub.Stat(t.Context(), big)
	if err != nil {
		t.Fatal(err)
	}
	repo := filepath.Join(cache, "hub", "models--o--r")
	blob := filepath.Join(repo, "blobs", info.ETag)
	snapshot := filepath.Join(repo, "snapshots", "c0ffee")
	for _, dir := range []string{filepath.Dir(blob), snapshot, filepath.Join(repo, "refs")} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	path := big.Path(home)
	if FromCache(big, info, path) {
		t.Fatal("found in an empty cache")
	}
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(repo, "refs", "main"), "c0ffee")
	write(blob, string(h.content))
	if err := os.Symlink(filepath.Join("..", "..", "blobs", info.ETag), filepath.Join(snapshot, "big.pt")); err != nil {
		t.Fatal(err)
	}
	if !FromCache(big, info, path) || !Have(path, info) {
		t.Fatal("not found")
	}
	gets := h.gets
	if err := hub.Download(t.Context(), big, path, nil); err != nil || h.gets != gets {
		t.Error("fetched all the same", err)
	}
	if err := Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(blob); err != nil {
		t.Error("the cache's own file is gone")
	}
	write(blob, "X"+string(h.content[1:])) // the size is right, the bytes are not
	if FromCache(big, info, path) {
		t.Error("a damaged file was taken")
	}
	write(filepath.Join(repo, "refs", "main"), "../../../..")
	if FromCache(big, info, path) {
		t.Error("a reference that leads elsewhere was followed")
	}
}

// Of a sharded T5 the files with the encoder are fetched, of the formats the first that is there.
// manyShards is an index of one file more than there may be.
func manyShards() string {
	var b strings.Builder
	for i := range maxShards + 1 {
		fmt.Fprintf(&b, `,"encoder.%d":"x%d"`, i, i)
	}
	return `{"weight_map":{` + b.String()[1:] + `}}`
}

func TestTextEncoder(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"shards", map[string]string{
			"config.json": "{}", "spiece.model": "s", "tokenizer.json": "{}", "pytorch_model.bin": "x",
			"model.safetensors.index.json": `{"weight_map": {"shared.weight": "model-00001-of-00003.safetensors",
				"decoder.block.0.x": "model-00002-of-00003.safetensors", "encoder.block.0.x": "model-00003-of-00003.safetensors",
				"encoder.block.1.x": "model-00003-of-00003.safetensors"}}`,
		}, "config.json spiece.model model.safetensors.index.json model-00001-of-00003.safetensors model-00003-of-00003.safetensors"},
		{"one file", map[string]string{"config.json": "{}", "tokenizer.json": "{}", "pytorch_model.bin": "x"}, "config.json tokenizer.json pytorch_model.bin"},
		{"no tokenizer", map[string]string{"config.json": "{}", "model.safetensors": "x"}, "error: o/r/spiece.model, revision main: the hub has no such file"},
		{"no weights", map[string]string{"spiece.model": "s"}, "error: o/r/model.safetensors.index.json"},
		{"a name that leads elsewhere", map[string]string{"spiece.model": "s", "model.safetensors.index.json": `{"weight_map": {"encoder.x": "../../x"}}`},
			`error: FOLDER/model.safetensors.index.json: "encoder.x" is said to be in "../../x"`},
		{"no encoder", map[string]string{"spiece.model": "s", "model.safetensors.index.json": `{"weight_map": {"decoder.x": "x"}}`}, "error: FOLDER/model.safetensors.index.json: it names no file"},
		{"too many files", map[string]string{"spiece.model": "s", "model.safetensors.index.json": manyShards()},
			"error: FOLDER/model.safetensors.index.json: it names 1001 files with an encoder, limit 1000"},
		{"no index", map[string]string{"spiece.model": "s", "model.safetensors.index.json": `[`}, "error: FOLDER/model.safetensors.index.json: unexpected end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newFakeHub(t)
			h.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				text, ok := c.files[strings.TrimPrefix(r.URL.Path, "/o/r/resolve/main/")]
				if !ok {
					http.NotFound(w, r)
					return
				}
				w.Header().Set("Content-Type", "application/octet-stream")
				w.Write([]byte(text))
			})
			hub, _ := h.hub(t, "")
			folder := t.TempDir()
			sources, err := hub.TextEncoder(t.Context(), Source{Repo: "o/r", Revision: "main"}, folder)
			var names []string
			for _, s := range sources {
				names = append(names, s.File)
			}
			got := strings.Join(names, " ")
			if err != nil {
				got = "error: " + err.Error()
			}
			want := strings.ReplaceAll(c.want, "FOLDER", folder)
			if got != want && !(strings.HasPrefix(want, "error") && strings.HasPrefix(got, want)) {
				t.Errorf("%s\nwant %s", got, want)
			}
		})
	}
}

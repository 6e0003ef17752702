package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/zipar/zipar/internal/torchfile/torchtest"
)

// TestPullScripts pulls from a hub on this machine; see testdata/pull.
func TestPullScripts(t *testing.T) {
	golden, err := filepath.Abs("../../testdata/golden")
	if err != nil {
		t.Fatal(err)
	}
	encoder := filepath.Join(t.TempDir(), "t5")
	writeTinyT5(t, encoder)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/pull",
		Setup: func(e *testscript.Env) error {
			hub := &testHub{folders: []string{golden, encoder}, log: filepath.Join(e.WorkDir, "hub.log"), seen: map[string]int{}}
			server := httptest.NewServer(hub)
			e.Defer(server.CloseClientConnections)
			hub.elsewhere = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
			setCache(e)
			e.Setenv("HF_ENDPOINT", server.URL)
			e.Setenv("HF_HOME", filepath.Join(e.WorkDir, "hf"))
			e.Setenv("HF_TOKEN", "")
			e.Setenv("ZIPAR_HOME", filepath.Join(e.WorkDir, "home"))
			e.Setenv("ZIPAR_MODEL", "")
			e.Setenv("GOLDEN", golden)
			e.Setenv("T5", encoder)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fails":   failsCmd,
			"picture": pictureCmd,
			"pixels":  pixelsCmd,
			"noleft":  noLeftCmd,
			"waitfor": waitForCmd,
		},
	})
}

// waitForCmd: waitfor FILE TEXT waits until the file has this text in it; without TEXT until it is not empty.
func waitForCmd(ts *testscript.TestScript, _ bool, args []string) {
	for range 500 {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && len(text) > 0 && (len(args) < 2 || bytes.Contains(text, []byte(args[1]))) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("%s did not come", args[0])
}

// testHub serves the files of its folders in repositories whose names say what it does wrong:
//
//	me/good   nothing        me/wrong  the sha256 is another one    me/gated  only with the token hf_ok
//	me/cut    the first answer breaks off in the middle             me/slow   the first answer stops in the middle
//	me/page   web pages      me/lies   the first answer is too short
//	me/busy   the first answer is 503                               me/bad    no checkpoint, without a sha256
//
// As the real one does, it redirects to another host, with the sha256 and the size in the redirect.
type testHub struct {
	folders   []string
	elsewhere string
	log       string
	mu        sync.Mutex
	seen      map[string]int // GET requests of each file, where the bytes lie
}

func (h *testHub) serve(name string) []byte {
	for _, dir := range h.folders {
		if data, err := os.ReadFile(filepath.Join(dir, filepath.Base(name))); err == nil {
			return data
		}
	}
	return nil
}

func (h *testHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	log, err := os.OpenFile(h.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err == nil {
		fmt.Fprintf(log, "%s %s range=%q token=%q\n", r.Method, r.URL.Path, r.Header.Get("Range"), r.Header.Get("Authorization"))
		log.Close()
	}
	path, far := strings.CutPrefix(r.URL.Path, "/lfs")
	first := far && h.seen[path] == 0
	if far {
		h.seen[path]++
	}
	h.mu.Unlock()
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/") // me REPO resolve main FILE
	if len(parts) != 5 || parts[2] != "resolve" {
		http.NotFound(w, r)
		return
	}
	repo, file := parts[1], parts[4]
	data := h.serve(file)
	if repo == "bad" {
		data = []byte("this is no checkpoint")
		w.Header().Set("Etag", `"0123"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
		return
	}
	switch {
	case data == nil:
		http.NotFound(w, r)
		return
	case repo == "page":
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html>Please log in</html>")
		return
	case repo == "gated" && !far && r.Header.Get("Authorization") != "Bearer hf_ok":
		w.WriteHeader(http.StatusUnauthorized)
		return
	case !far:
		sum := sha256.Sum256(data)
		if repo == "wrong" {
			sum[0] ^= 1
		}
		w.Header().Set("X-Linked-Etag", fmt.Sprintf(`"%x"`, sum))
		w.Header().Set("X-Linked-Size", fmt.Sprint(len(data)))
		w.Header().Set("Location", h.elsewhere+"/lfs"+path)
		w.WriteHeader(http.StatusFound)
		return
	case first && repo == "lies":
		w.Header().Set("Content-Length", "4645000")
		w.Write(data[:4645000])
		return
	case first && repo == "busy":
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Etag", `"far"`)
	w.Header().Set("Content-Type", "application/octet-stream")
	if first && (repo == "cut" || repo == "slow") {
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		w.Write(data[:len(data)/2])
		w.(http.Flusher).Flush()
		if repo == "slow" {
			<-r.Context().Done()
		}
		panic(http.ErrAbortHandler)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// writeTinyT5 makes a random T5 in two shards, one of which holds only the decoder, for the captions of t2i-tiny.pt.
func writeTinyT5(t *testing.T, folder string) {
	t.Helper()
	const dim, heads, headDim, hidden, vocab = 48, 2, 8, 32, 40
	rng := rand.New(rand.NewPCG(7, 7))
	index := map[string]string{"decoder.block.0.layer.0.layer_norm.weight": "pytorch_model-00002-of-00002.bin"}
	var list []torchtest.Tensor
	add := func(name string, shape ...int64) {
		n := int64(1)
		for _, d := range shape {
			n *= d
		}
		x := torchtest.Tensor{Name: name + ".weight", Shape: shape, Data: make([]float32, n)}
		for i := range x.Data {
			x.Data[i] = float32(rng.NormFloat64()) / 4
		}
		index[x.Name] = "pytorch_model-00001-of-00002.bin"
		list = append(list, x)
	}
	const block = "encoder.block.0.layer."
	add("shared", vocab, dim)
	add(block+"0.SelfAttention.q", heads*headDim, dim)
	add(block+"0.SelfAttention.k", heads*headDim, dim)
	add(block+"0.SelfAttention.v", heads*headDim, dim)
	add(block+"0.SelfAttention.o", dim, heads*headDim)
	add(block+"0.SelfAttention.relative_attention_bias", 32, heads)
	add(block+"0.layer_norm", dim)
	add(block+"1.DenseReluDense.wi_0", hidden, dim)
	add(block+"1.DenseReluDense.wi_1", hidden, dim)
	add(block+"1.DenseReluDense.wo", dim, hidden)
	add(block+"1.layer_norm", dim)
	add("encoder.final_layer_norm", dim)

	pieces := [][]any{{"<pad>", 0}, {"</s>", 0}, {"<unk>", 0}, {"\u2581", -5}}
	for c := 'a'; c <= 'z'; c++ {
		pieces = append(pieces, []any{string(c), -6})
	}
	put := func(name string, v any) {
		data, err := json.Marshal(v)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), data, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	put("config.json", map[string]any{"model_type": "t5", "feed_forward_proj": "gated-gelu", "d_model": dim, "num_heads": heads})
	put("tokenizer.json", map[string]any{
		"added_tokens":  []any{map[string]any{"id": 1, "content": "</s>", "special": true}},
		"pre_tokenizer": map[string]any{"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": true},
		"model":         map[string]any{"type": "Unigram", "unk_id": 2, "vocab": pieces},
	})
	put("pytorch_model.bin.index.json", map[string]any{"weight_map": index})
	if err := torchtest.Write(filepath.Join(folder, "pytorch_model-00001-of-00002.bin"), "", list); err != nil {
		t.Fatal(err)
	}
}

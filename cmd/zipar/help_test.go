package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/zipar/zipar/internal/npy"
	"github.com/zipar/zipar/internal/testmodel"
	"github.com/zipar/zipar/internal/torchfile/torchtest"
)

// TestExamples runs every example of every command's help, as written, each in a folder of its own that has tiny models and
// checkpoints under the names that the examples use.
func TestExamples(t *testing.T) {
	t.Run("no model is built in", runExamples)
	t.Run("a model is built in", func(t *testing.T) {
		buildIn(t, testmodel.Options{Caption: true, Text: true, Preview: true})
		runExamples(t)
	})
}

func runExamples(t *testing.T) {
	root := newRootCommand()
	template := t.TempDir()
	writeExampleFiles(t, template)
	hub := &testHub{
		folders: []string{template, filepath.Join(template, "flan-t5-xl")},
		log:     filepath.Join(t.TempDir(), "hub.log"), seen: map[string]int{},
	}
	server := httptest.NewServer(hub)
	t.Cleanup(server.Close) // after the examples, which run in parallel
	hub.elsewhere = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	t.Setenv("HF_ENDPOINT", server.URL)
	t.Setenv("HF_HOME", t.TempDir())
	t.Setenv("HF_TOKEN", "")
	t.Setenv(modelEnv, "")
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())

	for _, cmd := range slices.Concat([]*cobra.Command{root}, root.Commands()) {
		if cmd != root && cmd.Example == "" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Example) {
			line, indented := strings.CutPrefix(strings.TrimRight(line, "\n"), "  ")
			if !indented || !strings.Contains(line, cmd.CommandPath()) || len(line) > 110 {
				t.Errorf("%s: example %q: want two spaces and a call of the command, in at most 110 letters", cmd.CommandPath(), line)
				continue
			}
			t.Run(line, func(t *testing.T) {
				t.Parallel()
				runExample(t, template, line)
			})
		}
	}
}

// runExample wants the line to succeed, to say nothing of an error, and to leave every file that it names.
func runExample(t *testing.T, template, line string) {
	folder := t.TempDir()
	if err := linkAll(template, folder); err != nil {
		t.Fatal(err)
	}
	args := splitWords(line)
	if strings.ContainsAny(line, "|<>$`") {
		args = []string{"sh", "-c", line}
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "ZIPAR_HOME="+filepath.Join(folder, "home"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for i, word := range args {
		if i > 0 && args[i-1] == "-m" || !slices.Contains([]string{".png", ".gif", ".gguf", ".json", ".npy"}, filepath.Ext(word)) || strings.ContainsAny(word, "%*") {
			continue
		}
		// Pictures of a batch have numbers.
		if found, _ := filepath.Glob(filepath.Join(folder, strings.TrimSuffix(word, filepath.Ext(word))+"*")); len(found) == 0 {
			t.Errorf("there is no %s\n%s", word, out)
		}
	}
}

// splitWords splits a line as a shell does that has quotes and nothing else.
func splitWords(line string) []string {
	var words []string
	var word strings.Builder
	quote, open := rune(0), false
	for _, r := range line + " " {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, open = r, true
		case quote == 0 && r == ' ':
			if open {
				words = append(words, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteRune(r)
			open = true
		}
	}
	return words
}

func TestSplitWords(t *testing.T) {
	got := splitWords(`zipar  --prompt "a b" '^x=y' --q=''`)
	if want := []string{"zipar", "--prompt", "a b", "^x=y", "--q="}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// linkAll makes the files of a folder appear in another one. Commands replace files instead of writing into them, so the
// first folder's stay as they are.
func linkAll(from, to string) error {
	return filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o777)
		}
		return os.Link(path, filepath.Join(to, name))
	})
}

// writeExampleFiles makes everything that an example may read.
func writeExampleFiles(t *testing.T, folder string) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	write := func(name string, fill func(io.Writer) error) {
		t.Helper()
		var b bytes.Buffer
		check(fill(&b))
		check(os.WriteFile(filepath.Join(folder, name), b.Bytes(), 0o666))
	}
	model := func(name string, o testmodel.Options) {
		write(name, func(w io.Writer) error { return testmodel.Write(w, o) })
	}
	zipar := func(args ...string) {
		t.Helper()
		cmd := exec.Command("zipar", args...)
		cmd.Dir = folder
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("zipar %v: %v\n%s", args, err, out)
		}
	}
	model("c2i-B-256.gguf", testmodel.Options{ClassCount: 1000, Rows: 10, Cols: 10, Preview: true})
	model("c2i-XL-384.gguf", testmodel.Options{ClassCount: 1000, Rows: 10, Cols: 10, Preview: true})
	for _, name := range []string{"t2i-XL-512.gguf", "t2i-XL-256.gguf", "model.gguf"} {
		model(name, testmodel.Options{Caption: true, Text: true, Preview: true})
	}
	model("vq-16.gguf", testmodel.Options{VQOnly: true})
	zipar("generate", "-m", "c2i-B-256.gguf", "--class", "207", "--seed", "1", "--codes", "dog.json", "--out", "dog.png")
	check(os.Link(filepath.Join(folder, "dog.png"), filepath.Join(folder, "photo.png")))
	check(os.WriteFile(filepath.Join(folder, "prompts.txt"), []byte("a red apple\nthe green house\n"), 0o666))
	write("caption.npy", func(w io.Writer) error {
		return npy.Write(w, []int{5, testmodel.CaptionWidth}, make([]float32, 5*testmodel.CaptionWidth))
	})

	vq, err := os.ReadFile("../../testdata/golden/vq-tiny.pt")
	check(err)
	for _, name := range []string{"vq_ds16_c2i.pt", "vq_ds16_t2i.pt"} {
		check(os.WriteFile(filepath.Join(folder, name), vq, 0o666))
	}
	const t5Width = 48 // of writeTinyT5
	writeCheckpoint(t, filepath.Join(folder, "c2i_B_256.pt"), 768, 0)
	writeCheckpoint(t, filepath.Join(folder, "t2i_XL_stage1_256.pt"), 1280, t5Width)
	check(os.Link(filepath.Join(folder, "t2i_XL_stage1_256.pt"), filepath.Join(folder, "t2i_XL_stage2_512.pt")))
	writeTinyT5(t, filepath.Join(folder, "flan-t5-xl"))
	zipar("convert", "--out", "flan-t5-xl.gguf", "--text-encoder", "flan-t5-xl/")
}

// writeCheckpoint makes a checkpoint of an official width, which tells the number of heads, with one layer of zeros and the
// vocabulary of vq-tiny.pt.
func writeCheckpoint(t *testing.T, path string, dim, captionDim int64) {
	t.Helper()
	const vocab, hidden = 512, 32
	var list []torchtest.Tensor
	add := func(name string, shape ...int64) {
		n := int64(2)
		for _, d := range shape {
			n *= d
		}
		list = append(list, torchtest.Tensor{Name: name, Shape: shape, Class: "HalfStorage", Raw: make([]byte, n)})
	}
	add("tok_embeddings.weight", vocab, dim)
	add("norm.weight", dim)
	add("output.weight", vocab, dim)
	layer := func(part string) string { return fmt.Sprintf("layers.0.%s.weight", part) }
	add(layer("attention_norm"), dim)
	add(layer("ffn_norm"), dim)
	add(layer("attention.wqkv"), 3*dim, dim)
	add(layer("attention.wo"), dim, dim)
	add(layer("feed_forward.w1"), hidden, dim)
	add(layer("feed_forward.w3"), hidden, dim)
	add(layer("feed_forward.w2"), dim, hidden)
	if captionDim == 0 {
		add("cls_embedding.embedding_table.weight", 1001, dim)
	} else {
		add("cls_embedding.cap_proj.fc1.weight", dim, captionDim)
		add("cls_embedding.cap_proj.fc2.weight", dim, dim)
		add("cls_embedding.uncond_embedding", 120, captionDim)
	}
	if err := torchtest.Write(path, "model", list); err != nil {
		t.Fatal(err)
	}
}

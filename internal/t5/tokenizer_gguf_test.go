package t5

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/zipar/zipar/internal/gguf"
)

// ggufFile writes keys to a file in memory.
func ggufFile(t testing.TB, set func(*gguf.Writer)) *gguf.File {
	t.Helper()
	w := gguf.NewWriter()
	set(w)
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Parse("test.gguf", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestGGUFRoundTrip(t *testing.T) {
	for _, model := range []string{"spiece.model.gz", "spiece_bytes.model.gz"} {
		before := fromSentencePiece(t, gunzip(t, model))
		after, err := FromGGUF(ggufFile(t, before.Vocab().SetGGUF))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(before.Vocab(), after.Vocab()) {
			t.Errorf("%s: the vocabulary has changed", model)
		}
		for _, line := range hostilePage(t) {
			checkIDs(t, model, after, line.In, before.Encode(line.In))
		}
	}
}

// TestGGUFFromLlamaCpp: its converter fills the vocabulary up to the size of
// the embedding, the tokens <extra_id_N> among what it fills up.
func TestGGUFFromLlamaCpp(t *testing.T) {
	v, err := readSentencePiece(gunzip(t, "spiece.model.gz"))
	if err != nil {
		t.Fatal(err)
	}
	own := len(v.Tokens)
	for id := own; id < own+128; id++ {
		v.Tokens = append(v.Tokens, fmt.Sprintf("[PAD%d]", id))
		v.Scores = append(v.Scores, -10000)
		v.Types = append(v.Types, UnusedToken)
	}
	tokenizer, err := FromGGUF(ggufFile(t, v.SetGGUF))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range hostilePage(t) {
		checkIDs(t, "llama.cpp", tokenizer, line.In, line.HF)
	}
	last := int32(own + 127)
	if tokenizer.Size() != own+128 || tokenizer.Piece(last) != fillerName(int(last)) || tokenizer.Piece(int32(own+99)) != "<extra_id_0>" {
		t.Errorf("%d tokens, the last %q", tokenizer.Size(), tokenizer.Piece(last))
	}
	filler := fillerName(int(last))
	if ids := tokenizer.Encode(filler); slices.Contains(ids, last) {
		t.Errorf("%q is token %d", filler, last)
	}
	// Fewer than 100 are no extra tokens.
	v.Tokens, v.Scores, v.Types = v.Tokens[:own+99], v.Scores[:own+99], v.Types[:own+99]
	if tokenizer, err = FromGGUF(ggufFile(t, v.SetGGUF)); err != nil || tokenizer.Piece(int32(own)) != fillerName(own) {
		t.Errorf("token %d is %q, error %v", own, tokenizer.Piece(int32(own)), err)
	}
}

func TestGGUFDefaults(t *testing.T) {
	v := fromSentencePiece(t, tiny()).Vocab()
	tokenizer, err := FromGGUF(ggufFile(t, func(w *gguf.Writer) {
		w.SetString("tokenizer.ggml.model", "t5")
		w.SetArray("tokenizer.ggml.tokens", v.Tokens)
		w.SetArray("tokenizer.ggml.scores", v.Scores)
		types := make([]int32, len(v.Types))
		for i, typ := range v.Types {
			types[i] = int32(typ)
		}
		w.SetArray("tokenizer.ggml.token_type", types)
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got := tokenizer.Vocab(); !reflect.DeepEqual(got, v) {
		t.Errorf("got %+v, want %+v", got, v)
	}
}

func TestFromGGUFRefuses(t *testing.T) {
	type keys map[string]any
	for _, c := range []struct {
		change keys
		want   string
	}{
		{keys{"model": nil}, "tokenizer.ggml.model"},
		{keys{"model": "llama"}, `tokenizer.ggml.model is "llama", want "t5"`},
		{keys{"tokens": nil}, "tokenizer.ggml.tokens"},
		{keys{"tokens": []int32{1}}, "tokenizer.ggml.tokens"},
		{keys{"scores": nil}, "tokenizer.ggml.scores"},
		{keys{"scores": []float32{1}}, "3 tokens and 1 scores"},
		{keys{"token_type": nil}, "tokenizer.ggml.token_type"},
		{keys{"token_type": []int32{3, 2}}, "3 tokens and 2 token types"},
		{keys{"token_type": []int32{3, 2, 7}}, "token 2 has type 7, want 1 to 6"},
		{keys{"token_type": []int32{3, 2, 0}}, "token 2 has type 0, want 1 to 6"},
		{keys{"precompiled_charsmap": []uint8{1}}, "charsmap: 1 bytes"},
		{keys{"precompiled_charsmap": []float32{1}}, "precompiled_charsmap"},
		{keys{"add_space_prefix": "x"}, "add_space_prefix"},
		{keys{"remove_extra_whitespaces": "x"}, "remove_extra_whitespaces"},
		{keys{"eos_token_id": uint32(3)}, "eos_token_id is 3, the vocabulary has 3 tokens"},
		{keys{"unknown_token_id": "x"}, "unknown_token_id"},
	} {
		all := keys{"model": "t5", "tokens": []string{"</s>", "<unk>", "a"}, "scores": []float32{0, 0, -1}, "token_type": []int32{3, 2, 1}}
		for key, value := range c.change {
			all[key] = value
		}
		f := ggufFile(t, func(w *gguf.Writer) {
			for key, value := range all {
				switch value := value.(type) {
				case nil:
				case string:
					w.SetString("tokenizer.ggml."+key, value)
				case uint32:
					w.SetUint32("tokenizer.ggml."+key, value)
				default:
					w.SetArray("tokenizer.ggml."+key, value)
				}
			}
		})
		_, err := FromGGUF(f)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "test.gguf") {
			t.Errorf("%v: error %v, want %q", c.change, err, c.want)
		}
		for _, value := range c.change {
			if (value == nil) != errors.Is(err, gguf.ErrNoKey) {
				t.Errorf("%v: %v is gguf.ErrNoKey: %v", c.change, err, !errors.Is(err, gguf.ErrNoKey))
			}
		}
	}
}

package t5

// The tokenizer of a GGUF file, under the keys of llama.cpp's converter:
//
//	tokenizer.ggml.model                      "t5"
//	tokenizer.ggml.tokens, scores, token_type one each a token
//	tokenizer.ggml.precompiled_charsmap       bytes
//	tokenizer.ggml.add_space_prefix           bool, true if absent
//	tokenizer.ggml.remove_extra_whitespaces   bool, true if absent
//	tokenizer.ggml.{eos,padding,unknown}_token_id   1, 0 and 2 if absent

import (
	"errors"
	"fmt"

	"github.com/zipar/zipar/internal/gguf"
)

// FromGGUF makes a tokenizer of the vocabulary in a file. In those that
// llama.cpp's converter wrote the 100 tokens <extra_id_N> of T5 are called
// [PADn]; they get their names back.
func FromGGUF(f *gguf.File) (*Tokenizer, error) {
	if model, err := f.Str("tokenizer.ggml.model"); err != nil {
		return nil, err
	} else if model != "t5" {
		return nil, fmt.Errorf("%s: tokenizer.ggml.model is %q, want \"t5\"", f.Path, model)
	}
	var v Vocab
	var err error
	if v.Tokens, err = f.Strings("tokenizer.ggml.tokens"); err != nil {
		return nil, err
	}
	if v.Scores, err = f.Floats("tokenizer.ggml.scores"); err != nil {
		return nil, err
	}
	types, err := f.Uints("tokenizer.ggml.token_type")
	if err != nil {
		return nil, err
	}
	for id, typ := range types {
		if typ < uint64(NormalToken) || typ > uint64(ByteToken) {
			return nil, fmt.Errorf("%s: token %d has type %d, want 1 to %d", f.Path, id, typ, ByteToken)
		}
		v.Types = append(v.Types, TokenType(typ))
	}
	if v.Charsmap, err = absent[[]byte](nil)(f.Bytes("tokenizer.ggml.precompiled_charsmap")); err != nil {
		return nil, err
	}
	if v.AddSpacePrefix, err = absent(true)(f.Bool("tokenizer.ggml.add_space_prefix")); err != nil {
		return nil, err
	}
	if v.RemoveExtraWhitespaces, err = absent(true)(f.Bool("tokenizer.ggml.remove_extra_whitespaces")); err != nil {
		return nil, err
	}
	for _, special := range []struct {
		key string
		id  *int32
		def uint64
	}{{"eos", &v.EOS, 1}, {"padding", &v.Pad, 0}, {"unknown", &v.Unk, 2}} {
		id, err := absent(special.def)(f.Uint("tokenizer.ggml." + special.key + "_token_id"))
		if err != nil {
			return nil, err
		}
		if id >= uint64(len(v.Tokens)) {
			return nil, fmt.Errorf("%s: tokenizer.ggml.%s_token_id is %d, the vocabulary has %d tokens", f.Path, special.key, id, len(v.Tokens))
		}
		*special.id = int32(id)
	}
	v.nameExtraTokens()
	t, err := NewTokenizer(v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	return t, nil
}

// absent makes a getter's value def where the key is absent.
func absent[T any](def T) func(T, error) (T, error) {
	return func(value T, err error) (T, error) {
		if errors.Is(err, gguf.ErrNoKey) {
			return def, nil
		}
		return value, err
	}
}

// nameExtraTokens names the first 100 of the tokens that only fill the
// vocabulary up, if there are as many at its end.
func (v *Vocab) nameExtraTokens() {
	first := len(v.Tokens)
	for first > 0 && first <= len(v.Types) && v.filler(first-1) {
		first--
	}
	if len(v.Tokens)-first < extraTokens || len(v.Scores) != len(v.Tokens) {
		return
	}
	for i := range extraTokens {
		v.Tokens[first+i], v.Scores[first+i], v.Types[first+i] = extraName(i), 0, ControlToken
	}
}

// SetGGUF sets the keys from which FromGGUF makes the same tokenizer. Scores
// become float32, which those of SentencePiece models are.
func (v Vocab) SetGGUF(w *gguf.Writer) {
	scores := make([]float32, len(v.Scores))
	for i, s := range v.Scores {
		scores[i] = float32(s)
	}
	types := make([]int32, len(v.Types))
	for i, t := range v.Types {
		types[i] = int32(t)
	}
	w.SetString("tokenizer.ggml.model", "t5")
	w.SetString("tokenizer.ggml.pre", "default")
	w.SetArray("tokenizer.ggml.tokens", v.Tokens)
	w.SetArray("tokenizer.ggml.scores", scores)
	w.SetArray("tokenizer.ggml.token_type", types)
	w.SetBool("tokenizer.ggml.add_space_prefix", v.AddSpacePrefix)
	w.SetBool("tokenizer.ggml.remove_extra_whitespaces", v.RemoveExtraWhitespaces)
	if len(v.Charsmap) > 0 {
		w.SetArray("tokenizer.ggml.precompiled_charsmap", v.Charsmap)
	}
	w.SetUint32("tokenizer.ggml.eos_token_id", uint32(v.EOS))
	w.SetUint32("tokenizer.ggml.padding_token_id", uint32(v.Pad))
	w.SetUint32("tokenizer.ggml.unknown_token_id", uint32(v.Unk))
	w.SetBool("tokenizer.ggml.add_eos_token", true)
}

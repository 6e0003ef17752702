package t5

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// tokenizerJSON returns a form of tokenizer.json, as transformers writes it, of
// a model: its vocabulary and charsmap put into what tokens.py kept of it.
func tokenizerJSON(t testing.TB, form, model string) []byte {
	t.Helper()
	v := fromSentencePiece(t, gunzip(t, model)).Vocab()
	var forms map[string]map[string]any
	if err := json.Unmarshal(gunzip(t, "tokenizer_forms.json.gz"), &forms); err != nil {
		t.Fatal(err)
	}
	j := forms[form]
	if j == nil {
		t.Fatalf("no form %q", form)
	}
	var vocab [][2]any
	for i, token := range v.Tokens {
		vocab = append(vocab, [2]any{token, v.Scores[i]})
	}
	j["model"].(map[string]any)["vocab"] = vocab
	j["model"].(map[string]any)["byte_fallback"] = slices.Contains(v.Types, ByteToken)
	for _, token := range j["added_tokens"].([]any) {
		token := token.(map[string]any)
		token["id"] = slices.Index(v.Tokens, token["content"].(string))
	}
	normalizer := j["normalizer"].(map[string]any)
	steps := normalizer["normalizers"].([]any)
	if v.Charsmap == nil {
		steps = steps[1:]
	} else {
		steps[0].(map[string]any)["precompiled_charsmap"] = v.Charsmap
	}
	normalizer["normalizers"] = steps
	data, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func fromJSON(t testing.TB, data []byte) *Tokenizer {
	t.Helper()
	tokenizer, err := FromTokenizerJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	return tokenizer
}

// TestTokenizerJSONForms: each form gives the ids that Hugging Face's library
// gives with it.
func TestTokenizerJSONForms(t *testing.T) {
	page := hostilePage(t)
	for form, other := range map[string]func(hostileLine) []int32{
		"spm":  func(hostileLine) []int32 { return nil },
		"2022": func(line hostileLine) []int32 { return line.F2022 },
		"2020": func(line hostileLine) []int32 { return line.F2020 },
	} {
		tokenizer := fromJSON(t, tokenizerJSON(t, form, "spiece.model.gz"))
		differ := 0
		for _, line := range page {
			want := line.HF
			if ids := other(line); ids != nil {
				want = ids
				differ++
			}
			checkIDs(t, form, tokenizer, line.In, want)
		}
		if (differ > 0) != (form != "spm") {
			t.Errorf("%s: %d lines differ from the form that is followed", form, differ)
		}
		if ids, total := tokenizer.EncodePrompt("a", promptLimit); total != 2 || ids[1] != 1 {
			t.Errorf("%s: %v", form, ids)
		}
	}
}

func TestTokenizerJSONByteFallback(t *testing.T) {
	tokenizer := fromJSON(t, tokenizerJSON(t, "spm", "spiece_bytes.model.gz"))
	for _, line := range hostilePage(t) {
		checkIDs(t, "byte fallback", tokenizer, line.In, line.Bytes)
	}
}

// small is a tokenizer.json of a few tokens; %s is for more members.
const small = `{"model":{"type":"Unigram","unk_id":2,"vocab":[["<pad>",0],["</s>",0],["<unk>",0],["▁",-1],["a",-1.5],["▁a",-1.25],["b",-2.5]]}%s}`

const metaspace = `,"pre_tokenizer":{"type":"Metaspace","replacement":"▁"}`

func TestTokenizerJSONParts(t *testing.T) {
	withMetaspace := func(members string) string {
		return `,"pre_tokenizer":{"type":"Metaspace","replacement":"▁"` + members + `}`
	}
	for _, c := range []struct{ more, text, want string }{
		{metaspace, "a a", "▁a ▁a"},
		{metaspace, "a\xffa", "▁a <unk> a"},
		{metaspace, "</s>a", "▁ </s> a"}, // not an added token here, but a piece of the model
		{withMetaspace(`,"add_prefix_space":false`), "a a", "a ▁a"},
		{withMetaspace(`,"add_prefix_space":true`), "a a", "▁a ▁a"},
		{withMetaspace(`,"prepend_scheme":"never"`), "a a", "a ▁a"},
		{withMetaspace(`,"prepend_scheme":"first","add_prefix_space":true`), "a<unk>a", "▁a <unk> a"},
		{withMetaspace(`,"split":false`), "a a", "▁a ▁a"},
		{`,"normalizer":null` + metaspace, " a ", "▁a ▁"},
		{`,"normalizer":{"type":"Strip","strip_left":true,"strip_right":true}` + metaspace, " a ", "▁a"},
		{`,"normalizer":{"type":"Strip","strip_left":true}` + metaspace, " a ", "▁a ▁"},
		{`,"normalizer":{"type":"Replace","pattern":{"String":"b"},"content":"a"}` + metaspace, "bb", "▁a a"},
		{`,"normalizer":{"type":"Sequence","normalizers":[{"type":"Replace","pattern":{"Regex":" {2,}"},"content":" "}]}` + metaspace, "a  a", "▁a ▁a"},
		{`,"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},{"type":"Metaspace","replacement":"▁"}]}`, " a\ta\n", "▁a ▁a"},
		{`,"added_tokens":[{"id":7,"content":"b b","normalized":true}],"normalizer":{"type":"Replace","pattern":{"String":"c"},"content":"b"}` + metaspace, "ac ca", "▁a b b ▁a"},
		{`,"added_tokens":[{"id":7,"content":"b b"}]` + metaspace, "ab ba", "▁a b b ▁a"},
		{`,"added_tokens":[{"id":6,"content":"b","lstrip":true,"rstrip":true,"special":true}]` + metaspace, "a b a", "▁a b ▁a"},
		{`,"added_tokens":[{"id":6,"content":"b","single_word":true}]` + metaspace, "ab b", "▁a b ▁ b"},
	} {
		tokenizer := fromJSON(t, fmt.Appendf(nil, small, c.more))
		if got := strings.Join(pieces(tokenizer, tokenizer.Encode(c.text)), " "); c.want != got {
			t.Errorf("%s: %q: got %q, want %q", c.more, c.text, got, c.want)
		}
	}
}

func TestTokenizerJSONVocab(t *testing.T) {
	data := fmt.Appendf(nil, small, `,"added_tokens":[{"id":0,"content":"<pad>","special":true},{"id":2,"content":"<unk>","special":true},{"id":7,"content":"new"}]`+metaspace)
	v := fromJSON(t, data).Vocab()
	if v.Pad != 0 || v.EOS != 1 || v.Unk != 2 || !v.AddSpacePrefix || v.Tokens[7] != "new" || v.Scores[4] != -1.5 ||
		!slices.Equal(v.Types, []TokenType{ControlToken, NormalToken, UnknownToken, NormalToken, NormalToken, NormalToken, NormalToken, UserToken}) {
		t.Errorf("got %+v", v)
	}
}

func TestTokenizerJSONRefuses(t *testing.T) {
	sequence := func(kind, list string) string {
		return strings.Repeat(`{"type":"Sequence","`+list+`":[`, maxNesting+1) + `{"type":"` + kind + `"}` + strings.Repeat("]}", maxNesting+1)
	}
	for _, c := range []struct{ data, want string }{
		{"", "unexpected end"},
		{"<!doctype html>", "invalid character"},
		{"version https://git-lfs", "invalid character"},
		{"{}", `model type "", want "Unigram"`},
		{`{"model":{"type":"BPE","vocab":{}}}`, "cannot unmarshal object"},
		{`{"model":{"type":"WordLevel"}}`, `model type "WordLevel"`},
		{`{"model":{"type":"Unigram"}}`, "no unk_id"},
		{`{"model":{"type":"Unigram","unk_id":0,"vocab":[["a"]]}}`, "a piece has 1 parts"},
		{`{"model":{"type":"Unigram","unk_id":0,"vocab":[[1,2]]}}`, "cannot unmarshal number"},
		{`{"model":{"type":"Unigram","unk_id":0,"vocab":["a"]}}`, "cannot unmarshal string"},
		{`{"model":{"type":"Unigram","unk_id":0,"vocab":[]}` + metaspace + `}`, "the vocabulary has no tokens"},
		{`{"model":{"type":"Unigram","unk_id":9,"vocab":[["</s>",0]]}` + metaspace + `}`, "the unknown token has id -1"},
		{`{"model":{"type":"Unigram","unk_id":-1,"vocab":[["</s>",0]]}` + metaspace + `}`, "the unknown token has id -1"},
		{`{"model":{"type":"Unigram","unk_id":0,"vocab":[["a",0]]}` + metaspace + `}`, "the end token has id -1"},
		{fmt.Sprintf(small, ""), "pre_tokenizer: no Metaspace"},
		{fmt.Sprintf(small, `,"pre_tokenizer":{"type":"ByteLevel"}`), `pre_tokenizer: type "ByteLevel"`},
		{fmt.Sprintf(small, `,"pre_tokenizer":5`), "pre_tokenizer: json"},
		{fmt.Sprintf(small, `,"pre_tokenizer":{"type":"Metaspace","replacement":"_"}`), `replacement "_"`},
		{fmt.Sprintf(small, `,"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"last"}`), `prepend_scheme "last"`},
		{fmt.Sprintf(small, `,"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Metaspace","replacement":"▁"},{"type":"WhitespaceSplit"}]}`), "a WhitespaceSplit after the Metaspace"},
		{fmt.Sprintf(small, `,"pre_tokenizer":`+sequence("WhitespaceSplit", "pretokenizers")), "pre_tokenizer: sequences nested more than 8 deep"},
		{fmt.Sprintf(small, `,"normalizer":`+sequence("Strip", "normalizers")), "normalizer: sequences nested more than 8 deep"},
		{fmt.Sprintf(small, `,"normalizer":{"type":"NFC"}`), `normalizer: type "NFC"`},
		{fmt.Sprintf(small, `,"normalizer":5`), "normalizer: json"},
		{fmt.Sprintf(small, `,"normalizer":{"type":"Precompiled","precompiled_charsmap":"AA=="}`), "charsmap: 1 bytes"},
		{fmt.Sprintf(small, `,"normalizer":{"type":"Precompiled","precompiled_charsmap":"!"}`), "illegal base64"},
		{fmt.Sprintf(small, `,"normalizer":{"type":"Sequence","normalizers":[{"type":"Precompiled","precompiled_charsmap":"BAAAAAAAAAA="},{"type":"Precompiled","precompiled_charsmap":"BAAAAAAAAAA="}]}`), "two precompiled charsmaps"},
		{fmt.Sprintf(small, `,"normalizer":{"type":"Replace","pattern":{"Regex":"x+"},"content":""}`), `pattern "x+"`},
		{fmt.Sprintf(small, `,"normalizer":{"type":"Replace","pattern":{},"content":""}`), "a Replace without a pattern"},
		{fmt.Sprintf(small, `,"added_tokens":[{"id":3,"content":"<pad>"}]`), `added token "<pad>" has id 3, want 0`},
		{fmt.Sprintf(small, `,"added_tokens":[{"id":9,"content":"new"}]`), `added token "new" has id 9, want 7`},
	} {
		if _, err := FromTokenizerJSON([]byte(c.data)); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "tokenizer.json: ") {
			t.Errorf("%.90s: error %v, want %q", c.data, err, c.want)
		}
	}
}

func FuzzFromTokenizerJSON(f *testing.F) {
	f.Add(fmt.Appendf(nil, small, metaspace))
	f.Add(fmt.Appendf(nil, small, `,"added_tokens":[{"id":7,"content":"b b","normalized":true,"lstrip":true,"single_word":true}],"normalizer":{"type":"Sequence","normalizers":[`+
		`{"type":"Precompiled","precompiled_charsmap":"BAAAAAAAAAA="},{"type":"Strip","strip_left":true},{"type":"Replace","pattern":{"Regex":" {2,}"},"content":"▁"}]}`+metaspace))
	f.Fuzz(func(t *testing.T, data []byte) {
		tokenizer, err := FromTokenizerJSON(data)
		if err != nil {
			return
		}
		for _, text := range []string{"a b  b </s> é", string(data[:min(len(data), 200)])} {
			for _, id := range tokenizer.Encode(text) {
				if id < 0 || int(id) >= tokenizer.Size() {
					t.Fatalf("id %d of %d", id, tokenizer.Size())
				}
			}
		}
	})
}

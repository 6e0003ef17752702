package t5

// The tokenizer: a prompt's text to the ids that the text encoder takes.

import "strings"

// Tokenizer turns text into token ids as Hugging Face's fast T5 tokenizer
// does, which the official LlamaGen code runs. It is read-only: several
// goroutines may use it.
//
// That differs from SentencePiece in a few ways: text such as "</s>" is the
// token itself; marks on characters that the normalisation replaces may be
// lost; between segmentations of equal score ("!!!!!!") another is taken.
type Tokenizer struct {
	vocab    Vocab
	model    *unigram
	pipeline *pipeline
	raw      *addedTokens // matched before the text is normalised
	normal   *addedTokens // and after
}

// NewTokenizer makes a tokenizer of a vocabulary, whose slices it keeps. An
// error says what is wrong with it.
func NewTokenizer(v Vocab) (*Tokenizer, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	var m *charsmap
	if len(v.Charsmap) > 0 {
		var err error
		if m, err = parseCharsmap(v.Charsmap); err != nil {
			return nil, err
		}
	}
	var added []addedToken
	for id, token := range v.Tokens {
		if v.special(id) {
			trim := strings.HasPrefix(token, "<extra_id_") // as transformers has them
			added = append(added, addedToken{id: int32(id), content: token, trimLeft: trim, trimRight: trim})
		}
	}
	return assemble(v, newPipeline(&v, m), added), nil
}

// assemble puts a tokenizer together.
func assemble(v Vocab, p *pipeline, added []addedToken) *Tokenizer {
	var raw, normal []addedToken
	for _, token := range added {
		if token.normalized {
			token.content = p.normalize(token.content)
			normal = append(normal, token)
		} else {
			raw = append(raw, token)
		}
	}
	return &Tokenizer{vocab: v, model: newUnigram(&v), pipeline: p, raw: newAddedTokens(raw), normal: newAddedTokens(normal)}
}

// Encode returns the ids of text, without the end token. Bytes that are not
// UTF-8 count as U+FFFD, one each. The time is linear in the length of text
// times that of the longest token.
func (t *Tokenizer) Encode(text string) []int32 {
	u := &segmenter{unigram: t.model, ids: make([]int32, 0, len(text)/3+2)}
	first := true // nothing has been read yet
	token := func(id int32) {
		u.ids = append(u.ids, id)
		first = false
	}
	words := func(s string) {
		t.pipeline.words(s, first, u.word)
		first = false
	}
	t.raw.split(text, func(s string) {
		t.normal.split(t.pipeline.normalize(s), words, token)
		first = false
	}, token)
	return u.ids
}

// EncodePrompt returns the ids of text with the end token, cut to limit
// tokens, the end token being one of them. total is their number before the
// cut. Panics if limit is not positive.
func (t *Tokenizer) EncodePrompt(text string, limit int) (ids []int32, total int) {
	if limit < 1 {
		panic("t5: token limit below 1")
	}
	ids = t.Encode(text)
	total = len(ids) + 1
	if total > limit {
		ids = ids[:limit-1]
	}
	return append(ids, t.vocab.EOS), total
}

// Piece returns the text of a token, a space shown as U+2581; "" for an id
// that there is none of.
func (t *Tokenizer) Piece(id int32) string {
	if id < 0 || int(id) >= len(t.vocab.Tokens) {
		return ""
	}
	return t.vocab.Tokens[id]
}

// Size is the number of tokens.
func (t *Tokenizer) Size() int { return len(t.vocab.Tokens) }

// Vocab returns the vocabulary, for writing it to a file. Its slices must not
// be changed.
func (t *Tokenizer) Vocab() Vocab { return t.vocab }

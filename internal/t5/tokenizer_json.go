package t5

// Hugging Face's tokenizer.json with a Unigram model: vocabulary, added tokens,
// and the steps before the model. transformers has written three forms for T5
// over the years, which differ in how white space is treated; each is followed
// as it is written.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// maxNesting bounds sequences within sequences.
const maxNesting = 8

type jsonTokenizer struct {
	AddedTokens []struct {
		ID         int64  `json:"id"`
		Content    string `json:"content"`
		SingleWord bool   `json:"single_word"`
		LStrip     bool   `json:"lstrip"`
		RStrip     bool   `json:"rstrip"`
		Normalized bool   `json:"normalized"`
		Special    bool   `json:"special"`
	} `json:"added_tokens"`
	Normalizer   json.RawMessage `json:"normalizer"`
	PreTokenizer json.RawMessage `json:"pre_tokenizer"`
	Model        struct {
		Type         string      `json:"type"`
		UnkID        *int64      `json:"unk_id"`
		ByteFallback bool        `json:"byte_fallback"`
		Vocab        []jsonPiece `json:"vocab"`
	} `json:"model"`
}

// A jsonPiece is ["text", score].
type jsonPiece struct {
	text  string
	score float64
}

func (p *jsonPiece) UnmarshalJSON(data []byte) error {
	var pair []json.RawMessage
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return fmt.Errorf("a piece has %d parts, want 2", len(pair))
	}
	return errors.Join(json.Unmarshal(pair[0], &p.text), json.Unmarshal(pair[1], &p.score))
}

// A jsonStep is a normaliser or pre-tokenizer of any kind.
type jsonStep struct {
	Type string `json:"type"`

	Normalizers   []json.RawMessage `json:"normalizers"`
	PreTokenizers []json.RawMessage `json:"pretokenizers"`

	Charsmap   []byte `json:"precompiled_charsmap"` // base64
	StripLeft  bool   `json:"strip_left"`
	StripRight bool   `json:"strip_right"`
	Pattern    struct {
		Regex  *string `json:"Regex"`
		String *string `json:"String"`
	} `json:"pattern"`
	Content string `json:"content"`

	Replacement    string  `json:"replacement"`
	AddPrefixSpace *bool   `json:"add_prefix_space"`
	PrependScheme  *string `json:"prepend_scheme"`
	Split          *bool   `json:"split"`
}

// FromTokenizerJSON makes a tokenizer of a tokenizer.json. Written to GGUF it
// keeps its vocabulary, but white space is then treated as by NewTokenizer.
func FromTokenizerJSON(data []byte) (*Tokenizer, error) {
	t, err := readTokenizerJSON(data)
	if err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	return t, nil
}

func readTokenizerJSON(data []byte) (*Tokenizer, error) {
	var j jsonTokenizer
	if err := json.Unmarshal(data, &j); err != nil {
		return nil, err
	}
	if j.Model.Type != "Unigram" {
		return nil, fmt.Errorf("model type %q, want \"Unigram\"", j.Model.Type)
	}
	if j.Model.UnkID == nil {
		return nil, errors.New("model: no unk_id")
	}
	v := Vocab{AddSpacePrefix: true, RemoveExtraWhitespaces: true, Unk: -1, EOS: -1}
	for _, piece := range j.Model.Vocab {
		v.Tokens = append(v.Tokens, piece.text)
		v.Scores = append(v.Scores, piece.score)
		typ := NormalToken
		if _, ok := byteOf(piece.text); ok && j.Model.ByteFallback {
			typ = ByteToken
		}
		v.Types = append(v.Types, typ)
	}
	if id := *j.Model.UnkID; id >= 0 && id < int64(len(v.Tokens)) {
		v.Unk = int32(id)
	}
	added, err := v.addJSONTokens(&j)
	if err != nil {
		return nil, err
	}
	for id, token := range v.Tokens {
		switch token {
		case "</s>":
			v.EOS = int32(id)
		case "<pad>":
			v.Pad = int32(id)
		}
	}
	p := &pipeline{prefix: prefixNever}
	if err := p.addNormalizer(j.Normalizer, &v, 0); err != nil {
		return nil, err
	}
	if len(v.Charsmap) == 0 { // which sees to it otherwise
		p.normalizers = append([]func(string) string{validUTF8}, p.normalizers...)
	}
	marked := false
	if err := p.addPreTokenizer(j.PreTokenizer, &v, &marked, 0); err != nil {
		return nil, err
	}
	if !marked {
		return nil, errors.New("pre_tokenizer: no Metaspace")
	}
	if err := v.check(); err != nil {
		return nil, err
	}
	return assemble(v, p, added), nil
}

// addJSONTokens reads the added tokens: those that the model has already, and
// others with the ids after its own.
func (v *Vocab) addJSONTokens(j *jsonTokenizer) ([]addedToken, error) {
	ids := make(map[string]int32, len(v.Tokens))
	for id, token := range v.Tokens {
		ids[token] = int32(id)
	}
	var added []addedToken
	for _, a := range j.AddedTokens {
		id, known := ids[a.Content]
		if !known {
			id = int32(len(v.Tokens))
			v.Tokens = append(v.Tokens, a.Content)
			v.Scores = append(v.Scores, 0)
			v.Types = append(v.Types, UnusedToken)
			ids[a.Content] = id
		}
		if a.ID != int64(id) {
			return nil, fmt.Errorf("added token %q has id %d, want %d", a.Content, a.ID, id)
		}
		switch {
		case id == v.Unk:
			v.Types[id] = UnknownToken
		case a.Special:
			v.Types[id] = ControlToken
		default:
			v.Types[id] = UserToken
		}
		added = append(added, addedToken{id, a.Content, a.SingleWord, a.LStrip, a.RStrip, a.Normalized})
	}
	return added, nil
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || bytes.Equal(raw, []byte("null")) }

// addNormalizer adds a normaliser and those within it.
func (p *pipeline) addNormalizer(raw json.RawMessage, v *Vocab, depth int) error {
	if isNull(raw) {
		return nil
	}
	var step jsonStep
	if err := json.Unmarshal(raw, &step); err != nil {
		return fmt.Errorf("normalizer: %w", err)
	}
	switch step.Type {
	case "Sequence":
		if depth == maxNesting {
			return fmt.Errorf("normalizer: sequences nested more than %d deep", maxNesting)
		}
		for _, inner := range step.Normalizers {
			if err := p.addNormalizer(inner, v, depth+1); err != nil {
				return err
			}
		}
		return nil
	case "Precompiled":
		if len(v.Charsmap) > 0 {
			return errors.New("normalizer: two precompiled charsmaps")
		}
		m, err := parseCharsmap(step.Charsmap)
		if err != nil {
			return err
		}
		v.Charsmap = step.Charsmap
		p.normalizers = append(p.normalizers, m.normalize)
		return nil
	case "Strip":
		if step.StripLeft {
			p.normalizers = append(p.normalizers, trimSpaceLeft)
		}
		if step.StripRight {
			p.normalizers = append(p.normalizers, trimSpaceRight)
		}
		return nil
	case "Replace":
		switch {
		case step.Pattern.Regex != nil && *step.Pattern.Regex == " {2,}":
			p.normalizers = append(p.normalizers, collapseSpaces(step.Content))
			return nil
		case step.Pattern.String != nil && *step.Pattern.String != "":
			p.normalizers = append(p.normalizers, strings.NewReplacer(*step.Pattern.String, step.Content).Replace)
			return nil
		case step.Pattern.Regex != nil:
			return fmt.Errorf("normalizer: pattern %q, want \" {2,}\"", *step.Pattern.Regex)
		}
		return errors.New("normalizer: a Replace without a pattern")
	}
	return fmt.Errorf("normalizer: type %q, want Sequence, Precompiled, Strip or Replace", step.Type)
}

// addPreTokenizer adds a pre-tokenizer and those within it: WhitespaceSplit or
// nothing, and then a Metaspace.
func (p *pipeline) addPreTokenizer(raw json.RawMessage, v *Vocab, marked *bool, depth int) error {
	if isNull(raw) {
		return nil
	}
	var step jsonStep
	if err := json.Unmarshal(raw, &step); err != nil {
		return fmt.Errorf("pre_tokenizer: %w", err)
	}
	switch {
	case step.Type == "Sequence" && depth == maxNesting:
		return fmt.Errorf("pre_tokenizer: sequences nested more than %d deep", maxNesting)
	case step.Type == "Sequence":
		for _, inner := range step.PreTokenizers {
			if err := p.addPreTokenizer(inner, v, marked, depth+1); err != nil {
				return err
			}
		}
		return nil
	case *marked:
		return fmt.Errorf("pre_tokenizer: a %s after the Metaspace", step.Type)
	case step.Type == "WhitespaceSplit":
		p.dropSpace = true
		return nil
	case step.Type == "Metaspace":
		*marked = true
		return p.setMetaspace(&step, v)
	}
	return fmt.Errorf("pre_tokenizer: type %q, want Sequence, WhitespaceSplit or Metaspace", step.Type)
}

func (p *pipeline) setMetaspace(step *jsonStep, v *Vocab) error {
	if step.Replacement != spaceMark {
		return fmt.Errorf("pre_tokenizer: replacement %q, want %q", step.Replacement, spaceMark)
	}
	// Files from before prepend_scheme have add_prefix_space alone.
	scheme := "always"
	if step.PrependScheme != nil {
		scheme = *step.PrependScheme
	} else if step.AddPrefixSpace != nil && !*step.AddPrefixSpace {
		scheme = "never"
	}
	switch scheme {
	case "always":
		p.prefix = prefixAlways
	case "first":
		p.prefix = prefixFirst
	case "never":
		p.prefix = prefixNever
		v.AddSpacePrefix = false
	default:
		return fmt.Errorf("pre_tokenizer: prepend_scheme %q, want always, first or never", scheme)
	}
	p.split = step.Split == nil || *step.Split
	return nil
}

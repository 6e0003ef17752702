package t5

// SentencePiece model files (spiece.model): a protocol buffer message.
//
//	ModelProto      1 pieces (repeated), 2 trainer_spec, 3 normalizer_spec
//	  piece         1 text, 2 score (float), 3 type
//	  trainer       3 model_type (1 Unigram), 24 treat_whitespace_as_suffix, 35 byte_fallback
//	  normalizer    2 precompiled_charsmap, 3 add_dummy_prefix, 4 remove_extra_whitespaces, 5 escape_whitespaces
//
// Source: sentencepiece_model.proto.

import (
	"fmt"
	"math"
)

// FromSentencePiece makes a tokenizer of a spiece.model. The 100 tokens
// <extra_id_N> that T5 has beside the pieces are added after them.
func FromSentencePiece(data []byte) (*Tokenizer, error) {
	v, err := readSentencePiece(data)
	if err != nil {
		return nil, err
	}
	for i := range extraTokens {
		v.Tokens = append(v.Tokens, extraName(i))
		v.Scores = append(v.Scores, 0)
		v.Types = append(v.Types, ControlToken)
	}
	return NewTokenizer(v)
}

// readSentencePiece reads the vocabulary of a model as it is.
func readSentencePiece(data []byte) (Vocab, error) {
	v := Vocab{AddSpacePrefix: true, RemoveExtraWhitespaces: true, Unk: -1, EOS: -1}
	err := eachField(data, func(f protoField) error {
		switch f.number {
		case 1:
			return v.readPiece(f)
		case 2:
			return checkTrainer(f)
		case 3:
			return v.readNormalizer(f)
		}
		return nil
	})
	if err != nil {
		return Vocab{}, err
	}
	switch {
	case len(v.Tokens) == 0:
		return Vocab{}, fmt.Errorf("sentencepiece: no pieces in %d bytes: not a SentencePiece model", len(data))
	case v.Unk < 0:
		return Vocab{}, fmt.Errorf("sentencepiece: none of the %d pieces is the unknown one", len(v.Tokens))
	case v.EOS < 0:
		return Vocab{}, fmt.Errorf("sentencepiece: none of the %d pieces is </s>", len(v.Tokens))
	}
	return v, nil
}

func (v *Vocab) readPiece(f protoField) error {
	text, score, typ := "", float32(0), uint64(NormalToken)
	err := f.each(func(f protoField) (err error) {
		switch f.number {
		case 1:
			text, err = f.str()
		case 2:
			score, err = f.float()
		case 3:
			typ, err = f.uint()
		}
		return err
	})
	id := int32(len(v.Tokens))
	switch {
	case err != nil:
		return fmt.Errorf("piece %d: %w", id, err)
	case id >= maxTokens:
		return fmt.Errorf("sentencepiece: more than %d pieces", maxTokens)
	case typ < uint64(NormalToken) || typ > uint64(ByteToken):
		return fmt.Errorf("sentencepiece: piece %d has type %d, want 1 to %d", id, typ, ByteToken)
	case TokenType(typ) == UnknownToken && v.Unk >= 0:
		return fmt.Errorf("sentencepiece: pieces %d and %d are both the unknown one", v.Unk, id)
	case TokenType(typ) == UnknownToken:
		v.Unk = id
	case text == "</s>":
		v.EOS = id
	case text == "<pad>":
		v.Pad = id
	}
	v.Tokens = append(v.Tokens, text)
	v.Scores = append(v.Scores, float64(score))
	v.Types = append(v.Types, TokenType(typ))
	return nil
}

// checkTrainer refuses models that are no Unigram models or mark spaces at the
// end of words.
func checkTrainer(f protoField) error {
	return f.each(func(f protoField) error {
		if f.number != 3 && f.number != 24 {
			return nil
		}
		value, err := f.uint()
		switch {
		case err != nil:
			return err
		case f.number == 3 && value != 1:
			return fmt.Errorf("sentencepiece: model type %d, want 1 (Unigram)", value)
		case f.number == 24 && value != 0:
			return fmt.Errorf("sentencepiece: spaces are marked at the end of words (treat_whitespace_as_suffix)")
		}
		return nil
	})
}

func (v *Vocab) readNormalizer(f protoField) error {
	return f.each(func(f protoField) error {
		if f.number == 2 {
			text, err := f.str()
			if text != "" {
				v.Charsmap = []byte(text)
			}
			return err
		}
		if f.number < 3 || f.number > 5 {
			return nil
		}
		value, err := f.uint()
		switch {
		case err != nil:
			return err
		case f.number == 3:
			v.AddSpacePrefix = value != 0
		case f.number == 4:
			v.RemoveExtraWhitespaces = value != 0
		case value == 0:
			return fmt.Errorf("sentencepiece: spaces are not marked in pieces (escape_whitespaces)")
		}
		return nil
	})
}

// A protoField is one field of a protocol buffer message.
type protoField struct {
	number uint64
	wire   uint64 // 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes
	value  uint64 // of wire types 0, 1 and 5
	bytes  []byte // of wire type 2
}

func (f protoField) want(wire uint64) error {
	if f.wire != wire {
		return fmt.Errorf("sentencepiece: field %d has wire type %d, want %d", f.number, f.wire, wire)
	}
	return nil
}

func (f protoField) uint() (uint64, error) { return f.value, f.want(0) }

func (f protoField) float() (float32, error) { return math.Float32frombits(uint32(f.value)), f.want(5) }

func (f protoField) str() (string, error) { return string(f.bytes), f.want(2) }

// each calls field for the fields of the message that f holds.
func (f protoField) each(field func(protoField) error) error {
	if err := f.want(2); err != nil {
		return err
	}
	return eachField(f.bytes, field)
}

// eachField calls field for each field of the message b.
func eachField(b []byte, field func(protoField) error) error {
	size := len(b)
	for len(b) > 0 {
		key, n := uvarint(b)
		f := protoField{number: key >> 3, wire: key & 7}
		if n == 0 || f.number == 0 {
			return fmt.Errorf("sentencepiece: no field at byte %d of %d: not a SentencePiece model", size-len(b), size)
		}
		b = b[n:]
		length := uint64(0)
		switch f.wire {
		case 0:
			f.value, n = uvarint(b)
			if n == 0 {
				return fmt.Errorf("sentencepiece: field %d: number cut short at byte %d", f.number, size-len(b))
			}
			length = uint64(n)
		case 1:
			length = 8
		case 2:
			length, n = uvarint(b)
			if n == 0 {
				return fmt.Errorf("sentencepiece: field %d: length cut short at byte %d", f.number, size-len(b))
			}
			b = b[n:]
		case 5:
			length = 4
		default:
			return fmt.Errorf("sentencepiece: field %d has wire type %d: not a SentencePiece model", f.number, f.wire)
		}
		if length > uint64(len(b)) {
			return fmt.Errorf("sentencepiece: field %d needs %d bytes at byte %d, %d are left", f.number, length, size-len(b), len(b))
		}
		if f.bytes = b[:length]; f.wire == 1 || f.wire == 5 {
			for i := int(length) - 1; i >= 0; i-- {
				f.value = f.value<<8 | uint64(f.bytes[i])
			}
		}
		if err := field(f); err != nil {
			return err
		}
		b = b[length:]
	}
	return nil
}

// uvarint reads a number of up to ten bytes and returns its length, 0 if b
// does not start with one.
func uvarint(b []byte) (value uint64, n int) {
	for i, c := range b {
		if i == 10 || i == 9 && c > 1 {
			break
		}
		value |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			return value, i + 1
		}
	}
	return 0, 0
}

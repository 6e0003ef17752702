package t5

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"
)

// A message is a protocol buffer message in the making.
type message []byte

func (m message) key(field, wire int) message { return binary.AppendUvarint(m, uint64(field<<3|wire)) }

func (m message) number(field int, v uint64) message { return binary.AppendUvarint(m.key(field, 0), v) }

func (m message) text(field int, v string) message {
	return append(binary.AppendUvarint(m.key(field, 2), uint64(len(v))), v...)
}

func (m message) float(field int, v float32) message {
	return binary.LittleEndian.AppendUint32(m.key(field, 5), math.Float32bits(v))
}

func (m message) piece(text string, score float32, typ TokenType) message {
	return m.text(1, string(message{}.text(1, text).float(2, score).number(3, uint64(typ))))
}

// tiny is a model of four pieces.
func tiny() message {
	return message{}.piece("<pad>", 0, ControlToken).piece("</s>", 0, ControlToken).piece("<unk>", 0, UnknownToken).piece("▁a", -1, NormalToken)
}

func TestFromSentencePiece(t *testing.T) {
	v := fromSentencePiece(t, tiny()).Vocab()
	if len(v.Tokens) != 104 || v.Tokens[3] != "▁a" || v.Scores[3] != -1 || v.Types[3] != NormalToken ||
		v.EOS != 1 || v.Pad != 0 || v.Unk != 2 || !v.AddSpacePrefix || !v.RemoveExtraWhitespaces || v.Charsmap != nil {
		t.Errorf("got %+v", v)
	}
	// A piece may leave its type out; unknown fields of all kinds are passed over; order does not matter.
	m := message{}.text(3, string(message{}.text(1, "name").number(3, 0).number(4, 0).number(5, 1).text(6, "rules")))
	m = m.text(2, string(message{}.number(3, 1).number(24, 0).number(35, 1).text(1, "input").float(10, 0.9995)))
	m = append(m, tiny()...).text(1, string(message{}.text(1, "b").float(2, -2)))
	m = append(m.key(9, 1), 1, 2, 3, 4, 5, 6, 7, 8).text(4, "self test")
	v = fromSentencePiece(t, m).Vocab()
	if v.AddSpacePrefix || v.RemoveExtraWhitespaces || v.Types[4] != NormalToken || v.Tokens[4] != "b" {
		t.Errorf("got %+v", v)
	}
}

func TestFromSentencePieceRefuses(t *testing.T) {
	long := message{}
	for range 10 {
		long = append(long, 0xff)
	}
	for _, c := range []struct {
		data []byte
		want string
	}{
		{nil, "no pieces in 0 bytes"},
		{[]byte("version https://git-lfs"), "not a SentencePiece model"},
		{[]byte("<!doctype html>"), "not a SentencePiece model"},
		{[]byte{0}, "no field at byte 0 of 1"},
		{[]byte{0x80}, "no field at byte 0 of 1"},
		{append(long, 1), "no field at byte 0"},
		{append(bytes.Clone(long[:9]), 2), "no field at byte 0"},
		{[]byte{1<<3 | 3}, "wire type 3"},
		{[]byte{9 << 3, 0x80}, "number cut short at byte 1"},
		{[]byte{1<<3 | 2, 0x80}, "length cut short at byte 1"},
		{[]byte{1<<3 | 2, 5, 1}, "field 1 needs 5 bytes at byte 2, 1 are left"},
		{append(message{}.key(1, 2), append(long[:9:9], 1)...), "field 1 needs 18446744073709551615 bytes"},
		{[]byte{9<<3 | 5, 1}, "field 9 needs 4 bytes at byte 1, 1 are left"},
		{[]byte{9<<3 | 1, 1}, "field 9 needs 8 bytes at byte 1, 1 are left"},
		{message{}.number(1, 5), "field 1 has wire type 0, want 2"},
		{message{}.text(1, string(message{}.number(1, 5))), "piece 0: sentencepiece: field 1 has wire type 0, want 2"},
		{message{}.text(1, string(message{}.text(2, "x"))), "field 2 has wire type 2, want 5"},
		{message{}.text(1, string(message{}.text(3, "x"))), "field 3 has wire type 2, want 0"},
		{message{}.piece("a", 0, 7), "piece 0 has type 7, want 1 to 6"},
		{message{}.piece("a", 0, 0), "piece 0 has type 0, want 1 to 6"},
		{tiny().piece("b", 0, UnknownToken), "pieces 2 and 4 are both the unknown one"},
		{message{}.piece("</s>", 0, ControlToken), "none of the 1 pieces is the unknown one"},
		{message{}.piece("<unk>", 0, UnknownToken), "none of the 1 pieces is </s>"},
		{tiny().number(2, 1), "field 2 has wire type 0, want 2"},
		{tiny().text(2, string(message{}.number(3, 2))), "model type 2, want 1 (Unigram)"},
		{tiny().text(2, string(message{}.number(24, 1))), "treat_whitespace_as_suffix"},
		{tiny().text(2, string(message{}.text(3, "x"))), "field 3 has wire type 2, want 0"},
		{tiny().text(3, string(message{}.number(5, 0))), "escape_whitespaces"},
		{tiny().text(3, string(message{}.text(5, "x"))), "field 5 has wire type 2, want 0"},
		{tiny().text(3, string(message{}.number(2, 1))), "field 2 has wire type 0, want 2"},
		{tiny().text(3, string(message{}.text(2, "x"))), "charsmap: 1 bytes"},
		{tiny().piece(strings.Repeat("a", 600), 0, NormalToken), "token 4 has 600 bytes, limit 512"},
		{tiny().piece("b", float32(math.Inf(-1)), NormalToken), "token 4 has the score -Inf"},
	} {
		if _, err := FromSentencePiece(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.20q: error %v, want %q", c.data, err, c.want)
		}
	}
}

func FuzzFromSentencePiece(f *testing.F) {
	f.Add([]byte(tiny()))
	f.Add([]byte(tiny().text(3, string(message{}.text(2, string(charsmapBytes(abcTrie(2), "x\x00yz\x00")))))))
	f.Add(gunzip(f, "spiece_bytes.model.gz"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tokenizer, err := FromSentencePiece(data)
		if err != nil {
			return
		}
		for _, text := range []string{"a tiny cat </s> é", string(data[:min(len(data), 200)])} {
			for _, id := range tokenizer.Encode(text) {
				if id < 0 || int(id) >= tokenizer.Size() {
					t.Fatalf("id %d of %d", id, tokenizer.Size())
				}
			}
		}
	})
}

#!/usr/bin/env python3
"""Trains two small T5-like SentencePiece models on captions.txt.gz and writes
what Hugging Face's fast tokenizer and SentencePiece make of the captions and
of a page of hostile text.

Usage: tokens.py [--train]   (made with sentencepiece 0.2.3, tokenizers 0.23.3)

    spiece.model.gz          Unigram, nmt_nfkc, ids as T5 has them; --train makes it anew
    spiece_bytes.model.gz    the same with byte fallback and without normalisation
    tokenizer_forms.json.gz  the three forms of tokenizer.json that transformers has
                             written for T5, without vocabulary and charsmap
    tokens_captions.gz       ids of each caption by the fast tokenizer: their number
                             and the ids, as variable-length integers (LEB128)
    tokens_hostile.json      rows of text and ids: "hf" by the fast tokenizer made of
                             spiece.model ("spm" of the forms); by the two other forms
                             and by SentencePiece ("sp") where they differ; and by the
                             fast tokenizer made of spiece_bytes.model ("bytes")
"""
import base64
import gzip
import io
import json
import os
import struct
import sys

import sentencepiece
from tokenizers import Tokenizer

FOLDER = os.path.dirname(os.path.abspath(__file__))

HOSTILE = [
    "", " ", "  ", "a", " a", "a ", "  a  b  ", "\ta\nb\r\nc\x0bd\x0ce", "\u00a0a\u2003b\u3000", "a\u200bb\u200c\u200d\u200e\u200f", "\ufeffbom", "a\ufffdb\ufffd", "\u2581", "a\u2581b", "\u2581\u2581a", "a \u2581 b",
    "\u2581 ", "\x00", "a\x00b", "\x01\x02\x7f\x80\x9f", "\x85", "a\x85b \x85", "\u1680\u2028\u2029\u202f\u205f", "a\u200b", "\u200b", "\u200b a", "\u00ad soft",
    "!", "!!", "!!!", "!!!!", "!!!!!", "!!!!!!", "!!!!!!!", "!!!!!!!!!!!", "......", ".......", "----------", "a!!!!!b", "aaaaaaaaaaaaaaaa", "zzzzzzz", "0000000", "''''''", ",,,,,", "ababababab", "thethethe", "ininininin",
    "</s>", "<pad>", "<unk>", "<s>", "<extra_id_0>", "<extra_id_99>", "<extra_id_100>", "<extra_id_1", "a</s>b", "a </s> b", " </s> ", "</s></s>", "<</s>>", "</s", "<pad><unk></s>", "a<extra_id_7>b <extra_id_7> c", "a\x85<extra_id_7>\x85 b",
    "＜/s＞", "＜pad＞", "x＜unk＞y", "é＜unk＞é", "＜extra_id_3＞", "<PAD>", "[PAD0]", "[PAD980]", "<0x41>", "<0x00><0xFF>", "<0xC3><0xA9>",
    "ｆｕｌｌ ｗｉｄｔｈ", "ﬁne ﬂuﬃest", "½ ² ㎏ ℃ ™ Ⅷ ①", "é e\u0301", "ｅ\u0301", "ﬁ\u0301n", "①\u0301", "½\u0301 a", "Å\u030a", "a\u0301\u0323\u0316", "q\u0307", "\u0301", "\u0301a", " \u0301", "ñandú piñata", "İı ſ ß ẞ",
    "한국어 한국", "각", "ガギ ｶﾞｷﾞ", "カ\u3099", "中文字 漢", "日本語のテキスト", "ひらがな", "العربية ﷺ ﻻ", "עִבְרִית", "हिन्दी क्षि \u0958\u0301", "ไทย", "\u0e33\u0e48", "தமிழ் \u0bca", "Ελληνικά", "Кириллица", "ქართული",
    "😀", "👨\u200d👩\u200d👧", "🇩🇪🇫🇷🇩", "👍🏽", "1\ufe0f\u20e3", "☺\ufe0f", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "\u0600a", "\U000110bd1", "\u200da", "a\u200d\u0301", "\r\n\r\n", "\r\r\n", "a\r\nb",
    "\u1100\u1161\u11a8 \u1160 \u115f", "\ua960\ud7b0\ud7cb", "\U0001d54f\U0001d7d9 \U0001d165", "\U00020000 \U000e0001 \U0010ffff", "\uffff\ufffe", "\ue000", "\u0378", "\u2126\u212a\u212b", "\u037e\u0387", "\u1fef\u1ffd", "\u0340\u0341\u0343\u0344",
    "\u02d9 \u00a8 \u00b4 \u00b8", "\u00a8a", "a\u00b4", "\u203c \u2026 \u2047", "\u3000\u3000a\u3000", "\u2000\u2001", "～〜", "\u2010\u2011\u2013\u2014\u2015", "\u201cquoted\u201d \u2018x\u2019", "\u2033\u2034 \u2057",
    "\ufb01\u0323\u0301", "\ufb03\u0301", "\u01c4\u0301", "\u0149\u0301", "\u00b2\u0301", "\u2075\u0301", "\uff21\u0301", "\uff21\u0301\u0301", "\u00aa\u0301", "\u0132\u0301", "\u017f\u0307", "\u1e9b\u0323", "\u2460\u20dd", "\u00be\u0338", "=\u0338", "<\u0338", ">\u0338",
    "\u0958", "\u0958\u0301", "\u0929", "\u0928\u093c", "\u09cb", "\u09c7\u09be", "\u0b94", "\u0cca", "\u0dda", "\u0f43", "\u0f71\u0f72", "\u0f73", "\u1026", "\u1b06", "\u0385", "\u1f00\u0301\u0345",
    "The donkey hides behind a striped, crimson red fox.", "THE DONKEY HIDES", "a corgi's  kite", "Nº 5", "E=mc²", "café crème", "¿Qué?", "Grüße aus Köln", "π ≈ 3.14", "50% off!", "T-shirt", "1920x1080", "http://www.example.com/42", "@chair_12345 #7",
    "a" * 300, "lighthouse" * 40, "x" * 17 + " " + "é" * 20, "é a é", "ée", "aé", "qé!!!!!!é", "\u0300" * 50, "a" + "\u0300" * 50 + "b", "cat" + " " * 50 + "dog", " ".join("abcdefghijklmnopqrstuvwxyz"), "\U0001f600" * 10, "()[]{}<>/\\|~^`_+*%$#@&",
]


def train():
    with gzip.open(os.path.join(FOLDER, "captions.txt.gz"), "rt", encoding="utf-8") as f:
        captions = f.read().splitlines()
    for name, size, normalization, fallback in [("spiece", 1500, "nmt_nfkc", False), ("spiece_bytes", 700, "identity", True)]:
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(captions), model_writer=model, model_type="unigram", vocab_size=size, hard_vocab_limit=False,
            pad_id=0, eos_id=1, unk_id=2, bos_id=-1, character_coverage=0.9995, num_threads=1, minloglevel=2,
            normalization_rule_name=normalization, byte_fallback=fallback)
        write(name + ".model.gz", model.getvalue())


def write(name, data):
    with open(os.path.join(FOLDER, name), "wb") as f, gzip.GzipFile("", "wb", 9, f, 0) as z:
        z.write(data)


def read(name):
    with gzip.open(os.path.join(FOLDER, name)) as f:
        return f.read()


def fields(message):
    """The fields of a protocol buffer message."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = varint()
        wire = key & 7
        if wire == 0:
            value = varint()
        else:
            size = {1: 8, 5: 4}.get(wire) or varint()
            value = message[at:at + size]
            at += size
        yield key >> 3, value


def vocabulary(model):
    """Pieces with scores, as transformers' T5Converter has them, and the charsmap in base64."""
    pieces, charsmap = [], ""
    for number, value in fields(model):
        if number == 1:
            piece = dict(fields(value))
            pieces.append([piece[1].decode(), struct.unpack("<f", piece.get(2, b"\0\0\0\0"))[0]])
        if number == 3:
            charsmap = base64.b64encode(dict(fields(value)).get(2, b"")).decode()
    return pieces + [[f"<extra_id_{i}>", 0.0] for i in range(99, -1, -1)], charsmap


def forms(pieces, charsmap, fallback=False):
    """The forms of tokenizer.json: of transformers 4.39 and later from a
    spiece.model, of 2022 (FLAN-T5's time), and of 2020, which is that of
    transformers 5 again."""
    special = ["<pad>", "</s>", "<unk>"] + [f"<extra_id_{i}>" for i in range(99, -1, -1)]
    names = [piece for piece, _ in pieces]
    precompiled = [{"type": "Precompiled", "precompiled_charsmap": charsmap}] if charsmap else []
    template = lambda *ids: [{"Sequence": {"id": i, "type_id": 0}} if len(i) == 1 else {"SpecialToken": {"id": i, "type_id": 0}} for i in ids]

    def form(normalizers, pre_tokenizer, strip=False):
        return {
            "version": "1.0", "truncation": None, "padding": None,
            "added_tokens": [{"id": names.index(token), "content": token, "single_word": False, "lstrip": strip and "extra" in token,
                              "rstrip": strip and "extra" in token, "normalized": False, "special": True} for token in special],
            "normalizer": {"type": "Sequence", "normalizers": precompiled + normalizers},
            "pre_tokenizer": pre_tokenizer,
            "post_processor": {"type": "TemplateProcessing", "single": template("A", "</s>"), "pair": template("A", "</s>", "B", "</s>"),
                               "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}},
            "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
            "model": {"type": "Unigram", "unk_id": 2, "byte_fallback": fallback, "vocab": pieces},
        }

    replace = lambda content: {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": content}
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    return {
        "spm": form([{"type": "Strip", "strip_left": False, "strip_right": True}, replace("▁")], metaspace, True),
        "2022": form([replace(" ")], {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True}),
        "2020": form([], {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]}),
    }


def main():
    if sys.argv[1:] == ["--train"]:
        train()
    model = read("spiece.model.gz")
    pieces, charsmap = vocabulary(model)
    written = forms(pieces, charsmap)
    fast = {name: Tokenizer.from_str(json.dumps(form)) for name, form in written.items()}
    sp = sentencepiece.SentencePieceProcessor(model_proto=model)
    bytes_fast = Tokenizer.from_str(json.dumps(forms(*vocabulary(read("spiece_bytes.model.gz")), True)["spm"]))

    def ids(tokenizer, text):
        encoded = tokenizer.encode(text).ids
        assert encoded.pop() == 1
        return encoded

    for form in written.values():
        form["model"]["vocab"] = []
        for step in form["normalizer"]["normalizers"]:
            if "precompiled_charsmap" in step:
                step["precompiled_charsmap"] = ""
    write("tokenizer_forms.json.gz", json.dumps(written, separators=(",", ":")).encode())

    packed = bytearray()
    with gzip.open(os.path.join(FOLDER, "captions.txt.gz"), "rt", encoding="utf-8") as f:
        captions = f.read().splitlines()
    differ = 0
    for caption in captions:
        encoded = ids(fast["spm"], caption)
        if encoded != sp.encode(caption):
            HOSTILE.append(caption)
            differ += 1
        for value in [len(encoded)] + encoded:
            while value >= 0x80:
                packed.append(value & 0x7F | 0x80)
                value >>= 7
            packed.append(value)
    write("tokens_captions.gz", bytes(packed))

    rows = []
    for text in HOSTILE:
        row = {"in": text, "hf": ids(fast["spm"], text)}
        for name, other in {"2022": ids(fast["2022"], text), "2020": ids(fast["2020"], text), "sp": sp.encode(text)}.items():
            if other != row["hf"]:
                row[name] = other
        row["bytes"] = ids(bytes_fast, text)
        rows.append(row)
    with open(os.path.join(FOLDER, "tokens_hostile.json"), "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n")
    print(f"{len(captions)} captions, {differ} differ from SentencePiece's; {len(rows)} hostile lines, {sum('sp' in r for r in rows)} differ, "
          f"{sum('2022' in r for r in rows)} in the form of 2022, {sum('2020' in r for r in rows)} in that of 2020")


if __name__ == "__main__":
    main()

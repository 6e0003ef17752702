"""The vocabulary of a text encoder: spiece.model (SentencePiece's protocol buffer message) or tokenizer.json (Hugging Face's).

ModelProto      1 pieces (repeated), 2 trainer_spec, 3 normalizer_spec
  piece         1 text, 2 score (float), 3 type
  trainer       3 model_type (1 Unigram), 24 treat_whitespace_as_suffix
  normalizer    2 precompiled_charsmap, 3 add_dummy_prefix, 4 remove_extra_whitespaces, 5 escape_whitespaces
"""

from __future__ import annotations

import base64
import json
import math
import re
import struct
from dataclasses import dataclass, field
from typing import Any, Iterator

from gguf import GGUFValueType

from .plan import Plan

NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = 1, 2, 3, 4, 5, 6  # types of tokens, as in SentencePiece and GGUF
EXTRA_TOKENS = 100  # <extra_id_N>, which every T5 has beside the pieces of its SentencePiece model
MAX_PIECE = 512
SPACE_MARK = "\u2581"


@dataclass
class Vocabulary:
    """The index of a token is its id."""

    tokens: list[bytes] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    types: list[int] = field(default_factory=list)
    charsmap: bytes = b""
    add_space_prefix: bool = True
    remove_extra_whitespaces: bool = True
    eos: int = -1
    pad: int = 0
    unknown: int = -1

    def append(self, token: bytes, score: float, kind: int) -> None:
        self.tokens.append(token)
        self.scores.append(score)
        self.types.append(kind)

    def check(self) -> None:
        if self.unknown < 0:
            raise ValueError(f"none of the {len(self.tokens)} tokens is the unknown one")
        if self.eos < 0:
            raise ValueError(f"none of the {len(self.tokens)} tokens is </s>")
        for i, (token, score) in enumerate(zip(self.tokens, self.scores)):
            if len(token) > MAX_PIECE or not math.isfinite(score):
                raise ValueError(f"token {i} has {len(token)} bytes, limit {MAX_PIECE}, and the score {score}")

    def set_keys(self, plan: Plan, rows: int) -> None:
        """The keys of llama.cpp, with a token for each of the rows of the embedding: T5's have some more than there are tokens."""
        fill = range(len(self.tokens), rows)
        a = "tokenizer.ggml."
        plan.string(a + "model", "t5")
        plan.string(a + "pre", "default")
        plan.array(a + "tokens", self.tokens + [b"[PAD%d]" % i for i in fill], GGUFValueType.STRING)
        plan.array(a + "scores", self.scores + [-10000.0 for _ in fill], GGUFValueType.FLOAT32)
        plan.array(a + "token_type", self.types + [UNUSED for _ in fill], GGUFValueType.INT32)
        plan.boolean(a + "add_space_prefix", self.add_space_prefix)
        plan.boolean(a + "remove_extra_whitespaces", self.remove_extra_whitespaces)
        if self.charsmap:
            plan.array(a + "precompiled_charsmap", self.charsmap, GGUFValueType.UINT8)
        plan.uint32(a + "eos_token_id", self.eos)
        plan.uint32(a + "padding_token_id", self.pad)
        plan.uint32(a + "unknown_token_id", self.unknown)
        plan.boolean(a + "add_eos_token", True)


# ---- spiece.model ------------------------------------------------------------------------------------------------------------


def from_sentencepiece(data: bytes) -> Vocabulary:
    """What is wrong with the file is a ValueError."""
    v = Vocabulary()
    for number, content in fields(data):
        if number == 1:
            add_piece(v, dict(fields(content)))
        elif number == 2:
            check_trainer(dict(fields(content)))
        elif number == 3:
            read_normalizer(v, dict(fields(content)))
    if not v.tokens:
        raise ValueError(f"no pieces in {len(data)} bytes: not a SentencePiece model")
    for i in reversed(range(EXTRA_TOKENS)):
        v.append(b"<extra_id_%d>" % i, 0.0, CONTROL)
    v.check()
    return v


def add_piece(v: Vocabulary, piece: dict[int, Any]) -> None:
    text, kind, i = bytes(piece.get(1, b"")), piece.get(3, NORMAL), len(v.tokens)
    (score,) = struct.unpack("<f", piece.get(2, bytes(4)))
    if not NORMAL <= kind <= BYTE:
        raise ValueError(f"piece {i} has type {kind}, want {NORMAL} to {BYTE}")
    if kind == UNKNOWN and v.unknown >= 0:
        raise ValueError(f"pieces {v.unknown} and {i} are both the unknown one")
    if kind == UNKNOWN:
        v.unknown = i
    elif text == b"</s>":
        v.eos = i
    elif text == b"<pad>":
        v.pad = i
    v.append(text, score, kind)


def check_trainer(trainer: dict[int, Any]) -> None:
    if trainer.get(3, 1) != 1:
        raise ValueError(f"model type {trainer[3]}, want 1 (Unigram)")
    if trainer.get(24, 0) != 0:
        raise ValueError("spaces are marked at the end of words (treat_whitespace_as_suffix)")


def read_normalizer(v: Vocabulary, normalizer: dict[int, Any]) -> None:
    if normalizer.get(5, 1) == 0:
        raise ValueError("spaces are not marked in pieces (escape_whitespaces)")
    v.charsmap = bytes(normalizer.get(2, b""))
    v.add_space_prefix = normalizer.get(3, 1) != 0
    v.remove_extra_whitespaces = normalizer.get(4, 1) != 0


def fields(message: Any) -> Iterator[tuple[int, Any]]:
    """The fields of a protocol buffer message: their numbers, and an int for a varint, else bytes."""
    if not isinstance(message, bytes):
        raise ValueError("a number stands where a message should: not a SentencePiece model")
    at = 0
    while at < len(message):
        key, at = uvarint(message, at)
        number, wire = key >> 3, key & 7
        if number == 0 or wire not in (0, 1, 2, 5):
            raise ValueError(f"no field at byte {at} of {len(message)}: not a SentencePiece model")
        size, at = uvarint(message, at) if wire in (0, 2) else (8 if wire == 1 else 4, at)
        if wire == 0:
            yield number, size
            continue
        if size > len(message) - at:
            raise ValueError(f"field {number} needs {size} bytes, {len(message) - at} are left")
        yield number, message[at : at + size]
        at += size


def uvarint(message: bytes, at: int) -> tuple[int, int]:
    """A number of up to ten bytes, and where it ends."""
    value = 0
    for i, c in enumerate(message[at : at + 10]):
        value |= (c & 0x7F) << (7 * i)
        if c < 0x80:
            return value, at + i + 1
    raise ValueError(f"a number is cut short at byte {at}: not a SentencePiece model")


# ---- tokenizer.json ----------------------------------------------------------------------------------------------------------


def from_tokenizer_json(data: bytes) -> Vocabulary:
    """What is wrong with the file is a ValueError, KeyError or TypeError."""
    j = json.loads(data)
    model = j["model"]
    if model["type"] != "Unigram":
        raise ValueError(f'model type {model["type"]!r}, want "Unigram"')
    v = Vocabulary(unknown=int(model["unk_id"]))
    for text, score in model["vocab"]:
        is_byte = model.get("byte_fallback") and re.fullmatch("<0x[0-9A-Fa-f]{2}>", text)
        v.append(text.encode("utf-8", "replace"), float(score), BYTE if is_byte else NORMAL)
    add_added_tokens(v, j.get("added_tokens") or [])
    for i, token in enumerate(v.tokens):
        if token == b"</s>":
            v.eos = i
        elif token == b"<pad>":
            v.pad = i
    for step in steps(j.get("normalizer"), "normalizers"):
        read_normalizer_step(v, step)
    metaspaces = [s for s in steps(j.get("pre_tokenizer"), "pretokenizers") if s.get("type") != "WhitespaceSplit"]
    if len(metaspaces) != 1 or metaspaces[0].get("type") != "Metaspace":
        raise ValueError("pre_tokenizer: want one Metaspace, and WhitespaceSplit beside it")
    read_metaspace(v, metaspaces[0])
    v.check()
    return v


def add_added_tokens(v: Vocabulary, added: list[dict[str, Any]]) -> None:
    """Those that the model has already, and others with the ids after its own."""
    ids = {token: i for i, token in enumerate(v.tokens)}
    for a in added:
        text = a["content"].encode("utf-8", "replace")
        if text not in ids:
            ids[text] = len(v.tokens)
            v.append(text, 0.0, UNUSED)
        i = ids[text]
        if a["id"] != i:
            raise ValueError(f"added token {a['content']!r} has id {a['id']}, want {i}")
        v.types[i] = UNKNOWN if i == v.unknown else CONTROL if a.get("special") else USER


def steps(step: dict[str, Any] | None, inner: str) -> Iterator[dict[str, Any]]:
    """A step, or those of a sequence."""
    if step and step.get("type") == "Sequence":
        for s in step[inner]:
            yield from steps(s, inner)
    elif step:
        yield step


def read_normalizer_step(v: Vocabulary, step: dict[str, Any]) -> None:
    if step.get("type") == "Precompiled":
        v.charsmap = base64.b64decode(step["precompiled_charsmap"])
    elif step.get("type") not in ("Strip", "Replace"):
        raise ValueError(f"normalizer: type {step.get('type')!r}, want Sequence, Precompiled, Strip or Replace")


def read_metaspace(v: Vocabulary, step: dict[str, Any]) -> None:
    if step["replacement"] != SPACE_MARK:
        raise ValueError(f"pre_tokenizer: replacement {step['replacement']!r}, want {SPACE_MARK!r}")
    # Files from before prepend_scheme have add_prefix_space alone.
    scheme = step.get("prepend_scheme") or ("never" if step.get("add_prefix_space") is False else "always")
    if scheme not in ("always", "first", "never"):
        raise ValueError(f"pre_tokenizer: prepend_scheme {scheme!r}, want always, first or never")
    v.add_space_prefix = scheme != "never"

"""The text encoder of a caption model, a T5, from a folder as Hugging Face's transformers writes it.

    config.json                                   what shapes do not tell
    model.safetensors, pytorch_model.bin, ...     weights; see shards.py
    spiece.model, tokenizer.json                  the tokenizer; one of them is needed

Names and keys are llama.cpp's for architecture t5encoder.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from .errors import ModelError
from .plan import MATRIX, SMALL, Plan
from .shards import Shards
from .source import ANY, MAX_SIZE, shape_text
from .vocabulary import Vocabulary, from_sentencepiece, from_tokenizer_json

ARCHITECTURE = "t5encoder"
SHARED = "shared.weight"
EMBED = "encoder.embed_tokens.weight"  # the same tensor, in files that have only the encoder
REL_BIAS = "layer.0.SelfAttention.relative_attention_bias"
PARTS = (  # name, official name, role, shape: dim, hidden, inner (heads * head size)
    ("attn_norm", "layer.0.layer_norm", SMALL, ("dim",)),
    ("attn_q", "layer.0.SelfAttention.q", MATRIX, ("inner", "dim")),
    ("attn_k", "layer.0.SelfAttention.k", MATRIX, ("inner", "dim")),
    ("attn_v", "layer.0.SelfAttention.v", MATRIX, ("inner", "dim")),
    ("attn_o", "layer.0.SelfAttention.o", MATRIX, ("dim", "inner")),
    ("ffn_norm", "layer.1.layer_norm", SMALL, ("dim",)),
    ("ffn_gate", "layer.1.DenseReluDense.wi_0", MATRIX, ("hidden", "dim")),
    ("ffn_up", "layer.1.DenseReluDense.wi_1", MATRIX, ("hidden", "dim")),
    ("ffn_down", "layer.1.DenseReluDense.wo", MATRIX, ("dim", "hidden")),
)


def block(n: int, part: str) -> str:
    return f"encoder.block.{n}.{part}.weight"


@dataclass
class Config:
    """config.json. What it does not state has a default in transformers' T5Config."""

    path: str
    stated: dict[str, Any]

    def get(self, key: str, otherwise: Any) -> Any:
        value = self.stated.get(key)
        return otherwise if value is None else value

    def fail(self, reason: str) -> None:
        raise ModelError(self.path, "", reason)

    def check(self) -> None:
        kind, forward = self.stated.get("model_type"), self.get("feed_forward_proj", "relu")
        if kind not in ("t5", "mt5"):
            self.fail(f'model_type is {kind!r}, want "t5": the text encoder of caption models is a T5')
        if forward != "gated-gelu":
            self.fail(f'feed_forward_proj is {forward!r}, want "gated-gelu": FLAN-T5 and T5 v1.1 are supported, T5 v1.0 is not')
        if self.get("relative_attention_max_distance", 128) != 128:
            self.fail(f"relative_attention_max_distance is {self.stated['relative_attention_max_distance']}, want 128")
        eps, positions = self.get("layer_norm_epsilon", 1e-6), self.get("n_positions", 512)
        if not isinstance(eps, (int, float)) or not 1e-30 < eps < 1:
            self.fail(f"layer_norm_epsilon is {eps}, want a small positive number")
        if not isinstance(positions, int) or not 1 <= positions <= MAX_SIZE:
            self.fail(f"n_positions is {positions}, want 1 to {MAX_SIZE}")

    def compare(self, shapes: dict[str, int]) -> None:
        for key, n in shapes.items():
            if self.get(key, n) != n:
                self.fail(f"{key} is {self.stated[key]}, the tensors beside it say {n}")


def read_config(folder: str) -> Config:
    path = os.path.join(folder, "config.json")
    if not os.path.exists(path):
        raise ModelError(folder, "", "the folder has no config.json; a text encoder's is as transformers writes it")
    with open(path, encoding="utf-8") as f:
        try:
            stated = json.load(f)
        except ValueError as e:
            raise ModelError(path, "", f"it is no JSON: {e}") from e
    config = Config(path, stated if isinstance(stated, dict) else {})
    config.check()
    return config


def read_vocabulary(folder: str) -> tuple[Vocabulary, str]:
    """The vocabulary and the file that it is from."""
    for name, read in (("spiece.model", from_sentencepiece), ("tokenizer.json", from_tokenizer_json)):
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            continue
        with open(path, "rb") as f:
            data = f.read()
        try:
            return read(data), path
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            raise ModelError(path, "", f"{type(e).__name__}: {e}" if isinstance(e, KeyError) else str(e)) from e
    reason = "the folder has neither spiece.model nor tokenizer.json; without its tokenizer a text encoder reads no text"
    raise ModelError(folder, "", reason)


class EncoderFolder:
    """All sizes are from shapes; config.json is checked against them."""

    def __init__(self, folder: str, plan: Plan) -> None:
        self.folder = folder
        config = read_config(folder)
        self.vocabulary, self.tokens_file = read_vocabulary(folder)
        self.weights = w = Shards(folder)
        self.embedding = SHARED if SHARED in w else EMBED
        self.vocab, self.dim = w.get(self.embedding, ANY, ANY).shape
        inner = w.get(block(0, "layer.0.SelfAttention.q"), ANY, ANY).shape[0]
        bias = w.get(block(0, REL_BIAS), ANY, ANY)
        self.buckets, self.heads = bias.shape
        self.refuse_version_1_0()
        self.hidden = w.get(block(0, "layer.1.DenseReluDense.wi_0"), ANY, ANY).shape[0]
        if inner % self.heads != 0:
            w.fail(block(0, "layer.0.SelfAttention.q"), f"{inner} rows cannot be shared by {self.heads} heads")
        self.head_size = inner // self.heads
        self.layers = 0
        while block(self.layers, "layer.0.SelfAttention.q") in w:
            self.layers += 1
        config.compare(
            {
                "vocab_size": self.vocab,
                "d_model": self.dim,
                "d_kv": self.head_size,
                "d_ff": self.hidden,
                "num_layers": self.layers,
                "num_heads": self.heads,
                "relative_attention_num_buckets": self.buckets,
            }
        )
        if self.buckets % 2 != 0 or not 4 <= self.buckets <= 510:
            w.fail(block(0, REL_BIAS), f"shape {shape_text(bias.shape)}: want an even number of rows from 4 to 510")
        if len(self.vocabulary.tokens) > self.vocab:
            reason = f"it has {len(self.vocabulary.tokens)} tokens, {self.embedding} has rows for {self.vocab}"
            raise ModelError(self.tokens_file, "", reason)
        self.eps, self.positions = float(config.get("layer_norm_epsilon", 1e-6)), config.get("n_positions", 512)
        origin = config.path if "layer_norm_epsilon" in config.stated else "transformers' T5Config"
        plan.chose("text encoder norm epsilon", self.eps, origin)

    def refuse_version_1_0(self) -> None:
        narrow = block(0, "layer.1.DenseReluDense.wi")
        if narrow in self.weights and block(0, "layer.1.DenseReluDense.wi_0") not in self.weights:
            self.weights.fail(narrow, "plain ReLU (T5 v1.0); FLAN-T5 and T5 v1.1 are supported")

    def add(self, plan: Plan, token_embedding: str) -> None:
        """Plans the tensors. The token embedding gets this name."""
        w = self.weights
        sizes = {"dim": self.dim, "hidden": self.hidden, "inner": self.heads * self.head_size}
        w.add(plan, token_embedding, MATRIX, self.embedding, self.vocab, self.dim)
        for n in range(self.layers):
            for name, original, role, shape in PARTS:
                w.add(plan, f"enc.blk.{n}.{name}.weight", role, block(n, original), *(sizes[d] for d in shape))
            if n == 0:
                w.add(plan, "enc.blk.0.attn_rel_b.weight", SMALL, block(0, REL_BIAS), self.buckets, self.heads)
        w.add(plan, "enc.output_norm.weight", SMALL, "encoder.final_layer_norm.weight", self.dim)
        plan.ignored += w.rest("encoder.", EMBED)

    def set_keys(self, plan: Plan) -> None:
        a = ARCHITECTURE + "."
        plan.uint32(a + "context_length", self.positions)
        plan.uint32(a + "embedding_length", self.dim)
        plan.uint32(a + "feed_forward_length", self.hidden)
        plan.uint32(a + "block_count", self.layers)
        plan.uint32(a + "attention.head_count", self.heads)
        plan.uint32(a + "attention.key_length", self.head_size)
        plan.uint32(a + "attention.value_length", self.head_size)
        plan.uint32(a + "attention.relative_buckets_count", self.buckets)
        plan.float32(a + "attention.layer_norm_epsilon", self.eps)
        plan.float32(a + "attention.layer_norm_rms_epsilon", self.eps)
        self.vocabulary.set_keys(plan, self.vocab)

    def paths(self) -> list[str]:
        return self.weights.paths() + [self.tokens_file]

    def describe(self) -> str:
        sizes = f"{self.layers} layers, width {self.dim}, {self.heads} heads of {self.head_size} values, vocabulary {self.vocab}"
        return f"{self.folder}: T5 text encoder: {sizes}, tokenizer from {os.path.basename(self.tokens_file)}"

"""A text encoder from a GGUF file: tensors and keys go over as they are, those of a decoder stay behind."""

from __future__ import annotations

from functools import partial
from typing import Any

import gguf
import numpy as np

from .errors import ModelError
from .plan import Entry, Plan
from .textencoder import ARCHITECTURE


class EncoderFile:
    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self.reader = gguf.GGUFReader(path)
        except (ValueError, IndexError, KeyError) as e:
            raise ModelError(path, "", f"it is no folder, and as a GGUF file it cannot be read: {e}") from e
        self.architecture, self.embedding = ARCHITECTURE, "enc.token_embd.weight"
        stated = self.value("general.architecture")
        if stated in ("t5", ARCHITECTURE):
            self.architecture, self.embedding = stated, "token_embd.weight"
        tokens = self.value("tokenizer.ggml.model")
        if tokens != "t5":
            raise ModelError(path, "", f'tokenizer.ggml.model is {tokens!r}, want "t5"')
        shapes = {t.name: tuple(int(n) for n in t.shape) for t in self.reader.tensors}
        for name in (self.embedding, "enc.output_norm.weight"):
            if name not in shapes:
                raise ModelError(path, name, "it is missing")
        self.dim = shapes[self.embedding][0]

    def value(self, key: str) -> Any:
        field = self.reader.get_field(key)
        return field.contents() if field else None

    def add(self, plan: Plan, token_embedding: str) -> None:
        """Plans the tensors. The token embedding gets this name."""
        for t in self.reader.tensors:
            if t.name == self.embedding or t.name.startswith("enc."):
                name = token_embedding if t.name == self.embedding else t.name
                shape = tuple(int(n) for n in reversed(t.shape))
                plan.entries.append(Entry(name, shape, t.tensor_type, partial(np.asarray, t.data)))

    def set_keys(self, plan: Plan) -> None:
        prefix = self.architecture + "."
        for key, field in self.reader.fields.items():
            if key.startswith(prefix) and not key.startswith(prefix + "decoder_"):
                key = ARCHITECTURE + "." + key.removeprefix(prefix)
            elif not key.startswith("tokenizer."):
                continue
            plan.set(key, field.contents(), field.types[0], field.types[-1] if len(field.types) > 1 else None)

    def paths(self) -> list[str]:
        return [self.path]

    def describe(self) -> str:
        a = self.architecture
        layers, heads, size = (self.value(f"{a}.{k}") for k in ("block_count", "attention.head_count", "attention.key_length"))
        sizes = f"{layers} layers, width {self.dim}, {heads} heads of {size} values"
        return f"{self.path}: T5 text encoder: {sizes}, its tensors as they are"

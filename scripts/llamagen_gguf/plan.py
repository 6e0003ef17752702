"""The plan of an output file: keys, tensors with their types, and what to tell of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Callable

import gguf
import numpy as np
import torch

from . import encode
from .encode import F16, F32, Q8_0, Type
from .source import Source

SMALL, MATRIX, KERNEL = "small", "matrix", "kernel"  # roles: always F32; the type asked for; that, but F16 for Q8_0
FILE_TYPES = {F32: 0, F16: 1, Q8_0: 7, encode.BF16: 32}  # llama.cpp's numbers for a file's main type


@dataclass
class Entry:
    """A tensor of the output. data makes its bytes, or elements, when it is written."""

    name: str
    shape: tuple[int, ...]
    type: Type
    data: Callable[[], np.ndarray]

    def nbytes(self) -> int:
        block, size = gguf.GGML_QUANT_SIZES[self.type]
        return math.prod(self.shape) // block * size


@dataclass
class Plan:
    """Keys and tensors, in order. The functions that add keys are named after GGUF's types."""

    asked: Type
    architecture: str = ""
    keys: list[tuple[str, Any, gguf.GGUFValueType, gguf.GGUFValueType | None]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    choices: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    def add(self, source: Source, name: str, role: str, original: str, *shape: int) -> None:
        """Puts a tensor of a checkpoint, which has this shape, into the output."""
        self.add_tensor(name, role, original, source.get(original, *shape), source.path)

    def add_tensor(self, name: str, role: str, original: str, tensor: torch.Tensor, path: str) -> None:
        kind = self.type_of(role, tensor.shape[-1])
        self.entries.append(Entry(name, tuple(tensor.shape), kind, lambda: encode.encode(tensor, kind, path, original)))

    def type_of(self, role: str, row: int) -> Type:
        if role == SMALL:
            return F32
        if self.asked == Q8_0 and (role == KERNEL or row % gguf.GGML_QUANT_SIZES[Q8_0][0] != 0):
            return F16
        return self.asked

    def set(self, key: str, value: Any, kind: gguf.GGUFValueType, element: gguf.GGUFValueType | None = None) -> None:
        self.keys.append((key, value, kind, element))

    def uint32(self, key: str, n: int) -> None:
        self.set(key, int(n), gguf.GGUFValueType.UINT32)

    def int32(self, key: str, n: int) -> None:
        self.set(key, int(n), gguf.GGUFValueType.INT32)

    def float32(self, key: str, x: float) -> None:
        self.set(key, float(x), gguf.GGUFValueType.FLOAT32)

    def boolean(self, key: str, x: bool) -> None:
        self.set(key, bool(x), gguf.GGUFValueType.BOOL)

    def string(self, key: str, s: str) -> None:
        self.set(key, s, gguf.GGUFValueType.STRING)

    def array(self, key: str, xs: Any, element: gguf.GGUFValueType) -> None:
        self.set(key, xs, gguf.GGUFValueType.ARRAY, element)

    def general(self, architecture: str, name: str, about: list[tuple[str, str]]) -> None:
        """The first keys. The writer itself begins with general.architecture."""
        self.architecture = architecture
        self.string("general.type", "model")
        self.string("general.name", name)
        for key, text in about:
            self.string(key, text)
        self.uint32("general.file_type", FILE_TYPES[self.asked])
        if any(gguf.GGML_QUANT_SIZES[e.type][0] > 1 for e in self.entries):
            self.uint32("general.quantization_version", 2)

    def chose(self, what: str, value: Any, origin: str) -> None:
        """Records a number that no shape told."""
        self.choices.append(f"{what} {value:g}, from {origin}" if isinstance(value, float) else f"{what} {value}, from {origin}")


def given_or(value: Any, otherwise: Any) -> Any:
    return otherwise if value is None else value


def origin_of(option: Any, otherwise: str) -> str:
    return otherwise if option is None else "the command line"

"""A LlamaGen checkpoint as a source of tensors: which kind of model it is, and a check of the shape of each tensor taken."""

from __future__ import annotations

from typing import Iterable, NoReturn

import torch

from .archive import Archive
from .errors import ModelError
from .unpickle import load, state_dict

PLACES = ("model", "module", "state_dict", "", "ema")  # of the state dict
VQ_PLACES = ("ema",) + PLACES[:-1]  # of an image tokenizer the official code takes the moving average first

TOK_EMBEDDINGS = "tok_embeddings.weight"
CLASS_TABLE = "cls_embedding.embedding_table.weight"
CAPTION_UNCOND = "cls_embedding.uncond_embedding"
CAPTION_FC1 = "cls_embedding.cap_proj.fc1.weight"
CAPTION_FC2 = "cls_embedding.cap_proj.fc2.weight"
CODEBOOK = "quantize.embedding.weight"
VQ_ENTRY = "decoder.conv_in.weight"
FREQS = "freqs_cis"
ANY = -1  # a dimension of any size above 0
MAX_SIZE = 1 << 24  # of a dimension, and of every other count but that of tokens
FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


def kind_of(names: Iterable[str]) -> str:
    """class, caption, vq, or nothing."""
    if TOK_EMBEDDINGS in names:
        return "caption" if CAPTION_UNCOND in names or CAPTION_FC1 in names else "class"
    return "vq" if CODEBOOK in names and VQ_ENTRY in names else ""


def shape_text(shape: Iterable[int]) -> str:
    return "[" + " ".join("any" if n == ANY else str(n) for n in shape) + "]"


def check_shape(tensor: torch.Tensor, want: tuple[int, ...]) -> str:
    """What is wrong with a tensor, or nothing."""
    shape = tuple(tensor.shape)
    if len(shape) != len(want) or not all(n == w or (w == ANY and 0 < n <= MAX_SIZE) for n, w in zip(shape, want)):
        return f"shape {shape_text(shape)}, want {shape_text(want)}"
    if tensor.dtype not in FLOATS:
        return f"its elements are {str(tensor.dtype).removeprefix('torch.')}, want floats"
    return ""


class Source:
    """Hands out the tensors of one checkpoint, with a check of the shape of each."""

    def __init__(self, path: str) -> None:
        archive = Archive(path)
        root = load(archive)
        self.path = path
        self.key, self.tensors = state_dict(archive, root, PLACES)
        self.kind = kind_of(self.tensors)
        self.used: set[str] = set()
        if self.kind == "vq":
            key, tensors = state_dict(archive, root, VQ_PLACES)
            if kind_of(tensors) == "vq":
                self.key, self.tensors = key, tensors
        if not self.kind:
            self.refuse()

    def refuse(self) -> NoReturn:
        first = ", ".join(f'"{n}"' for n in list(self.tensors)[:3])
        transformer = f'"{TOK_EMBEDDINGS}" (a transformer; with "{CLASS_TABLE}" or "{CAPTION_UNCOND}")'
        tokenizer = f'"{CODEBOOK}" and "{VQ_ENTRY}" (an image tokenizer)'
        tensors = f"of its {len(self.tensors)} tensors ({first} ...)"
        self.fail("", f"it is no LlamaGen model: {tensors} none is {transformer}, nor are there {tokenizer}")

    def fail(self, tensor: str, reason: str) -> NoReturn:
        raise ModelError(self.path, tensor, reason)

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def get(self, name: str, *want: int) -> torch.Tensor:
        """The tensor of this name, which has this shape."""
        if name not in self.tensors:
            self.fail(name, "it is missing")
        self.used.add(name)
        wrong = check_shape(self.tensors[name], want)
        if wrong:
            self.fail(name, wrong)
        return self.tensors[name]

    def rest(self, parts: tuple[str, ...], harmless: str) -> list[str]:
        """The names that nobody took. What belongs to the model's layers (its name starts with one of parts) would be missing from
        the converted model, so it is an error, unless harmless is a part of its name."""
        names = [n for n in self.tensors if n not in self.used]
        for n in names:
            if n.startswith(parts) and harmless not in n:
                what = "a bias that no LlamaGen model has" if n.endswith(".bias") else "it belongs to no LlamaGen model"
                self.fail(n, what + "; the converted model would lack it")
        return names

    def describe(self, what: str) -> str:
        return f"{self.path}: {what}, " + (f'under "{self.key}"' if self.key else "at the top level")

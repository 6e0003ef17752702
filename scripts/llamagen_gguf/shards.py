"""The weights of a folder of Hugging Face: one file or several, of safetensors or of PyTorch. A file is opened when a tensor
of it is asked for: shards that hold only a decoder need not be there."""

from __future__ import annotations

import json
import os
from typing import NoReturn

import torch

from .archive import Archive
from .errors import ModelError
from .plan import Plan
from .safetensors import read_safetensors
from .source import check_shape
from .unpickle import load, state_dict

WEIGHT_FILES = ("model.safetensors.index.json", "model.safetensors", "pytorch_model.bin.index.json", "pytorch_model.bin")


class Shards:
    """Hands out tensors, with a check of the shape of each."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.files: dict[str, dict[str, torch.Tensor]] = {}
        self.used: set[str] = set()
        found = [name for name in WEIGHT_FILES if os.path.exists(os.path.join(folder, name))]
        if not found:
            self.fail("", "the folder has no weights: none of " + ", ".join(WEIGHT_FILES))
        if found[0].endswith(".json"):
            self.index = self.read_index(os.path.join(folder, found[0]))
        else:
            self.index = dict.fromkeys(self.open(found[0]), found[0])

    def fail(self, tensor: str, reason: str) -> NoReturn:
        raise ModelError(self.folder, tensor, reason)

    def read_index(self, path: str) -> dict[str, str]:
        """The file of each tensor."""
        with open(path, encoding="utf-8") as f:
            try:
                index = json.load(f).get("weight_map")
            except (ValueError, AttributeError) as e:
                raise ModelError(path, "", f"it is no JSON object: {e}") from e
        if not isinstance(index, dict) or not index:
            raise ModelError(path, "", "it has no weight_map")
        for name, file in index.items():
            # A name with folders in it could lead anywhere.
            if not isinstance(file, str) or file != os.path.basename(file) or "\\" in file or file in ("", ".", ".."):
                raise ModelError(path, name, f"it is said to be in {file!r}, want the name of a file in the same folder")
        return index

    def open(self, name: str) -> dict[str, torch.Tensor]:
        if name not in self.files:
            path = os.path.join(self.folder, name)
            self.files[name] = read_safetensors(path) if name.endswith(".safetensors") else read_torch(path)
        return self.files[name]

    def __contains__(self, name: str) -> bool:
        return name in self.index

    def get(self, name: str, *want: int) -> torch.Tensor:
        """The tensor of this name, which has this shape."""
        if name not in self.index:
            self.fail(name, "it is missing")
        tensors = self.open(self.index[name])
        if name not in tensors:
            self.fail(name, f"the index says that it is in {self.index[name]}, which has it not")
        wrong = check_shape(tensors[name], want)
        if wrong:
            self.fail(name, wrong)
        self.used.add(name)
        return tensors[name]

    def add(self, plan: Plan, name: str, role: str, original: str, *shape: int) -> None:
        plan.add_tensor(name, role, original, self.get(original, *shape), os.path.join(self.folder, self.index[original]))

    def rest(self, part: str, harmless: str) -> list[str]:
        """The names that nobody took; what belongs to the encoder must not be among them."""
        names = [n for n in self.index if n not in self.used]
        for n in names:
            if n.startswith(part) and harmless not in n:
                self.fail(n, "it belongs to no T5 encoder; the converted one would lack it")
        return names

    def paths(self) -> list[str]:
        return [os.path.join(self.folder, f) for f in sorted(set(self.index.values()))]


def read_torch(path: str) -> dict[str, torch.Tensor]:
    archive = Archive(path)
    return state_dict(archive, load(archive), ("", "state_dict", "model"))[1]

"""What the pickle of a checkpoint describes, without running anything that stands in it.

torch.load does not serve: either it runs whatever the pickle asks for, or (weights_only) it refuses the argparse.Namespace that
official checkpoints carry. Source of the formats: torch/_utils.py.
"""

from __future__ import annotations

import io
import math
import pickle
import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Iterable

import torch

from .archive import Archive
from .errors import Failure, ModelError


class Inert:
    """Stands for every class that is not needed, and for its instances: it swallows arguments, state, items and calls."""

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Inert:
        return super().__new__(cls)

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        pass

    def __call__(self, *_args: Any, **_kwargs: Any) -> Inert:
        return self

    def __setstate__(self, _state: Any) -> None:
        pass

    def __setitem__(self, _key: Any, _value: Any) -> None:
        pass

    def append(self, _item: Any) -> None:
        pass

    def extend(self, _items: Any) -> None:
        pass

    def add(self, _item: Any) -> None:
        pass


@dataclass
class Storage:
    """data/KEY. dtype is None for a storage of bytes."""

    dtype: torch.dtype | None
    key: str


class TensorRef:
    """A tensor as it is described; only those of the model are made."""

    def __init__(self, storage: Any, offset: Any, shape: Any, strides: Any, dtype: Any = None) -> None:
        self.storage, self.offset, self.shape, self.strides, self.dtype = storage, offset, shape, strides, dtype

    def __setstate__(self, _state: Any) -> None:
        pass

    def make(self, archive: Archive) -> torch.Tensor:
        """The tensor, a view of the mapped file. What cannot be is a ValueError or a TypeError."""
        dtype = (self.storage.dtype or self.dtype) if isinstance(self.storage, Storage) else None
        if not isinstance(dtype, torch.dtype):
            raise ValueError("its element type is not known")
        numbers = (self.offset, *self.shape, *self.strides)
        if len(self.shape) != len(self.strides) or not all(isinstance(n, int) and n >= 0 for n in numbers):
            raise ValueError(f"offset {self.offset}, shape {self.shape} and strides {self.strides} make no tensor")
        count = math.prod(self.shape)
        if count == 0:
            return torch.empty(self.shape, dtype=dtype)
        held = archive.elements("data/" + self.storage.key, dtype)
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides))
        if last >= len(held):
            raise ValueError(f"shape {self.shape} at offset {self.offset} needs {last + 1} elements, its storage has {len(held)}")
        if count > len(held):
            raise ValueError(f"shape {self.shape} over {len(held)} elements: a tensor of repeated values (expand) is not read")
        return held.as_strided(self.shape, self.strides, self.offset)


STORAGES = {
    "Float": torch.float32,
    "Half": torch.float16,
    "BFloat16": torch.bfloat16,
    "Double": torch.float64,
    "Long": torch.int64,
    "Int": torch.int32,
    "Short": torch.int16,
    "Char": torch.int8,
    "Byte": torch.uint8,
    "Bool": torch.bool,
    "ComplexFloat": torch.complex64,
    "ComplexDouble": torch.complex128,
}


def rebuild(storage: Any, offset: Any, shape: Any, strides: Any, *_rest: Any) -> TensorRef:
    return TensorRef(storage, offset, shape, strides)


def rebuild_v3(storage: Any, offset: Any, shape: Any, strides: Any, _grad: Any, _hooks: Any, dtype: Any, *_rest: Any) -> TensorRef:
    return TensorRef(storage, offset, shape, strides, dtype)


def first(wrapped: Any, *_rest: Any) -> Any:
    return wrapped


def rebuild_from_type(function: Any, _type: Any, args: Any, *_rest: Any) -> Any:
    return function(*args)


def meanings() -> dict[tuple[str, str], Any]:
    """What names stand for, by module and name."""
    known: dict[tuple[str, str], Any] = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch", "Size"): tuple,
        ("torch._utils", "_rebuild_tensor"): rebuild,
        ("torch._utils", "_rebuild_tensor_v2"): rebuild,
        ("torch._utils", "_rebuild_tensor_v3"): rebuild_v3,
        ("torch._utils", "_rebuild_parameter"): first,
        ("torch._utils", "_rebuild_parameter_with_state"): first,
        ("torch._tensor", "_rebuild_from_type_v2"): rebuild_from_type,
    }
    known.update({("torch", name): value for name, value in vars(torch).items() if isinstance(value, torch.dtype)})
    known.update({(module, name + "Storage"): dtype for name, dtype in STORAGES.items() for module in ("torch", "torch.cuda")})
    return known


class DataUnpickler(pickle.Unpickler):
    """Builds tensors, numbers, strings and containers. Every other class is Inert."""

    known = meanings()

    def find_class(self, module: str, name: str) -> Any:
        return self.known.get((module, name)) or type(name, (Inert,), {"__module__": module})

    def persistent_load(self, pid: Any) -> Storage:
        sort, kind, key, _device, _count = pid
        if sort != "storage" or not isinstance(key, str):
            raise pickle.UnpicklingError("a persistent id is no storage")
        return Storage(kind if isinstance(kind, torch.dtype) else None, key)


def load(archive: Archive) -> Any:
    """What the checkpoint's pickle describes."""
    try:
        return DataUnpickler(io.BytesIO(archive.read("data.pkl")), encoding="utf-8").load()
    except Failure:
        raise
    except Exception as e:  # pickle raises many kinds for damaged data
        raise ModelError(archive.path, "", f"data.pkl: it describes no valid object: {e}") from e


def state_dict(archive: Archive, root: Any, places: Iterable[str]) -> tuple[str, dict[str, torch.Tensor]]:
    """The first of the places that holds tensors, and these, without what wrappers put in front of names. "" is the top level."""
    if not isinstance(root, dict):
        kind = type(root).__name__
        raise ModelError(archive.path, "", f"it holds an object of class {kind}, not a dict; save model.state_dict()")
    for key in places:
        items = root.get(key) if key else root
        if isinstance(items, dict) and any(isinstance(v, TensorRef) for v in items.values()):
            return key, make_all(archive, items)
    wanted = ", ".join(f'under "{p}"' if p else "at the top level" for p in places)
    found = ", ".join(repr(k) for k in list(root)[:12]) or "nothing"
    raise ModelError(archive.path, "", f"no dict of tensors {wanted}; the file has {found}")


def make_all(archive: Archive, items: dict[Any, Any]) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = {}
    for full, ref in items.items():
        if not isinstance(ref, TensorRef):
            continue
        if not isinstance(full, str):
            raise ModelError(archive.path, "", f"a tensor's name is {full!r}, not a string")
        name = re.sub(r"^(?:module\.|_orig_mod\.)+", "", full)
        if name in tensors:
            raise ModelError(archive.path, full, f'it is "{name}" without its prefixes, and so is another')
        try:
            tensors[name] = ref.make(archive)
        except (ValueError, TypeError) as e:
            raise ModelError(archive.path, full, str(e)) from e
    return tensors

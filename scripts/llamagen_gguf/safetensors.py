"""A safetensors file: u64 length of a JSON header {"NAME": {"dtype", "shape", "data_offsets"}}, then the elements, row by row."""

from __future__ import annotations

import json
import math
import mmap
from typing import Any

import torch

from .archive import mapped
from .errors import ModelError

FLOATS = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
OTHERS = {"I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool}
DTYPES = FLOATS | OTHERS
CUT = "the download is not complete"
MAX_HEADER = 32 << 20


def read_safetensors(path: str) -> dict[str, torch.Tensor]:
    """All tensors, views of the mapped file."""
    with open(path, "rb") as f:
        head = f.read(9)
        if len(head) < 9 or head[8:] != b"{":
            raise ModelError(path, "", f"it is no safetensors file: it starts with {head[:8]!r}" if head else "the file is empty")
        data = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
    start = 8 + int.from_bytes(head[:8], "little")
    if start > len(data) or start > MAX_HEADER:
        raise ModelError(path, "", f"the header of {start - 8} bytes is longer than the file, or than {MAX_HEADER}: {CUT}")
    try:
        header = json.loads(data[8:start])
    except ValueError as e:
        raise ModelError(path, "", f"the header is damaged: {e}") from e
    return {name: place(path, name, entry, data, start) for name, entry in header.items() if name != "__metadata__"}


def place(path: str, name: str, entry: Any, data: mmap.mmap, start: int) -> torch.Tensor:
    """One tensor; its data must have the size that type and shape say."""
    try:
        dtype, shape, (begin, end) = DTYPES[entry["dtype"]], entry["shape"], entry["data_offsets"]
        size = math.prod(shape) * torch.empty(0, dtype=dtype).element_size()
        fits = 0 <= begin <= end and end - begin == size and all(n >= 0 for n in shape)
    except (TypeError, KeyError, ValueError) as e:
        raise ModelError(path, name, f"the header does not describe it: {e}") from e
    if not fits:
        raise ModelError(path, name, f"shape {shape} of {entry['dtype']} needs {size} bytes, it has {begin} to {end}")
    if start + end > len(data):
        raise ModelError(path, name, f"its data ends at {end}, the file has {len(data) - start} bytes of data: {CUT}")
    return mapped(data, start + begin, start + end, dtype).reshape(shape)

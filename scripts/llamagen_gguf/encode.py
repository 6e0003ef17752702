"""A tensor's elements in the type they are written in."""

from __future__ import annotations

import math

import gguf
import numpy as np
import torch

from .errors import ModelError
from .source import shape_text

Type = gguf.GGMLQuantizationType
F32, F16, BF16, Q8_0 = Type.F32, Type.F16, Type.BF16, Type.Q8_0
HALF_MAX = 65504.0
FLOAT_MAX, BFLOAT_MAX = float.fromhex("0x1.fffffep127"), float.fromhex("0x1.fep127")
LIMITS = {F32: FLOAT_MAX, F16: HALF_MAX, BF16: BFLOAT_MAX, Q8_0: HALF_MAX * 127}
Q8_0_BLOCK = 32


def encode(tensor: torch.Tensor, kind: Type, path: str, name: str) -> np.ndarray:
    """path and name are for messages."""
    x = tensor.to(torch.float32).contiguous().numpy()
    check_range(x, kind, path, name)
    if kind == BF16:
        return torch.from_numpy(x).to(torch.bfloat16).view(torch.int16).numpy()  # as gguf does it, ten times as fast
    return gguf.quants.quantize(without_vanishing_blocks(x) if kind == Q8_0 else x, kind)


def check_range(x: np.ndarray, kind: Type, path: str, name: str) -> None:
    """Every element is finite, and stays so in its type."""
    limit = LIMITS[kind]
    beyond = ~(np.abs(x) <= np.float32(limit))  # NaN is beyond, too
    if not beyond.any():
        return
    index = np.unravel_index(int(beyond.argmax()), x.shape)
    v, at = float(x[index]), shape_text(int(i) for i in index)
    if math.isfinite(v):
        raise ModelError(path, name, f"element {at} is {v:g}, {kind.name} holds at most {limit:g}; use --type bf16 or f32")
    raise ModelError(path, name, f"element {at} is {v}; the checkpoint is damaged, or its training has diverged")


def without_vanishing_blocks(x: np.ndarray) -> np.ndarray:
    """Blocks so small that 1/scale is infinite become zeros: their scale is 0 as a half, and infinity makes no integer."""
    blocks = x.reshape(-1, Q8_0_BLOCK)
    with np.errstate(divide="ignore", over="ignore"):
        vanish = np.isinf(np.float32(1) / (np.abs(blocks).max(axis=1) / np.float32(127)))
    return np.where(vanish[:, None], np.float32(0), blocks).reshape(x.shape) if vanish.any() else x

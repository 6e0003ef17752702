"""freqs_cis, the table of rotary positions that some checkpoints carry: [T + rows*columns, head size/2, 2], cosine and sine.

The T positions of the prefix are zero. Token (r, c) turns the first half of its pairs by r*f_k and the second by c*f_k, with
f_k = base^(-2k/(head size/2)), k from 0. Source: LlamaGen gpt.py, precompute_freqs_cis_2d.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from .source import ANY, FREQS, Source, shape_text

MAX_TOKENS = 1 << 20  # of a grid


@dataclass
class Rotary:
    """What a table tells."""

    head_size: int
    grid: tuple[int, int]


def read_rotary(source: Source, prefix: int, base: float) -> Rotary:
    """Checks the whole table against the formula, for every grid of its number of tokens."""
    tensor = source.get(FREQS, ANY, ANY, 2)
    shape = shape_text(tensor.shape)
    tokens, pairs = tensor.shape[0] - prefix, tensor.shape[1]
    if pairs % 2 != 0:
        source.fail(FREQS, f"shape {shape}: a head of {2 * pairs} values cannot turn by row and by column, want a multiple of 4")
    if not 1 <= tokens <= MAX_TOKENS:
        positions = f"{tensor.shape[0]} positions with a prefix of {prefix}"
        source.fail(FREQS, f"shape {shape}: {positions}, want at least one image token and at most {MAX_TOKENS}")
    table = tensor.to(torch.float64).numpy()
    for position, values in enumerate(table[:prefix]):
        if values.any():
            source.fail(FREQS, f"position {position} of the prefix of {prefix} is not zero")
    tolerance = {torch.bfloat16: 6e-3, torch.float16: 1e-3}.get(tensor.dtype, 2e-4)
    for rows in range(1, tokens + 1):
        if tokens % rows == 0 and matches(table[prefix:], rows, tokens // rows, base, tolerance):
            return Rotary(2 * pairs, (rows, tokens // rows))
    hint = base_hint(table[prefix:])
    source.fail(FREQS, f"its values are not those of any grid of {tokens} tokens with --rope-base {base:g}{hint}")


def matches(image: np.ndarray, rows: int, columns: int, base: float, tolerance: float) -> bool:
    """Compares the table of all image tokens [tokens, pairs, 2] with a grid's."""
    pairs = image.shape[1]
    speeds = base ** (-2 * np.arange(pairs // 2) / pairs)
    row, column = np.divmod(np.arange(rows * columns), columns)
    angles = np.concatenate([np.outer(row, speeds), np.outer(column, speeds)], axis=1)
    return bool(np.all(np.abs(image - np.stack([np.cos(angles), np.sin(angles)], axis=-1)) <= tolerance))


def base_hint(image: np.ndarray) -> str:
    """Guesses another base from the second token's second frequency of columns."""
    pairs = image.shape[1]
    if pairs < 4 or len(image) < 2:
        return ""
    cos, sin = image[1, pairs // 2 + 1]
    angle = math.atan2(sin, cos)
    base = angle ** (-pairs / 2) if angle > 0 else math.inf
    return f"; they look like a base of about {base:.4g}" if 1 < base < 1e12 else ""

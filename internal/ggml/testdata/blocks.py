#!/usr/bin/env python3
"""Writes blocks.bin: random blocks with what the gguf package, an independent implementation, makes of them.

    pip install gguf numpy
    python blocks.py

The file is a run of records, little-endian, as read by golden_test.go:

    u8   'd' (dequantise: bytes -> floats) or 'q' (quantise: floats -> bytes)
    u32  element type, as numbered in GGUF files
    u32  n, number of elements
    u32  m, number of bytes
    f32  [n]
    u8   [m]
"""

import pathlib
import struct

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize, quantize

rng = np.random.default_rng(20240501)

# Zeros, the least and the largest subnormal, the least normal, one, the largest, infinity and a NaN; then ordinary scales.
EDGES = [0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x3C00, 0xBC00, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E01]

# Where the half floats are in a block.
HALVES = {
    T.Q8_0: [0], T.Q4_0: [0], T.Q5_0: [0], T.Q4_1: [0, 2], T.Q5_1: [0, 2],
    T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208],
}


def record(op, kind, floats, data):
    floats = np.ascontiguousarray(floats, dtype="<f4").ravel()
    data = np.ascontiguousarray(data).view(np.uint8).ravel()
    return struct.pack("<cIII", op, int(kind), floats.size, data.size) + floats.tobytes() + data.tobytes()


def blocks(kind, count):
    """count random blocks: first one for each edge value as scale, then some with ordinary scales."""
    size = GGML_QUANT_SIZES[kind][1]
    out = rng.integers(0, 256, (count, size), dtype=np.uint8)
    for at in HALVES[kind]:
        halves = (rng.standard_normal(count) * 0.02).astype("<f2").view("<u2")
        halves[: len(EDGES)] = EDGES if at == HALVES[kind][0] else EDGES[::-1]
        out[:, at : at + 2] = halves.astype("<u2").view(np.uint8).reshape(count, 2)
    return out


def floats_for(kind):
    """Values that are hard to round to a half or to bfloat16."""
    ordinary = rng.standard_normal(256).astype(np.float32)
    anything = rng.integers(0, 2**32, 256, dtype=np.uint32).view(np.float32)
    # Exact halves between neighbours, and one bit to either side of them.
    kept = {T.F16: 13, T.BF16: 16}[kind]
    middle = rng.integers(0x38000000, 0x47000000, 64, dtype=np.uint32) >> kept << kept | 1 << (kept - 1)
    ties = np.concatenate([middle - 1, middle, middle + 1]).astype(np.uint32).view(np.float32)
    small = (rng.standard_normal(64) * 2e-7).astype(np.float32)  # subnormal halves
    edges = np.array(
        [0, -0.0, 65504, 65519.99, 65520, -65520, 2**-24, 2**-25, 2**-25 * 1.001, 2**-14, 3.4e38, 1e-45, np.inf, -np.inf],
        dtype=np.float32,
    )
    nans = np.array([0x7F800001, 0xFF800001, 0x7FC00000, 0x7FFFFFFF, 0xFFFFFFFF], dtype=np.uint32).view(np.float32)
    return np.concatenate([ordinary, anything, ties, small, edges, nans])


def rows_for_q8():
    rows = [rng.standard_normal((12, 32)) * 10.0 ** rng.integers(-6, 5, (12, 1))]
    halves = np.arange(32) + 0.5  # d = 1: every quotient is halfway between integers
    rows.append(np.stack([np.r_[127, halves[:31]], -np.r_[127, halves[:31]], np.r_[halves[:31] * 3, -127]]))
    rows.append(np.zeros((1, 32)))
    rows.append(np.full((1, 32), -0.0))
    rows.append(np.full((1, 32), 1e-45))  # d becomes 0
    rows.append(rng.standard_normal((1, 32)) * 1e-38)  # d is a subnormal f32, and 0 as a half
    rows.append(rng.standard_normal((1, 32)) * 1e-40)  # 1/d overflows
    rows.append(rng.standard_normal((1, 32)) * 1e-5)  # d is a subnormal half
    rows.append(rng.standard_normal((1, 32)) * 1e8)  # d overflows a half
    for odd in (np.inf, -np.inf, np.nan):
        row = rng.standard_normal((1, 32))
        row[0, 5] = odd
        rows.append(row)
    return np.concatenate(rows).astype(np.float32)


def rows_for_nibbles():
    """As for Q8_0, but finite: what the package makes of other values depends on the processor."""
    rows = [rng.standard_normal((24, 32)) * 10.0 ** rng.integers(-6, 4, (24, 1))]
    for top in (15, 16, 31):  # quotients halfway between integers, with the largest value on either side
        halves = (np.arange(32) + 0.5) % (top / 2)
        rows.append(np.stack([np.r_[-top / 2, halves[:31]], np.r_[top / 2, -halves[:31]], np.r_[0, top, halves[:30]]]))
    rows.append(np.abs(rng.standard_normal((2, 32))) + 3)
    rows.append(-np.abs(rng.standard_normal((2, 32))) - 3)
    rows.append(np.stack([np.r_[2, -2, rng.uniform(-1, 1, 30)], np.r_[-2, 2, rng.uniform(-1, 1, 30)]]))  # which is the farthest?
    rows.append(np.stack([np.zeros(32), np.full(32, 1.5), np.full(32, -1.5)]))
    rows.append(rng.standard_normal((1, 32)) * 1e-6)  # d is a subnormal half
    rows.append(rng.standard_normal((1, 32)) * 1e7)  # d overflows a half
    return np.concatenate(rows).astype(np.float32)


out = b""
with np.errstate(all="ignore"):
    for kind in HALVES:
        src = blocks(kind, len(EDGES) + (2 if GGML_QUANT_SIZES[kind][0] == 256 else 6))
        out += record(b"d", kind, dequantize(src, kind), src)
    halves = np.concatenate([np.array(EDGES, dtype="<u2"), rng.integers(0, 65536, 501, dtype=np.uint16)])
    for kind in (T.F16, T.BF16):
        src = halves.reshape(1, -1).view(np.uint8)
        out += record(b"d", kind, dequantize(src, kind), src)
    src = rng.integers(0, 2**32, (1, 64), dtype=np.uint32).view(np.float32)
    out += record(b"d", T.F32, src, src)

    for kind in (T.F16, T.BF16):
        src = floats_for(kind).reshape(1, -1)
        out += record(b"q", kind, src, quantize(src, kind))
    src = rows_for_q8()
    out += record(b"q", T.Q8_0, src, quantize(src, T.Q8_0))
    src = floats_for(T.F16).reshape(1, -1)
    out += record(b"q", T.F32, src, quantize(src, T.F32))
    for kind in (T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1):
        src = rows_for_nibbles()
        out += record(b"q", kind, src, quantize(src, kind))

pathlib.Path(__file__).with_name("blocks.bin").write_bytes(out)

#!/usr/bin/env python3
"""Writes python.gguf and python-align64.gguf with the gguf package, an independent implementation.

    pip install gguf numpy
    python python.py

python_test.go knows what is in them.
"""

import pathlib

import numpy as np
from gguf import GGMLQuantizationType as T, GGUFValueType as V, GGUFWriter
from gguf.constants import GGML_QUANT_SIZES

here = pathlib.Path(__file__).parent


def pattern(count, start):
    return ((np.arange(count) * 13 + start) % 256).astype(np.uint8)


def add(w, name, kind, shape):
    """A tensor of the given shape, slowest dimension first, with a pattern of bytes as data."""
    length, size = GGML_QUANT_SIZES[kind]
    bytes_shape = (*shape[:-1], shape[-1] // length * size)
    data = pattern(int(np.prod(bytes_shape)), int(kind)).reshape(bytes_shape)
    if kind in (T.F32, T.F16):
        data = data.view({T.F32: np.float32, T.F16: np.float16}[kind])
        w.add_tensor(name, data)
    else:
        w.add_tensor(name, data, raw_dtype=kind)


def finish(w):
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


w = GGUFWriter(here / "python.gguf", "llamagen")
w.add_uint8("v.u8", 255)
w.add_int8("v.i8", -128)
w.add_uint16("v.u16", 65535)
w.add_int16("v.i16", -32768)
w.add_uint32("v.u32", 4294967295)
w.add_int32("v.i32", -2147483648)
w.add_float32("v.f32", 1e-5)
w.add_bool("v.true", True)
w.add_bool("v.false", False)
w.add_string("v.string", "grüß \u4f60 \U0001f40d\n")
w.add_uint64("v.u64", 18446744073709551615)
w.add_int64("v.i64", -9223372036854775808)
w.add_float64("v.f64", 0.1)
w.add_array("a.i32", [1, -2, 3])
w.add_array("a.f32", [0.5, -1.5])
w.add_array("a.bool", [True, False, True])
w.add_array("a.strings", ["", "a", "\u2581tree", "</s>"])
w.add_array("a.bytes", bytes([0, 1, 254, 255]))
w.add_array("a.nested", [[1, 2], [3], [4, 5, 6]])
w.add_array("a.deep", [[["x", ""], ["y"]], [["z"]]])
for name, kind in (("u8", V.UINT8), ("i8", V.INT8), ("u16", V.UINT16), ("i16", V.INT16), ("u32", V.UINT32),
                   ("u64", V.UINT64), ("i64", V.INT64), ("f64", V.FLOAT64)):
    w.add_key_value("all." + name, [1, 2, 100], V.ARRAY, sub_type=kind)
add(w, "f32", T.F32, (3, 5))
add(w, "f16", T.F16, (2, 3, 1, 3))
add(w, "bf16", T.BF16, (7,))
for kind in (T.Q8_0, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1):
    add(w, kind.name.lower(), kind, (3, 64))
for kind in (T.Q4_K, T.Q5_K, T.Q6_K):
    add(w, kind.name.lower(), kind, (2, 256))
finish(w)

w = GGUFWriter(here / "python-align64.gguf", "llamagen")
w.add_custom_alignment(64)
add(w, "one", T.F32, (1,))
add(w, "two", T.F32, (2,))
finish(w)

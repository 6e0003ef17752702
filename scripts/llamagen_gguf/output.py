"""Writing a GGUF file from its plan."""

from __future__ import annotations

import os
import secrets
import shutil

import gguf
import numpy as np

from .plan import Plan


def write(path: str, plan: Plan) -> int:
    """Makes the file, whole or not at all, and returns its size. One tensor at a time is in memory."""
    target = os.path.realpath(path)
    part = os.path.join(os.path.dirname(target), f".zipar-{secrets.token_hex(8)}.tmp")
    try:
        fill(part, plan)
        if os.path.exists(target):
            shutil.copymode(target, part)
        os.replace(part, target)
    finally:
        if os.path.exists(part):
            os.remove(part)
    return os.path.getsize(target)


def fill(path: str, plan: Plan) -> None:
    writer = gguf.GGUFWriter(path, plan.architecture)
    try:
        for key, value, kind, element in plan.keys:
            writer.add_key_value(key, value, kind, element)
        for e in plan.entries:
            # With any type but bytes the writer takes the shape as one of elements.
            writer.add_tensor_info(e.name, e.shape, np.dtype(np.float32), e.nbytes(), raw_dtype=e.type)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for e in plan.entries:
            writer.write_tensor_data(e.data())
    finally:
        writer.close()

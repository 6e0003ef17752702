#!/usr/bin/env python3
"""Writes all.safetensors: the values -3.5, -2.5, ... in every float type, and what else a file may hold.

    pip install torch safetensors
    python make.py
"""

import pathlib

import torch
from safetensors.torch import save_file

x = torch.arange(12) - 3.5
tensors = {
    "f32": x,
    "f16": x.half().reshape(2, 3, 2),
    "bf16": x.bfloat16().reshape(4, 3),
    "f64": x.double().reshape(3, 4),
    "ids": torch.arange(3),
    "none": torch.zeros(0, 5),
    "scalar": torch.tensor(-3.5),
}
save_file(tensors, pathlib.Path(__file__).with_name("all.safetensors"), metadata={"format": "pt"})

"""Checkpoints appear whole or not at all: a run may be cut at any time."""

import torch


def save(file, **state):
    partial = file.with_suffix(".partial")
    torch.save(state, partial)
    partial.rename(file)


def load(file, device="cpu"):
    """What save was given, or None if there is no such file yet."""
    return torch.load(file, map_location=device, weights_only=True) if file.exists() else None

"""What is kept between runs of card.py: results that took long, under names that change with everything they depend on."""

import hashlib
import json
import pathlib
import sys
import time

import numpy as np

BEGAN = time.time()


def say(text):
    print(f"{time.time() - BEGAN:4.0f} s  {text}", file=sys.stderr, flush=True)


def digest(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def key(*inputs):
    """A short name for inputs: numbers, texts, lists of them and the bytes of arrays."""
    sum_ = hashlib.sha256()
    for i in inputs:
        sum_.update(i.tobytes() if isinstance(i, np.ndarray) else json.dumps(i, sort_keys=True).encode())
        sum_.update(b"\0")
    return sum_.hexdigest()[:16]


class Store:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def array(self, name, inputs, make):
        """The array that make returns, or returned for the same inputs before."""
        path = self.folder / f"{name}-{key(*inputs)}.npy"
        if not path.exists():
            say(name)
            partial = path.with_suffix(".partial")
            with open(partial, "wb") as f:
                np.save(f, make())
            partial.rename(path)
        return np.load(path)

    def text(self, name, inputs, make):
        """The text that make returns, or returned for the same inputs before."""
        path = self.folder / f"{name}-{key(*inputs)}.txt"
        if not path.exists():
            say(name)
            partial = path.with_suffix(".partial")
            partial.write_text(make())
            partial.rename(path)
        return path.read_text()

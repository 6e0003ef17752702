"""A file of torch.save (PyTorch 1.6 and later): a zip of stored entries.

    NAME/data.pkl    a pickle of dicts, and of tensors as views of storages; see unpickle.py
    NAME/data/KEY    the raw storages

The file is mapped, so that a checkpoint may be larger than memory, with every version of PyTorch.
"""

from __future__ import annotations

import mmap
import struct
import warnings
import zipfile

import torch

from .errors import ModelError

SAVE = "save model.state_dict() with torch.save"
RESAVE = "load it with PyTorch 1.6 or later and torch.save its state_dict again"


class Archive:
    """The zip. Its entries are named without the folder they lie in."""

    def __init__(self, path: str) -> None:
        self.path = path
        with open(path, "rb") as f:
            check_head(path, f.read(8))
            self.bytes = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
        try:
            with zipfile.ZipFile(path) as z:
                self.entries = self.list_entries(z.infolist())
        except zipfile.BadZipFile as e:
            raise ModelError(path, "", f"it starts like a checkpoint, but is cut off or damaged: {e}") from e
        order = self.read("byteorder").strip() if "byteorder" in self.entries else b"little"
        if order != b"little":
            raise ModelError(path, "", f"its byte order is {order!r}, only little is read")

    def list_entries(self, infos: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
        names = [i.filename for i in infos]
        pickles = [n for n in names if ("/" + n).endswith("/data.pkl")]
        if any(n.endswith("/constants.pkl") for n in names):
            raise ModelError(self.path, "", "it is a TorchScript program (torch.jit.save), which holds code; " + SAVE)
        if len(pickles) != 1:
            raise ModelError(self.path, "", f"it is a zip with {len(pickles)} data.pkl, a file of torch.save has one")
        root = pickles[0].removesuffix("data.pkl")
        return {i.filename.removeprefix(root): i for i in infos if i.filename.startswith(root)}

    def locate(self, name: str) -> tuple[int, int]:
        """Where an entry's bytes begin and end. What cannot be is a ValueError."""
        if name not in self.entries:
            raise ValueError(f"{name} is not in the file")
        info = self.entries[name]
        if info.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"{name} is compressed; torch.save only stores: the file was packed again by something else")
        header = self.bytes[info.header_offset : info.header_offset + 30]
        if len(header) == 30:
            start = info.header_offset + 30 + sum(struct.unpack("<HH", header[26:]))
            if start + info.file_size <= len(self.bytes):
                return start, start + info.file_size
        raise ValueError(f"{name} lies outside of the file")

    def read(self, name: str) -> bytes:
        try:
            start, end = self.locate(name)
        except ValueError as e:
            raise ModelError(self.path, "", str(e)) from e
        return self.bytes[start:end]

    def elements(self, name: str, dtype: torch.dtype) -> torch.Tensor:
        """An entry as a tensor of one dimension."""
        start, end = self.locate(name)
        return mapped(self.bytes, start, end, dtype)


def mapped(file: mmap.mmap, start: int, end: int, dtype: torch.dtype) -> torch.Tensor:
    """A tensor over the bytes of a mapped file, as many whole elements as there are."""
    size = torch.empty(0, dtype=dtype).element_size()
    count = (end - start) // size
    if count == 0:
        return torch.empty(0, dtype=dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the map is not writable, and nobody writes
        if start % size == 0:
            return torch.frombuffer(file, dtype=dtype, count=count, offset=start)
        return torch.frombuffer(file[start:end], dtype=dtype, count=count)


def check_head(path: str, head: bytes) -> None:
    """Tells a zip from the other files that people have at hand."""
    if head[:2] == b"PK":
        return
    reason = f"it is no checkpoint of torch.save (a zip): it starts with {head!r}"
    if not head:
        reason = "the file is empty"
    elif head[:4] == b"GGUF":
        reason = "it is a GGUF file already"
    elif head[:1] == b"\x80":
        reason = "it is a bare pickle, or was saved in the format before PyTorch 1.6; " + RESAVE
    elif head == b"version ":
        reason = "it is a git-LFS pointer, not the file itself; run git lfs pull"
    raise ModelError(path, "", reason)

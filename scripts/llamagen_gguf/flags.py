"""The command line of scripts/convert_llamagen.py: the flags of `zipar convert`, with the same meaning."""

from __future__ import annotations

import argparse
import os
import re
from typing import Any, Callable

from .encode import BF16, F16, F32, LIMITS, Q8_0
from .errors import Failure, OptionError
from .rotary import MAX_TOKENS
from .source import MAX_SIZE

TYPES = {"f32": F32, "f16": F16, "bf16": BF16, "q8_0": Q8_0}

DESCRIPTION = """Turn a LlamaGen checkpoint of PyTorch (a class model, a caption model or an
image tokenizer) into a GGUF file for zipar. What it is, is told from its
tensors. With --vq the image tokenizer goes into the same file. Nothing in a
checkpoint is ever executed. `zipar convert` makes the same file without Python.

With --text-encoder the T5 of a caption model and its tokenizer go into the
file, too: a folder of Hugging Face (FLAN-T5, T5 v1.1) or a GGUF file, whose
tensors stay as they are. Without a checkpoint a folder's T5 is converted alone.

What the tensors' shapes cannot tell is taken from the flags, from freqs_cis
where the checkpoint has it, or from the official models of the same width.
The grid of image tokens must be given unless freqs_cis tells it.

The file keeps who made the model and under which licence: --author,
--description, --license and --attribution."""

EPILOG = """examples:
  %(prog)s --out c2i-B-256.gguf --grid 16x16 --vq vq_ds16_c2i.pt c2i_B_256.pt
  %(prog)s --out t2i-XL-512.gguf --grid 32x32 --type q8_0 t2i_XL_stage2_512.pt
  %(prog)s --out vq16.gguf vq_ds16_t2i.pt
  %(prog)s --out flan-t5-xl.gguf --text-encoder flan-t5-xl/

exit codes: 0 done, 1 failed, 2 wrong usage, 3 bad checkpoint, 130 interrupted"""


def parse_grid(text: str) -> tuple[int, int]:
    m = re.fullmatch(r"([0-9]+)x([0-9]+)", text)
    if not m:
        raise argparse.ArgumentTypeError(f'"{text}", want ROWSxCOLUMNS, such as 16x16')
    rows, columns = int(m[1]), int(m[2])
    if rows < 1 or columns < 1 or rows * columns > MAX_TOKENS:
        raise argparse.ArgumentTypeError(f"{text}, want at least 1x1 and at most {MAX_TOKENS} tokens")
    return rows, columns


OPTIONS: tuple[tuple[str, str, Callable[[str], Any], str], ...] = (  # flag, value, type, meaning; None when not given
    ("--grid", "RxC", parse_grid, "grid of image tokens, rows x columns, such as --grid 24x24 for 384 pixels"),
    ("--heads", "N", int, "attention heads, such as --heads 12; needed for widths that no official model has"),
    ("--kv-heads", "N", int, "key and value heads, such as --kv-heads 4; to check, or in place of --heads"),
    ("--groups", "N", int, "groups of the image tokenizer's norms, such as --groups 8 (default 32)"),
    ("--rope-base", "X", float, "base of the rotary positions, such as --rope-base 500 (default 10000)"),
    ("--norm-eps", "X", float, "epsilon of the transformer's norms, such as --norm-eps 1e-6 (default 1e-5)"),
    ("--name", "NAME", str, "the model's name, such as --name \"My model\" (default: the checkpoint's file name)"),
    ("--author", "TEXT", str, "who made the model, such as --author \"A. Painter\""),
    ("--description", "TEXT", str, "what the model is, such as --description \"Draws cats.\""),
    ("--license", "TEXT", str, "the model's licence, such as --license MIT"),
    ("--attribution", "FILE", str, "text of credits to others, at most 64 KiB of UTF-8, such as --attribution CREDITS.txt"),
    ("--cfg-scale", "X", float, "recommended guidance, such as --cfg-scale 2 (default 4, captions 7.5)"),
    ("--cfg-interval", "N", int, "recommended number of the last guided token, such as --cfg-interval 99 (default -1: all)"),
    ("--temp", "X", float, "recommended temperature, such as --temp 0.9 (default 1)"),
    ("--top-k", "N", int, "recommended top-k, such as --top-k 500 (default 2000, captions 1000)"),
    ("--top-p", "X", float, "recommended top-p, such as --top-p 0.95 (default 1)"),
    ("--window", "N", int, "recommended ZipAR window, such as --window 16 (default: none)"),
)
RANGES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "heads": (lambda n: 1 <= n <= MAX_SIZE, f"1 to {MAX_SIZE}"),
    "kv_heads": (lambda n: 1 <= n <= MAX_SIZE, f"1 to {MAX_SIZE}"),
    "groups": (lambda n: 1 <= n <= 1 << 16, f"1 to {1 << 16}"),
    "cfg_interval": (lambda n: -1 <= n <= MAX_TOKENS, f"-1 to {MAX_TOKENS}"),
    "top_k": (lambda n: 0 <= n <= MAX_SIZE, f"0 to {MAX_SIZE}"),
    "window": (lambda n: 1 <= n <= MAX_TOKENS, f"1 to {MAX_TOKENS}"),
    "rope_base": (lambda x: 1 < x <= LIMITS[F32], "a number above 1"),
    "norm_eps": (lambda x: 1e-30 < x < 1, "a number between 0 and 1"),
    "cfg_scale": (lambda x: 0 <= x <= 1e6, "a number from 0 up"),
    "temp": (lambda x: 0 <= x <= 1e6, "a number from 0 up"),
    "top_p": (lambda x: 1e-30 < x <= 1, "a number above 0, at most 1"),
}
MAX_TEXT = 64 << 10  # bytes of what a file says about itself
# Those that mean nothing to an image tokenizer.
SAMPLING_FLAGS = ("cfg_scale", "cfg_interval", "temp", "top_k", "top_p", "window")
TRANSFORMER_FLAGS = ("vq", "heads", "kv_heads", "grid", "rope_base", "norm_eps") + SAMPLING_FLAGS


def parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    p = argparse.ArgumentParser(description=DESCRIPTION, epilog=EPILOG, allow_abbrev=False, formatter_class=raw)
    about = "class model, caption model or image tokenizer, such as c2i_B_256.pt"
    p.add_argument("checkpoint", metavar="CHECKPOINT.pt", nargs="?", default="", help=about)
    about = "write the model to FILE (required), such as --out c2i-B-256.gguf"
    p.add_argument("-o", "--out", metavar="FILE", required=True, help=about)
    about = "type of matrices: f32, f16, bf16 or q8_0, such as --type q8_0 (default f16); norms, biases and codebook are f32"
    p.add_argument("--type", metavar="TYPE", type=str.lower, choices=TYPES, default="f16", help=about)
    about = "put this image tokenizer into the file, too, such as --vq vq_ds16_c2i.pt"
    p.add_argument("--vq", metavar="VQ.pt", default="", help=about)
    about = "put this T5 text encoder into the file, too, such as --text-encoder flan-t5-xl/"
    p.add_argument("--text-encoder", metavar="DIR|GGUF", default="", help=about)
    for flag, value, kind, about in OPTIONS:
        p.add_argument(flag, metavar=value, type=kind, help=about)
    p.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")
    p.add_argument("-v", "--verbose", action="store_true", help="tell on stderr what is done, and which tensors are left out")
    return p


def flag_of(name: str) -> str:
    return "--" + name.replace("_", "-")


def check_options(o: argparse.Namespace) -> None:
    """Refuses values that no model can have, and an output that cannot be written."""
    for name, (fits, want) in RANGES.items():
        value = getattr(o, name)
        if value is not None and not fits(value):
            raise OptionError(flag_of(name), f"{value:g}, want {want}" if isinstance(value, float) else f"{value}, want {want}")
    if o.out in ("", "-"):
        raise OptionError("--out", "a model goes into a file, not to standard output")
    folder = os.path.dirname(o.out) or "."
    if not os.path.isdir(folder):
        raise Failure(f"--out {o.out}: the folder {folder} does not exist")
    if os.path.exists(o.out) and not os.path.isfile(o.out):
        raise Failure(f"--out {o.out}: is not a file")


def check_paths(o: argparse.Namespace, inputs: list[str]) -> None:
    """Refuses to write over what is read."""
    for path in inputs:
        if os.path.exists(path) and os.path.exists(o.out) and os.path.samefile(path, o.out):
            raise OptionError("--out", f"{o.out} is an input itself")


def model_name(o: argparse.Namespace) -> str:
    """--name, or the input's file name without its extension, as valid UTF-8."""
    base = os.path.basename((o.checkpoint or o.text_encoder).rstrip("/" + os.sep))
    name = o.name or base.rpartition(".")[0] or base
    return re.sub("[\ud800-\udfff]+", "_", name)


def about_texts(o: argparse.Namespace) -> list[tuple[str, str]]:
    """What the file says about itself beside its name: keys and texts."""
    pairs = []
    for name in ("author", "description", "license", "attribution"):
        text = getattr(o, name) or ""
        if name == "attribution" and text:
            text = read_attribution(text)
        if text:
            check_text(flag_of(name), text)
            pairs.append((f"general.{name}", text))
    return pairs


def read_attribution(path: str) -> str:
    """The text of a file. What is not UTF-8 becomes surrogates, as in arguments."""
    with open(path, "rb") as f:
        data = f.read(MAX_TEXT + 1)
    if not data:
        raise OptionError("--attribution", f"{path} is empty")
    return data.decode(errors="surrogateescape")


def check_text(flag: str, text: str) -> None:
    if len(text.encode(errors="surrogateescape")) > MAX_TEXT:
        raise OptionError(flag, f"more than {MAX_TEXT} bytes, the limit")
    if re.search("[\ud800-\udfff]", text):
        raise OptionError(flag, "the text is not UTF-8")
    if "\0" in text:
        raise OptionError(flag, "the text has a NUL character")


def given(o: argparse.Namespace, names: tuple[str, ...]) -> str:
    """The first of these flags that was given."""
    return next((flag_of(n) for n in names if getattr(o, n) not in (None, "")), "")

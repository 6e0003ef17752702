#!/usr/bin/env python3
"""Turns LlamaGen checkpoints of PyTorch and T5 text encoders into GGUF files: what `zipar convert` does, in Python.

    python3 scripts/convert_llamagen.py --out c2i-B-256.gguf --grid 16x16 --vq vq_ds16_c2i.pt c2i_B_256.pt

The same input gives the same file, byte for byte; internal/convert/python_test.go proves it. Only --fit-preview is missing here: it
takes zipar's own VQ decoder. Nothing in a checkpoint is executed.
Needs the packages of scripts/requirements.txt; the parts are in scripts/llamagen_gguf.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections import Counter
from typing import Iterator

from llamagen_gguf.encoderfile import EncoderFile
from llamagen_gguf.errors import Failure, OptionError
from llamagen_gguf.flags import TRANSFORMER_FLAGS, TYPES, about_texts, check_options, check_paths, given, model_name, parser
from llamagen_gguf.output import write
from llamagen_gguf.plan import Plan
from llamagen_gguf.source import Source
from llamagen_gguf.textencoder import ARCHITECTURE, EncoderFolder
from llamagen_gguf.tokenizer import Tokenizer
from llamagen_gguf.transformer import Transformer

TextEncoder = EncoderFolder | EncoderFile


def make_plan(o: argparse.Namespace) -> Plan:
    plan = Plan(TYPES[o.type])
    text = open_text_encoder(o.text_encoder, plan)
    check_paths(o, [p for p in (o.checkpoint, o.vq, o.attribution) if p] + (text.paths() if text else []))
    if not o.checkpoint:
        plan_text_encoder(text, o, plan)
        return plan
    source = Source(o.checkpoint)
    if source.kind == "vq":
        plan_tokenizer(source, o, plan)
    else:
        plan_transformer(source, text, o, plan)
    return plan


def open_text_encoder(path: str, plan: Plan) -> TextEncoder | None:
    if not path:
        return None
    return EncoderFolder(path, plan) if os.path.isdir(path) else EncoderFile(path)


def plan_text_encoder(text: TextEncoder | None, o: argparse.Namespace, plan: Plan) -> None:
    """A file that holds a text encoder and nothing else."""
    if text is None:
        raise OptionError("CHECKPOINT", "needed, or a text encoder")
    if isinstance(text, EncoderFile):
        raise OptionError("--text-encoder", f"{o.text_encoder} is a GGUF file already; zipar generate takes it as it is")
    flag = given(o, TRANSFORMER_FLAGS + ("groups",))
    if flag:
        raise OptionError(flag, "without a checkpoint the text encoder is converted alone; this option is for the other parts")
    text.add(plan, "token_embd.weight")
    plan.models.append(text.describe())
    plan.general(ARCHITECTURE, model_name(o), about_texts(o))
    text.set_keys(plan)


def plan_tokenizer(source: Source, o: argparse.Namespace, plan: Plan) -> None:
    if o.text_encoder:
        goes = "a text encoder goes with a caption model, or alone"
        raise OptionError("--text-encoder", f"{source.path} is an image tokenizer; {goes}")
    flag = given(o, TRANSFORMER_FLAGS)
    if flag:
        raise OptionError(flag, f"{source.path} is an image tokenizer; this option is for transformers")
    model = Tokenizer(source, o, plan)
    plan.general("vqgan", model_name(o), about_texts(o))
    model.set_keys()


def plan_transformer(source: Source, text: TextEncoder | None, o: argparse.Namespace, plan: Plan) -> None:
    vq = Source(o.vq) if o.vq else None
    if vq is None and o.groups is not None:
        raise OptionError("--groups", f"it is for image tokenizers, and {source.path} is a transformer; give one with --vq")
    if vq is not None and vq.kind != "vq":
        raise OptionError("--vq", f"{vq.path} is a transformer, not an image tokenizer")
    model = Transformer(source, o, plan)
    tokenizer = Tokenizer(vq, o, plan) if vq else None
    if tokenizer and tokenizer.codes != model.vocab:
        raise OptionError("--vq", f"{o.vq} has {tokenizer.codes} codes, the transformer writes {model.vocab}")
    if text:
        bundle(text, model, o, plan)
    plan.general("llamagen", model_name(o), about_texts(o))
    model.set_keys(tokenizer.pixels if tokenizer else 0)
    if tokenizer:
        tokenizer.set_keys()
    if text:
        text.set_keys(plan)


def bundle(text: TextEncoder, model: Transformer, o: argparse.Namespace, plan: Plan) -> None:
    """Plans the text encoder of a caption model for the model's file."""
    if model.source.kind != "caption":
        raise OptionError("--text-encoder", f"{o.checkpoint} draws classes and takes no text")
    if text.dim != model.caption_width:
        takes = f"the model takes captions of {model.caption_width}"
        raise OptionError("--text-encoder", f"embeddings of {o.text_encoder} have {text.dim} numbers, {takes}")
    text.add(plan, "enc.token_embd.weight")
    plan.models.append(text.describe())


def report(o: argparse.Namespace, plan: Plan, size: int) -> Iterator[str]:
    """What was recognised, where each number that no shape tells came from, and what was written."""
    yield from plan.models
    yield from ("  " + c for c in plan.choices)
    if o.verbose:
        yield from (f'  ignored: "{n}"' for n in plan.ignored)
    types = ", ".join(f"{n} in {t}" for t, n in sorted(Counter(e.type.name for e in plan.entries).items()))
    ignored = f"; not part of the model: {len(plan.ignored)}" if plan.ignored else ""
    yield f"wrote {o.out}: {size / 2**20:.1f} MiB, tensors: {types}{ignored}"


def run(argv: list[str] | None) -> None:
    o = parser().parse_args(argv)
    check_options(o)
    plan = make_plan(o)
    size = write(o.out, plan)
    if o.verbose or (sys.stderr.isatty() and not o.quiet):
        for line in report(o, plan, size):
            print("convert_llamagen: " + line, file=sys.stderr)


def main(argv: list[str] | None = None) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it leaves no partial file either
    try:
        run(argv)
        return 0
    except Failure as e:
        code, message = e.code, str(e)
    except OSError as e:
        code, message = 1, f"{e.filename}: {e.strerror}" if e.filename else str(e)
    except KeyboardInterrupt:
        code, message = 130, "interrupted; no output was written"
    print("convert_llamagen: " + " ".join(message.split()), file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())

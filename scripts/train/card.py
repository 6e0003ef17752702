"""Measure the trained model and write its card: docs/model-card.md, and its pictures in docs/images/model-card.

Draws with the zipar binary and the finished model files; --work is the folder of the training (sprites, scenes.jsonl, vq.pt, ar.pt).
Seeds and choices are fixed: the same model, binary and kind of processor give the same card. Results that take long are kept in
WORK/card, so a run that was cut goes on, and one after a change measures what changed.
"""

import argparse
import pathlib
import string
import sys

import numpy as np
import torch

from model_card import figures, sections, text
from model_card.binary import Zipar
from model_card.store import Store, say
from model_card.tokenizer import Tokenizer

PICTURES = 1_500_000  # bytes that the card's pictures may take
TEMPLATE = pathlib.Path(sections.__file__).with_name("template.md")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder of the training")
    parser.add_argument("--model", type=pathlib.Path, required=True, metavar="FILE.gguf", help="the model")
    parser.add_argument("--model-f32", type=pathlib.Path, required=True, metavar="FILE.gguf", help="the same model in 32-bit floats")
    parser.add_argument("--zipar", type=pathlib.Path, required=True, metavar="BINARY", help="the zipar binary")
    parser.add_argument("--out", type=pathlib.Path, required=True, metavar="FILE.md",
                        help="the card; its pictures go into images/NAME beside it")
    parser.add_argument("--quick", action="store_true", help="measure a handful of everything: a try-out, not a card")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: all)")
    args = parser.parse_args()
    for path in (args.model, args.model_f32, args.zipar, *(args.work / name for name in ("sprites.npy", "scenes.jsonl", "vq.pt", "text.pt", "ar.pt"))):
        if not path.is_file():
            raise SystemExit(f"{path}: there is no such file")
    if args.threads:
        torch.set_num_threads(args.threads)

    store = Store(args.work / "card")
    zipar = Zipar(args.zipar, store.folder, args.threads)
    model = zipar.open(args.model)
    tokenizer = Tokenizer(args.work, half="F16" in model.types_of("vq."))
    card = sections.Card(args.work, model, zipar.open(args.model_f32), zipar, store, tokenizer,
                         sections.QUICK if args.quick else sections.Sizes())
    sections.measure(card)

    say("-- pictures and text")
    images = args.out.parent / "images" / args.out.stem
    size = figures.save(card.images, images, PICTURES)
    card.put(version=zipar.version.removeprefix("zipar "), numpy=np.__version__, torch=torch.__version__.split("+")[0],
             images=f"images/{args.out.stem}",
             quick="**Made with `--quick`, a try-out: the numbers below mean nothing.**\n\n" if args.quick else "")
    args.out.write_text(text.reflow(string.Template(TEMPLATE.read_text()).substitute(card.values)))
    say(f"{args.out}, and {len(card.images)} pictures of {size:,} bytes in {images}")
    print(args.out, file=sys.stdout)


if __name__ == "__main__":
    main()

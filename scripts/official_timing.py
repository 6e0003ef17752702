#!/usr/bin/env python3
"""Times the official LlamaGen code on the CPU, for comparisons on one machine.

    python3 official_timing.py --llamagen DIR --checkpoint gptb.pt --model GPT-B --class 207 --cfg-scale 4
    python3 official_timing.py --llamagen DIR --checkpoint gptxl.pt --model GPT-XL --caption caption.npy --grid 32 --cfg-scale 7.5
    python3 official_timing.py --llamagen DIR --checkpoint vq16.pt --model VQ-16

Prints the milliseconds of a step of next-token decoding (sampling with top-k 2000 included), or the seconds of a decode of a picture of
--grid x --grid tokens: least, median and largest. The options are those of official_reference.py. What BLAS library PyTorch uses
matters: Debian's package takes the system's, which is the slow reference one unless libopenblas0 is installed.
"""

import argparse
import statistics
import time

import torch

import official_reference as reference
from official_reference import extra


def report(name, unit, times):
    print(f"{name}: least {min(times):.3g}, median {statistics.median(times):.3g}, largest {max(times):.3g} {unit} ({len(times)} runs)")


def time_tokens(official, args):
    gpt, generate, _ = official
    model = reference.transformer(gpt, args)
    cond, mask = reference.left_padded(reference.np.load(args.caption)) if args.caption else (torch.tensor([args.class_number]), None)
    session = extra.Session(gpt, model, cond, mask, args.cfg_scale)
    sample, marks = generate.sample, []

    def marked(logits, **_):
        marks.append(time.perf_counter())
        return sample(logits, temperature=1.0, top_k=2000, top_p=1.0)

    generate.sample = marked
    extra.official_ntp(generate, session, args.steps + 1)
    report(f"{args.model}, guidance {args.cfg_scale:g}, a step", "ms", [(b - a) * 1000 for a, b in zip(marks, marks[1:])])


def time_image(official, args):
    model = reference.image_model(official, args)
    codes = reference.random_codes(args)
    times = []
    for _ in range(args.steps):
        start = time.perf_counter()
        extra.decode(model, codes, 8)
        times.append(time.perf_counter() - start)
    report(f"{args.model}, {args.grid} x {args.grid} tokens", "s", times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reference.add_arguments(parser)
    parser.add_argument("--steps", type=int, default=20, metavar="N", help="steps, or pictures, to time (default 20)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_grad_enabled(False)
    official = extra.load_official(args.llamagen)
    (time_image if args.model.startswith("VQ") else time_tokens)(official, args)


if __name__ == "__main__":
    main()

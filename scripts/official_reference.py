#!/usr/bin/env python3
"""Computes what the official LlamaGen code makes of a checkpoint of full size, for `go run ./internal/verify` to compare with.

    python3 official_reference.py --llamagen DIR --checkpoint gptb.pt --model GPT-B --class 207 --cfg-scale 4 --tokens 64 --out ref.npz
    python3 official_reference.py --llamagen DIR --checkpoint gptxl.pt --model GPT-XL --caption caption.npy --grid 32 --tokens 8 --out ref.npz
    python3 official_reference.py --llamagen DIR --checkpoint vq16.pt --model VQ-16 --out ref.npz

DIR is a checkout of the official repository (FoundationVision/LlamaGen). The drivers are those of testdata/golden/extra.py. Needs
PyTorch 1.13 or newer and numpy; fp32 on the CPU.
"""

import argparse
import os
import sys

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testdata", "golden"))
import extra  # noqa: E402  (the drivers of the official code)

CAPTION_POSITIONS = 120


def load_state(path):
    """The state dict of a checkpoint in the official format."""
    return torch.load(path, map_location="cpu")["model"]


def transformer(gpt, args):
    """The official Transformer with the checkpoint's weights."""
    # The weights are replaced at once: drawing billions of random numbers first would only take time.
    gpt.Transformer.initialize_weights = lambda self: None
    kind = dict(model_type="t2i", cls_token_num=CAPTION_POSITIONS) if args.caption else {}
    model = gpt.GPT_models[args.model](block_size=args.grid * args.grid, **kind)
    model.load_state_dict(load_state(args.checkpoint))
    return model.eval()


def left_padded(features):
    """Features [n, width] in the last of 120 positions, and their mask, as sample_t2i.py makes them."""
    n, width = features.shape[-2:]
    emb = torch.zeros(1, CAPTION_POSITIONS, width)
    emb[:, CAPTION_POSITIONS - n:] = torch.from_numpy(features).reshape(n, width)
    mask = torch.zeros(1, CAPTION_POSITIONS, dtype=torch.int32)
    mask[:, CAPTION_POSITIONS - n:] = 1
    return emb, mask


def token_reference(official, args):
    """Greedy tokens and the guided logits of the first four."""
    gpt, generate, _ = official
    model = transformer(gpt, args)
    if args.caption:
        cond, mask = left_padded(np.load(args.caption))
        out = {}
    else:
        cond, mask = torch.tensor([args.class_number]), None
        out = {"class": np.array([args.class_number], np.int32)}
    session = extra.Session(gpt, model, cond, mask, args.cfg_scale)
    window = args.window or args.grid
    if window < args.grid:
        tokens, logits, passes, margin = extra.zipar(session, args.grid, args.grid, window)
        first = torch.stack([logits[0, j] for j in range(4)])
        print(f"{passes} passes, smallest margin {margin:.3g}")
    else:
        tokens, logits = extra.official_ntp(generate, session, args.tokens or args.grid * args.grid)
        first = logits[:4]
        print(f"smallest margin {min(extra.margin(row) for row in logits):.3g}")
    out.update(tokens=np.asarray(tokens, np.int32).reshape(-1), logits=first.numpy(),
               cfg_scale=np.array([args.cfg_scale], np.float32), window=np.array([window], np.int32))
    return out


def image_model(official, args):
    """The official VQModel with the checkpoint's weights."""
    _, _, vq = official
    model = vq.VQ_models[args.model](codebook_size=16384, codebook_embed_dim=8)
    model.load_state_dict(load_state(args.checkpoint))
    return model.eval()


def random_codes(args):
    generator = torch.Generator().manual_seed(args.seed)
    return torch.randint(0, 16384, (args.grid, args.grid), generator=generator).numpy().astype(np.int32)


def image_reference(official, args):
    """The image of random codes and the codes of that image."""
    model, codes = image_model(official, args), random_codes(args)
    image = extra.decode(model, codes, 8)
    back, gap = extra.encode(model, torch.from_numpy(image))
    print(f"smallest gap between the nearest two codes {gap:.3g}")
    return dict(codes=codes, image=image, enc_input=image, enc_codes=back)


def add_arguments(parser):
    parser.add_argument("--llamagen", required=True, metavar="DIR", help="checkout of the official repository")
    parser.add_argument("--checkpoint", required=True, metavar="FILE", help="official .pt file (state dict under \"model\")")
    parser.add_argument("--model", required=True, metavar="NAME", help="GPT-B, GPT-L, GPT-XL, ..., VQ-16 or VQ-8")
    parser.add_argument("--class", dest="class_number", type=int, default=0, metavar="N", help="class of a class model (default 0)")
    parser.add_argument("--caption", metavar="FILE", help=".npy file with T5 features [1, n, 2048]; makes it a caption model")
    parser.add_argument("--grid", type=int, default=16, metavar="N", help="the image has N x N tokens (default 16)")
    parser.add_argument("--cfg-scale", type=float, default=1.0, metavar="F", help="guidance scale (default 1, none)")
    parser.add_argument("--seed", type=int, default=5, metavar="N", help="seed of the random codes of a VQ reference (default 5)")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="threads (default 2)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--out", required=True, metavar="FILE", help=".npz file to write")
    parser.add_argument("--tokens", type=int, metavar="N", help="tokens to decode (default: all; windows decode all)")
    parser.add_argument("--window", type=int, metavar="N", help="ZipAR window (default: next-token decoding)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_grad_enabled(False)
    official = extra.load_official(args.llamagen)
    make = image_reference if args.model.startswith("VQ") else token_reference
    np.savez(args.out, **make(official, args))


if __name__ == "__main__":
    main()

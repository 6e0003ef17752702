"""Check an exported f32 model against PyTorch: the same captions must give the same greedy codes, next token and windows, and the
same codes the same picture."""

import argparse
import json
import pathlib
import subprocess
import tempfile

import numpy as np
import torch
from PIL import Image

import corpus
from ar_model import GRID, Plan, TOKENS, Transformer
from vq_model import VQ

PROMPTS = ["a red apple", "a cat and a dog on a blue background", "three green stars, 3d style"]


def greedy(model, ids, window, guidance):
    """Greedy codes [TOKENS] under a window, every token from a pass over the whole picture as far as it is there."""
    plan, tokens = Plan(window), torch.zeros(1, TOKENS, dtype=torch.long)
    order = sorted(range(TOKENS), key=lambda n: n if window >= GRID else n // GRID * window + n % GRID)
    real = torch.ones(2, len(ids), dtype=torch.bool)
    prefix = model.captions(torch.tensor([ids, ids]), real, torch.tensor([False, True]))
    for n in order:
        logits = model(prefix, real, tokens.expand(2, -1), plan)[:, n]
        tokens[0, n] = (logits[1] + guidance * (logits[0] - logits[1])).argmax()
    return tokens[0].numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder with vq.pt, ar.pt and zipar-emoji-f32.gguf")
    parser.add_argument("--zipar", default="zipar", help="the program (default: the one in PATH)")
    args = parser.parse_args()
    tokenizer = corpus.read_tokenizer(args.work)
    model, vq = Transformer(tokenizer.vocab_size()).eval(), VQ().eval()
    model.load_state_dict(torch.load(args.work / "ar.pt", map_location="cpu", weights_only=True)["model"])
    vq.load_state_dict(torch.load(args.work / "vq.pt", map_location="cpu", weights_only=True)["model"])
    failed = False
    with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        codes_file, picture = pathlib.Path(folder) / "codes.json", pathlib.Path(folder) / "picture.png"
        for prompt in PROMPTS:
            for window in (GRID, 4, 2):
                subprocess.run([args.zipar, "generate", "--quiet", "-m", args.work / "zipar-emoji-f32.gguf", "--prompt", prompt,
                                "--window", str(window), "--temp", "0", "--cfg-scale", "3", "--codes", codes_file,
                                "--out", picture], check=True)
                got = np.array(json.loads(codes_file.read_text())["codes"]).flatten()
                want = greedy(model, tokenizer.encode(prompt) + [1], window, 3.0)
                pixels = vq.decode(torch.from_numpy(got.reshape(1, GRID, GRID)))[0].movedim(0, -1)
                pixels = ((pixels + 1) * 127.5).clamp(0, 255).round().numpy()
                apart = np.abs(np.asarray(Image.open(picture).convert("RGB")) - pixels).max()
                ok = (got == want).all() and apart <= 1
                failed |= not ok
                print(f"{prompt!r} window {window}: {(got == want).sum()}/{TOKENS} codes equal, pixels at most {apart:.0f} apart")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()

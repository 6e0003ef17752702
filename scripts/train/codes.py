"""Draw the corpus's scenes and turn them into codes by the trained VQ. Writes codes.npy, uint16 [n, 256], to --work."""

import argparse
import pathlib
import time

import numpy as np
import torch

import corpus
from batches import in_order
import pictures
from vq_model import VQ

BATCH = 256


class Pictures(torch.utils.data.Dataset):
    """The pictures, uint8 [n, 128, 128, 3], of BATCH scenes at a time."""

    def __init__(self, work):
        self.sprites, self.scenes = pictures.Sprites(work), corpus.read_scenes(work)

    def __len__(self):
        return -(-len(self.scenes) // BATCH)

    def __getitem__(self, i):
        return torch.from_numpy(corpus.draw_all(self.sprites, self.scenes[i * BATCH:(i + 1) * BATCH]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder with the sprites, scenes.jsonl and vq.pt")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw")
    args = parser.parse_args()
    model = VQ().to(args.device, memory_format=torch.channels_last).eval()
    model.load_state_dict(torch.load(args.work / "vq.pt", map_location=args.device, weights_only=True)["model"])
    drawn, codes, began = Pictures(args.work), [], time.time()
    with torch.no_grad():
        for batch in in_order(drawn, range(len(drawn)), args.workers, args.device, ahead=2):
            batch = batch.to(args.device, non_blocking=True).movedim(-1, 1).float() / 127.5 - 1  # channels last in memory
            codes.append(model.encode(batch).flatten(1))
    codes = torch.cat(codes).cpu().numpy().astype(np.uint16)
    np.save(args.work / "codes.npy", codes)
    print(f"{len(codes)} pictures in {time.time() - began:.0f} s")


if __name__ == "__main__":
    main()

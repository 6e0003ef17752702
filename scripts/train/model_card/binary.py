"""The zipar binary: what it draws, encodes, measures and says about a model file."""

import json
import re
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from .store import digest, key, say

KEY = re.compile(r"^(\S+) +(?:[ui](?:8|16|32|64)|f32|f64|bool|string|array) +(.*)$")
TENSOR = re.compile(r"^(\S+) +([A-Z][A-Z0-9_]*) +\[([\d ]+)\]$")


class ModelFile:
    """A GGUF file: path, bytes, digest, keys (name -> text) and tensors (name -> (type, shape))."""

    def __init__(self, path, text):
        self.path, self.stat, self.digest = path, path.stat(), digest(path)
        self.bytes = self.stat.st_size
        self.keys, self.tensors = {}, {}
        for line in text.splitlines():
            if m := TENSOR.match(line):
                self.tensors[m[1]] = m[2], [int(n) for n in m[3].split()]
            elif m := KEY.match(line):
                self.keys[m[1]] = m[2].strip('"')

    def number(self, name, default=None):
        return float(self.keys.get(name, default))

    def want_unchanged(self):
        """Ends the program if the file is no longer the one that was opened: results are kept under its digest."""
        now = self.path.stat()
        if (now.st_mtime_ns, now.st_size) != (self.stat.st_mtime_ns, self.stat.st_size):
            raise SystemExit(f"{self.path}: it was changed while it was measured; run this again")

    def window(self):
        """The window of a run without --window, 0 for next-token decoding."""
        return int(self.number("llamagen.sampling.window", 0))

    def numbers_of(self, *prefixes):
        """How many numbers the tensors with these prefixes hold."""
        return sum(int(np.prod(shape)) for name, (_, shape) in self.tensors.items() if name.startswith(prefixes))

    def types_of(self, *prefixes):
        """The types of these tensors, the one with most numbers first."""
        count = {}
        for name, (type_, shape) in self.tensors.items():
            if name.startswith(prefixes):
                count[type_] = count.get(type_, 0) + int(np.prod(shape))
        return sorted(count, key=count.get, reverse=True)


def read_picture(path):
    return np.asarray(Image.open(path).convert("RGB"))


class Zipar:
    def __init__(self, path, folder, threads):
        self.path, self.folder, self.digest = path.resolve(), folder, digest(path)
        self.threads = ["--threads", str(threads)] if threads else []
        self.version = self.run("version").strip()

    def run(self, *args):
        """What a command writes to standard output."""
        done = subprocess.run([str(self.path), *map(str, args)], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{shlex.join([self.path.name, *map(str, args)])}: {done.stderr.strip()}")
        return done.stdout

    def open(self, path):
        return ModelFile(path, self.run("inspect", path))

    def generate(self, name, model, prompts, flags=(), codes=False):
        """Draws a picture a prompt, the first with seed 1, the next with seed 2 and so on. Returns them, uint8
        [n, height, width, 3], and with codes also the image tokens, [n, rows * columns]."""
        folder = self.folder / f"{name}-{key(self.digest, model.digest, prompts, flags, codes)}"
        if not (folder / "done").exists():
            say(f"{name}: {len(prompts)} pictures")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "prompts.txt").write_text("".join(p + "\n" for p in prompts))
            more = ["--codes", folder / "%04d.json"] if codes else []
            self.run("generate", "-m", model.path, "--prompt-file", folder / "prompts.txt", "--seed", 1, *flags,
                     "--out", folder / "%04d.png", "--resume", "--quiet", *more, *self.threads)
            model.want_unchanged()
            (folder / "done").touch()
        pictures = np.stack([read_picture(self.numbered(folder, i, len(prompts), "png")) for i in range(len(prompts))])
        if not codes:
            return pictures
        return pictures, np.stack([np.ravel(json.loads(self.numbered(folder, i, len(prompts), "json").read_text())["codes"])
                                   for i in range(len(prompts))])

    @staticmethod
    def numbered(folder, i, n, ending):
        return folder / f"{i + 1:04d}.{ending}"

    def generate_each(self, name, model, prompts, seeds):
        """Draws each prompt with the same seeds, 1 and those after it, in a run of its own. Returns [prompts, seeds, h, w, 3]."""
        folder = self.folder / f"{name}-{key(self.digest, model.digest, prompts, seeds)}"
        if not (folder / "done").exists():
            say(f"{name}: {len(prompts) * seeds} pictures")
            folder.mkdir(parents=True, exist_ok=True)

            def draw(i):
                self.run("generate", "-m", model.path, "--prompt", prompts[i], "--seed", 1, "-b", seeds,
                         "--out", folder / f"{i:04d}-%d.png", "--resume", "--quiet", "--threads", 1)

            with ThreadPoolExecutor(2) as pool:
                list(pool.map(draw, range(len(prompts))))
            model.want_unchanged()
            (folder / "done").touch()
        return np.stack([[read_picture(folder / f"{i:04d}-{s + 1}.png") for s in range(seeds)] for i in range(len(prompts))])

    def encode(self, model, picture, folder):
        """The image tokens of a picture, [rows * columns]."""
        Image.fromarray(picture).save(folder / "picture.png")
        text = self.run("encode", "-m", model.path, "--codes", "-", "--quiet", folder / "picture.png")
        return np.ravel(json.loads(text)["codes"])

    def decode(self, model, codes, folder):
        """The picture of image tokens [rows, columns]."""
        rows, cols = codes.shape
        (folder / "codes.json").write_text(json.dumps({"rows": rows, "cols": cols, "codes": codes.tolist()}))
        self.run("decode", "-m", model.path, "--out", folder / "picture.png", "--quiet", folder / "codes.json")
        return read_picture(folder / "picture.png")

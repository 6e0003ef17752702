#!/usr/bin/env python3
"""Measures what ZipAR's windows cost a trained model, and writes docs/zipar-study.md from docs/zipar-study.md.in.

    python3 scripts/study.py --zipar ./zipar --model emoji-q8_0.gguf --model-f32 emoji-f32.gguf --model-f16 emoji-f16.gguf

Needs NumPy and Pillow, a caption model in three types of weights, and some minutes. All numbers come from `zipar bench` and `zipar
generate`; the page has the commands. Findings are written from the numbers. --data keeps what was measured: what is there
from the same command and the same files is not measured again.
"""

import argparse
import json
import math
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from zipar_study import chart, prompts, report, text, trials
from zipar_study.data import Pictures
from zipar_study.measure import Failed, Runner, shown
from zipar_study.statistics import mean, psnr

ROOT = Path(__file__).resolve().parent.parent
SEED = 1000  # the first prompt's; the n-th one has the n-th from here
OTHER = 5000  # the first of the seeds that NTP draws other pictures from
WEIGHTS = (4, 2)  # windows at which types of weights are compared, beside NTP


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, metavar="FILE",
                        help="the model, with weights in q8_0; all but the types of weights is measured with it")
    parser.add_argument("--model-f32", required=True, metavar="FILE", help="the same with weights in f32")
    parser.add_argument("--model-f16", required=True, metavar="FILE", help="the same with weights in f16")
    parser.add_argument("--zipar", required=True, metavar="FILE", help="the program")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "zipar-study.md", metavar="FILE",
                        help="the page; figures go to images/study beside it")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="keep what was measured there, and use what is there")
    parser.add_argument("--prompts", type=int, metavar="N", default=14, help="prompts of each kind, at most 16 (default 14)")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="pictures of each prompt (default 1)")
    parser.add_argument("--quick", action="store_true", help="two prompts of each kind: to try the script")
    args = parser.parse_args()
    for file in (args.model, args.model_f32, args.model_f16, args.zipar):
        if not os.path.isfile(file):
            parser.error(f"{file}: there is no such file")
    if args.quick:
        args.prompts = 2
    return args


class Study:
    def __init__(self, args, data):
        self.args, self.quick = args, args.quick
        self.prompts = prompts.interleaved(args.prompts)
        self.runner = Runner(args.zipar, data, os.cpu_count() or 1)
        self.images = args.out.parent / "images" / "study"
        self.commands = {}  # block -> the commands that it shows

    def note(self, block, *words):
        self.commands.setdefault(block, []).append(shown(words))

    # ---- what is measured ------------------------------------------------------------------------------------------------------

    def grid(self):
        """The number of tokens in a row."""
        found = re.search(r"^llamagen\.image\.columns +u32 +(\d+)$", self.runner.run("inspect", ["inspect", self.args.model]), re.M)
        if not found:
            raise Failed(f"{self.args.model}: zipar inspect does not say how many tokens a row has")
        return int(found[1])

    def bench(self, name, block, model, number, windows, *more):
        """The job that draws a prompt with these windows."""
        words = ["bench", "-m", model, "--prompt", self.prompts[number][1], "--seed", str(SEED + number * self.args.seeds), "--window",
                 ",".join(map(str, windows)), *more, "--output", "md", "--details", self.runner.details(name)]
        if number == 0:
            self.note(block, *words)
        return words

    def one_thread(self):
        return ["--threads", "1"] + (["-r", str(self.args.seeds)] if self.args.seeds > 1 else [])

    def draw_all(self, columns):
        """Every prompt in every way."""
        jobs = {f"main-{i:03}": self.bench(f"main-{i:03}", "main", self.args.model, i, range(1, columns), "--adaptive", *self.one_thread())
                for i in range(len(self.prompts))}
        self.runner.run_all("windows", jobs)
        return self.pictures(jobs)

    def pictures(self, jobs):
        return Pictures([g for g, _ in self.prompts[:len(jobs)]], [self.runner.details(name) for name in jobs])

    def time_it(self, columns):
        """A prompt in every fixed way, with nothing beside."""
        words = self.bench("timing", "timing", self.args.model, 0, range(1, columns), "-r", "1" if self.quick else "5")
        self.runner.run_all("times", {"timing": words})
        self.setting = self.runner.run("timing", words)  # what it printed
        return Pictures(["all"], [self.runner.details("timing")])

    def weigh(self):
        """Types of weights, all judged by f32: half of the prompts."""
        models = {"f32": self.args.model_f32, "f16": self.args.model_f16, "q8_0": self.args.model}
        n = math.ceil(len(self.prompts) / 2)
        jobs = {}
        for name, file in models.items():
            judge = [] if name == "f32" else ["--judge", self.args.model_f32]
            own = [f"{name}-{i:03}" for i in range(n)]
            jobs[name] = {job: self.bench(job, "weights", file, i, WEIGHTS, *judge, "--threads", "1") for i, job in enumerate(own)}
        self.runner.run_all("weights", {k: v for of in jobs.values() for k, v in of.items()})
        return {name: self.pictures(of) for name, of in jobs.items()}

    def generate(self, name, block, count, *more, seed=SEED):
        """The job that writes the pictures and the codes of the first prompts."""
        file = self.runner.data / f"prompts-{count}.txt"
        lines = "".join(p + "\n" for _, p in self.prompts[:count])
        if not file.exists() or file.read_text() != lines:
            file.write_text(lines)
        folder = self.runner.data / name
        folder.mkdir(exist_ok=True)
        words = ["generate", "-m", self.args.model, "--prompt-file", str(file), "--seed", str(seed), *more, "--threads", "1",
                 "--out", str(folder / "%03d.png"), "--codes", str(folder / "%03d.json")]
        self.note(block, *words)
        return words

    def sheet(self, columns):
        """The first prompts, drawn with some windows."""
        ways = {"NTP": ["--window", "0"]}
        ways |= {f"window {w}": ["--window", str(w)] for w in (8, 4, 3, 2, 1) if w < columns}
        ways["adaptive, 1+"] = ["--window", "1", "--adaptive"]
        n = min(8, len(self.prompts))
        jobs = {f"sheet-{i}": self.generate(f"sheet-{i}", "pictures", n, *flags) for i, flags in enumerate(ways.values())}
        self.runner.run_all("pictures", jobs)
        passes = [np.mean([self.codes(name, i)["passes"] for i in range(n)]) for name in jobs]
        heads = [f"{name}\n{p:.0f} passes" for name, p in zip(ways, passes, strict=True)]
        chart.sheet(self.images / "pictures.png", [p for _, p in self.prompts[:n]], heads,
                    lambda i, j: Image.open(self.file(f"sheet-{j}", i, "png")), 64)
        self.commands["pictures"] = self.commands["pictures"][::len(jobs) - 1]  # the first and the last

    def file(self, name, number, extension):
        return self.runner.data / name / f"{number + 1:03}.{extension}"

    def codes(self, name, number):
        return json.loads(self.file(name, number, "json").read_text())

    def another_seed(self):
        """How far two NTP pictures of one prompt are apart."""
        n = math.ceil(len(self.prompts) / 2)
        jobs = {name: self.generate(name, "seeds", n, "--window", "0", seed=seed) for name, seed in (("seed-0", SEED), ("seed-1", OTHER))}
        self.runner.run_all("other seeds", jobs)
        agreement, errors = [], []
        for i in range(n):
            a, b = (np.asarray(self.codes(name, i)["codes"]) for name in jobs)
            agreement.append((a == b).mean())
            a, b = (np.asarray(Image.open(self.file(name, i, "png")).convert("RGB"), float) for name in jobs)
            errors.append(np.square(a - b).mean())
        return {"agreement": mean(agreement), "psnr": psnr(errors), "prompts": n}

    # ---- the page --------------------------------------------------------------------------------------------------------------

    def intro(self, p):
        """What was measured with what."""
        setting = re.search(r"^- (.*), seeds? [^,]*(?:to [^,]*)?, (\d+ threads), .* kernels\.$", self.setting, re.M)
        version = self.runner.run("version", ["version"]).splitlines()[0]
        each = p.pictures // len(p.group_names())
        if not setting:
            raise Failed(f"zipar bench does not say under which circumstances: {self.setting}")
        seeds = "one seed" if p.seeds == 1 else f"{p.seeds} seeds"
        lines = [f"Model: {os.path.basename(self.args.model)}: {setting[1]}; the settings are those that its file recommends.",
                 f"Pictures: {p.pictures} in each of {len(p.ways)} ways to decode, {each} of each of {len(p.group_names())} kinds, every "
                 f"prompt from {seeds} ({p.pictures * len(p.ways)} in all).",
                 f"Program: {version}; times with {setting[2]}."]
        return text.items(lines)

    def prompt_list(self):
        kinds = dict.fromkeys(g for g, _ in self.prompts)
        return text.items(f"**{g}**: " + ", ".join(p for k, p in self.prompts if k == g) for g in kinds)

    def shown(self, block):
        return "\n".join("    " + c for c in dict.fromkeys(self.commands[block]))

    def blocks(self):
        columns = self.grid()
        timing = self.time_it(columns)
        p = self.draw_all(columns)
        again = self.another_seed()
        self.sheet(columns)
        types = self.weigh()
        return {
            "setting": self.intro(p),
            "prompts": self.prompt_list(),
            "tradeoff": report.tradeoff(p, timing, again, self.images),
            "where": report.where(p, self.images),
            "equal passes": report.equal_passes(p, self.images),
            "groups": report.groups(p, self.images),
            "groups adaptive": report.groups_adaptive(p),
            "trials": trials.trials(p, self.images),
            "weights": report.weights(types),
        } | {f"command {block}": self.shown(block) for block in self.commands}


def fill(template, blocks):
    """The page: a line "<!-- NAME -->" of the template becomes the block of that name."""
    used = set()

    def block(m):
        used.add(m[1])
        if m[1] not in blocks:
            raise Failed(f"the template wants a block {m[1]!r}; there are {', '.join(blocks)}")
        return blocks[m[1]]

    page = re.sub(r"^<!-- ([a-z0-9 ]+) -->$", block, template, flags=re.M)
    if left := set(blocks) - used:
        raise Failed(f"the template does not have the blocks {', '.join(sorted(left))}")
    return page


def main():
    args, began = arguments(), time.time()
    template = (ROOT / "docs" / "zipar-study.md.in").read_text()
    with tempfile.TemporaryDirectory() as scratch:
        data = args.data or Path(scratch)
        data.mkdir(parents=True, exist_ok=True)
        study = Study(args, data)
        study.images.mkdir(parents=True, exist_ok=True)
        try:
            page = fill(template, study.blocks())
        except Failed as e:
            sys.exit(f"study.py: {e}")
    args.out.write_text(page)
    size = sum(f.stat().st_size for f in study.images.iterdir())
    print(f"{args.out}: {time.time() - began:.0f} s, figures of {size / 1000:.0f} kB in {study.images}", file=sys.stderr)


if __name__ == "__main__":
    main()

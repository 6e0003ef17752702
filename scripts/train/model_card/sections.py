"""The card's sections: each measures something and returns the values that template.md wants, and pictures."""

import itertools
import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

import ar
import captions
import corpus
import pictures
import sprites as packages
import vq

from . import checks, figures, nearest, scenes
from .classifier import Classifier, hits
from .store import say

BACKDROP = (255, 255, 255)
WINDOWS = (2, 3, 4, 6, 8)


@dataclass
class Sizes:
    """How many of everything."""

    prompts: int = 40
    seeds: int = 2
    held_out_sprites: int = 10**6  # all
    compared: int = 8  # with zipar encode and decode
    concepts: int = 10**6
    steps: int = 1200  # of the classifier
    pairs: int = 16  # scenes of each kind, seen and held out, or as many as there are
    f32: int = 80  # concepts
    windows: int = 80  # concepts
    shown: int = 8  # of the pairs


QUICK = Sizes(prompts=4, seeds=2, held_out_sprites=6, compared=1, concepts=12, steps=20, pairs=3, f32=4, windows=4, shown=3)


def percent(share, decimals=1):
    return f"{100 * share:.{decimals}f}%"


def table(head, rows, texts=1):
    """The first columns, as many as texts says, stand on the left, the others on the right."""
    lines = [head, ["---"] * texts + ["---:"] * (len(head) - texts), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


@dataclass
class Card:
    """What the sections share, and what they have found."""

    work: Path
    model: object
    model_f32: object
    zipar: object
    store: object
    tokenizer: object
    sizes: Sizes
    values: dict = field(default_factory=dict)
    images: dict = field(default_factory=dict)

    def __post_init__(self):
        self.sprites = pictures.Sprites(self.work)
        self.trained = corpus.read_scenes(self.work)
        self.rng = np.random.default_rng(13)
        # In an order of their own, so that the first few of them are a fair choice.
        order = np.random.default_rng(14).permutation(len(self.sprites.concepts))[:self.sizes.concepts]
        self.concepts = [self.sprites.concepts[i] for i in order]
        self.concept_prompts = [scenes.caption(s) for s in scenes.plain(self.concepts)]
        self.drawn = corpus.draw_all(self.sprites, scenes.plain(self.concepts))

    def put(self, **values):
        self.values.update(values)

    def flags(self, window, adaptive=False):
        """The flags that ask for a window; none for what a run without flags does."""
        if window == self.model.window() and not adaptive:
            return []
        return ["--window", window] + (["--adaptive"] if adaptive else [])

    def generate(self, name, prompts, flags=(), model=None, codes=False):
        return self.zipar.generate(name, model or self.model, prompts, list(flags), codes)


def what(card):
    m = card.model
    parts = [
        ("transformer", ("blk.", "token_embd.", "output"), f"{m.keys['llamagen.block_count']} layers of width "
         f"{m.keys['llamagen.embedding_length']}, {m.keys['llamagen.attention.head_count']} heads, hidden width "
         f"{m.keys['llamagen.feed_forward_length']}"),
        ("text encoder (T5)", ("enc.",), f"{m.keys['t5encoder.block_count']} layers of width "
         f"{m.keys['t5encoder.embedding_length']}, {m.keys['t5encoder.attention.head_count']} heads, "
         f"{m.tensors['enc.token_embd.weight'][1][0]} pieces of words"),
        ("image tokenizer (VQ)", ("vq.",), f"{m.keys['vq.codebook_size']} codes of {m.keys['vq.codebook_dim']} numbers, "
         f"{m.keys['vq.pixels_per_token']} x {m.keys['vq.pixels_per_token']} pixels a token"),
    ]
    named = tuple(itertools.chain.from_iterable(prefixes for _, prefixes, _ in parts))
    if rest := [name for name in m.tensors if not name.startswith(named)]:
        parts.insert(1, ("way from captions to the transformer", tuple(rest), f"{m.keys['llamagen.condition.token_count']} positions"))
    rows = [(name, shape, ", ".join(m.types_of(*prefixes)), f"{m.numbers_of(*prefixes):,}") for name, prefixes, shape in parts]
    rows.append(("all", "", "", f"{m.numbers_of(''):,}"))
    side = int(m.number("llamagen.image.rows")), int(m.number("llamagen.image.columns"))
    pixels = int(m.number("llamagen.image.pixels_per_token"))
    window, top_k, guidance = m.window(), int(m.number("llamagen.sampling.top_k")), m.number("llamagen.sampling.cfg_scale")
    card.put(
        name=m.keys["general.name"], file=m.path.name, file_f32=card.model_f32.path.name, megabytes=f"{m.bytes / 1e6:.1f}",
        megabytes_f32=f"{card.model_f32.bytes / 1e6:.1f}", million=f"{m.numbers_of('') / 1e6:.1f}",
        grid=f"{side[0]} x {side[1]}", size=f"{side[0] * pixels} x {side[1] * pixels}", tokens=side[0] * side[1],
        parts=table(["part", "shape", "types", "numbers"], rows, texts=3),
        settings=(f"guidance {guidance:g}, " if guidance > 1 else "no guidance, ")
                 + f"temperature {m.number('llamagen.sampling.temperature'):g}, "
                 + (f"top-k {top_k}, " if top_k else "no top-k, ") + f"top-p {m.number('llamagen.sampling.top_p'):g}, "
                 + (f"window {window}" if window else "next-token decoding"),
        concepts=len(card.sprites.concepts), styles=", ".join(captions.STYLES), colours=", ".join(captions.COLOURS),
        backgrounds=", ".join(captions.BACKGROUNDS))


def data(card):
    rows = []
    for style, package in [*packages.SVG_STYLES.items(), ("3d", packages.PICTURES_3D)]:
        of = [s for s in card.sprites.index if s["style"] == style]
        licence = json.loads((packages.fetch(package, card.work / "npm") / "package.json").read_text())["license"]
        uses = "both" if style in captions.STYLES else "image tokenizer"
        rows.append((style, f"`{package}`", licence, uses, len(of), sum(s["concept"] is not None for s in of)))
    count = {}
    for s in card.trained:
        count[ar.kind_of(s)] = count.get(ar.kind_of(s), 0) + 1
    saved = {name: torch.load(card.work / name, map_location="cpu", weights_only=True, mmap=True)["step"] for name in ("vq.pt", "text.pt", "ar.pt")}
    card.put(art=table(["style", "package", "its licence", "learnt by", "sprites", "of concepts"], rows, texts=4),
             sprites=f"{len(card.sprites.index):,}", scenes=f"{len(card.trained):,}",
             kinds=", ".join(f"{n:,} {k}" for k, n in count.items()), vq_steps=f"{saved['vq.pt']:,}",
             text_steps=f"{saved['text.pt']:,}", ar_steps=f"{saved['ar.pt']:,}")


def image_tokenizer(card):
    numbers = np.arange(len(card.sprites.index))
    held_out = numbers[numbers % vq.HELD_OUT == 0][:card.sizes.held_out_sprites]
    rows = []
    for name, chosen in (("held out", held_out), ("trained on", held_out[:-1:3] + vq.HELD_OUT // 2)):
        of = np.stack([np.round(pictures.single(np.asarray(card.sprites.rgba[i]), BACKDROP)) for i in chosen]).astype(np.uint8)
        codes, again = card.tokenizer.reconstruct(of, card.store, name.replace(" ", "-"))
        psnr, ssim = checks.decibels(checks.mse(of, again)), checks.ssim(of, again)
        rows.append((name, len(of), f"{psnr.mean():.2f} dB", f"{np.quantile(psnr, 0.1):.2f} dB", f"{ssim.mean():.3f}",
                     len(np.unique(codes))))
        if name == "held out":
            sample = np.sort(card.rng.permutation(len(of))[:12])
            card.images["tokenizer.png"] = figures.table([("original", of[sample]), ("decoded", again[sample])], 96)
            equal, worst = card.tokenizer.compare(card.zipar, card.model, of[sample[:card.sizes.compared]])
    card.put(tokenizer=table(["sprites", "number", "PSNR", "a tenth is below", "SSIM", "codes in use"], rows),
             compared=min(card.sizes.compared, len(sample)), equal=percent(equal, 2), worst=worst)


def read_prompts(n):
    lines = Path(captions.__file__).with_name("prompts.txt").read_text().splitlines()
    prompts = [line for line in lines if line and not line.startswith("#")]
    half = len(prompts) // 2
    return prompts if n >= len(prompts) else prompts[:n // 2] + prompts[half:half + n - n // 2]


def style_of(prompt):
    return next((s for s in captions.STYLES if prompt.endswith(f", {s} style")), "flat")


def samples(card):
    card.prompts = read_prompts(card.sizes.prompts)
    card.samples = card.zipar.generate_each("samples", card.model, card.prompts, card.sizes.seeds)
    card.images["samples.png"] = figures.sheet(list(zip(card.samples, card.prompts)), 5, 112, groups=card.sizes.seeds, size=13)
    card.put(prompts=len(card.prompts))


def ratio(of):
    return f"{int(np.sum(of))} of {len(of)}"


def halves(of):
    """The left and the right thing of pictures of a pair, each as a picture."""
    cells = pictures.PLACES[2]
    return [of[:, y:y + pictures.CELL, x:x + pictures.CELL] for x, y in cells]


def verdicts(card, kind, of, chosen):
    """The checks of a kind of scene: name -> whether each picture passes."""
    c = card.classifier
    if kind == "pair":
        sides = halves(of)
        both = {k: np.logical_and(*(c.concept_hits(side, [s["things"][i] for s in chosen], k) for i, side in enumerate(sides)))
                for k in (1, 5)}
        return {"both things first": both[1], "both among five": both[5]}
    things = [s["things"][0] for s in chosen]
    if kind == "count":
        return {"number of pieces": np.array([checks.pieces(p) == s["count"] for p, s in zip(of, chosen)])}
    out = {"thing first": c.concept_hits(of, things, 1), "thing among five": c.concept_hits(of, things, 5)}
    if kind == "style":
        return {"style": c.style_hits(of, [s["style"] for s in chosen], list(captions.STYLES)), **out}
    if kind == "colour":
        return {"hue": np.array([checks.has_hue(p, s["colour"]) for p, s in zip(of, chosen)]), **out}
    return {"background": np.array([checks.has_background(p, s["background"]) for p, s in zip(of, chosen)]), **out}


def compositions(card):
    rows, strips = [], []
    card.chosen = {}
    for kind in scenes.KINDS:
        seen, held_out = scenes.choose(kind, card.sprites, card.trained, card.sizes.pairs)
        n = len(seen)
        chosen = card.chosen[kind] = seen + held_out
        prompts = [scenes.caption(s) for s in chosen]
        generated = card.generate(f"{kind}s", prompts)
        drawn = corpus.draw_all(card.sprites, chosen)
        again = card.tokenizer.reconstruct(drawn, card.store, f"{kind}s")[1]
        found = [verdicts(card, kind, of, chosen) for of in (drawn, again, generated)]
        for i, check in enumerate(found[0]):
            rows.append((f"**{kind}**" if i == 0 else "", check, ratio(found[0][check]), ratio(found[1][check]),
                         ratio(found[2][check][:n]), ratio(found[2][check][n:])))
        shown = card.sizes.shown
        strips += [([p], prompts[i]) for at in (0, n) for i, p in enumerate(generated[at:at + min(n, shown)], at)]
    coloured = card.chosen["colour"]
    own = [checks.has_hue(p, s["colour"]) for p, s in
           zip(corpus.draw_all(card.sprites, scenes.plain([s["things"][0] for s in coloured])), coloured)]
    card.images["compositions.png"] = figures.sheet(strips, card.sizes.shown, 96, lines=3, size=11)
    card.put(compositions=table(["kind", "check", "drawn", "decoded", "seen", "held out"], rows, texts=2), pairs=card.sizes.pairs,
             shown=card.sizes.shown, own_hue=ratio(own), share_error=round(50 / card.sizes.pairs**0.5), hue=checks.HUE,
             hue_share=f"{checks.HUE_SHARE:.0%}", background_distance=checks.BACKGROUND, thing=checks.THING, piece=f"{checks.PIECE:.0%}")


def train_classifier(card):
    card.classifier = Classifier(card.sprites, card.work, card.store, card.sizes.steps)


def classifier_row(card, name, of, concepts):
    logits, styles = card.classifier.of_pictures(of)
    want = torch.tensor([card.classifier.data.concepts.index(c) for c in concepts])
    return name, len(of), *(percent(hits(logits, want, k).mean()) for k in (1, 5))


def recognition(card):
    card.generated = card.generate("concepts", card.concept_prompts)
    card.decoded = card.tokenizer.reconstruct(card.drawn, card.store, "concepts")[1]
    first, five = card.classifier.new_augmentations()
    rows = [("drawn, all styles, changed as in no training step", len(first), percent(first.mean()), percent(five.mean())),
            classifier_row(card, "drawn, flat", card.drawn, card.concepts),
            classifier_row(card, "decoded by the image tokenizer", card.decoded, card.concepts),
            classifier_row(card, "generated", card.generated, card.concepts)]
    missed = ~card.classifier.concept_hits(card.generated, card.concepts, 5)
    card.put(recognition=table(["pictures", "number", "first", "among five"], rows), steps=card.sizes.steps,
             augmented=len(first), missed=", ".join(sorted(c for c, m in zip(card.concepts, missed) if m)) or "none")


def copies(card):
    found = nearest.Nearest(card.work, card.store, card.trained, processes=os.cpu_count())
    styles = [style_of(p) for p in card.prompts]
    half = len(card.prompts) // 2
    rows = []

    def row(name, distances):
        rows.append((name, len(distances), f"{np.median(distances):.1f}", ratio(distances <= nearest.NEAR),
                     percent((distances <= nearest.NEAR).mean())))

    by_seed = [found.find(card.samples[:, s], styles) for s in range(card.sizes.seeds)]
    for name, part in (("prompts of seen concepts", slice(0, half)), ("prompts of unseen compositions", slice(half, None))):
        row(name, np.concatenate([distance[part] for _, distance in by_seed]))
    row("one picture of each concept", found.find(card.generated, ["flat"] * len(card.generated))[1])
    number = {json.dumps(s): i for i, s in enumerate(card.trained)}
    own = [number[json.dumps(s)] for s in scenes.plain(card.concepts)]
    row("drawn pictures of concepts, decoded by the image tokenizer", found.find(card.decoded, ["flat"] * len(own))[1])
    row("drawn pictures of concepts, the nearest other picture", found.find(card.drawn, ["flat"] * len(own), own)[1])
    numbers, distances = by_seed[0]
    originals = corpus.draw_all(card.sprites, [card.trained[i] for i in numbers])
    cells = [((s[0], o), f"{p} ({d:.0f})") for s, o, p, d in zip(card.samples, originals, card.prompts, distances)]
    card.images["nearest.png"] = figures.sheet(cells, 8, 64, lines=2, size=11, groups=2)
    everything = np.concatenate([d for _, d in by_seed])
    card.put(copies=table(["pictures", "number", "median distance", "near-copies", "share"], rows), near=nearest.NEAR,
             near_side=nearest.SIDE, near_share=percent((everything <= nearest.NEAR).mean(), 0))


def precision(card):
    flags = ["--temp", "0"] + ([] if card.model.window() == 0 else ["--window", "0"])
    codes = [card.generate(f"greedy-{name}", card.prompts, flags, model, codes=True)[1]
             for name, model in (("model", card.model), ("f32", card.model_f32))]
    same = codes[0] == codes[1]
    first = np.where(same.all(1), same.shape[1], same.argmin(1))
    n = min(card.sizes.f32, len(card.concepts))
    of = card.generate("concepts-f32", card.concept_prompts[:n], model=card.model_f32)
    rows = [classifier_row(card, m.path.name, p, card.concepts[:n]) for m, p in ((card.model, card.generated[:n]), (card.model_f32, of))]
    errors = checks.mse(card.generated[:n], of)
    card.put(precision=table(["model", "pictures", "first", "among five"], rows), greedy_same=percent(same.mean()),
             greedy_pictures=ratio(same.all(1)), greedy_first=percent(first.mean() / same.shape[1]),
             precision_psnr=f"{checks.decibels(errors.mean()):.2f}" if errors.any() else "infinite", precision_number=n,
             precision_equal=ratio(errors == 0))


def bench(card, *flags):
    """The rows of zipar bench on the forty prompts, by (window, adaptive)."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "prompts.txt"
        file.write_text("".join(p + "\n" for p in card.prompts))
        inputs = [card.zipar.digest, card.model.digest, card.prompts, flags]

        def run():
            out = card.zipar.run("bench", "-m", card.model.path, "--prompt-file", file, "--seed", 1, *flags, "--output", "json",
                                 "--quiet", *card.zipar.threads)
            card.model.want_unchanged()
            return out

        text = card.store.text("bench", inputs, run)
    return {(r["window"], r["adaptive"]): r for r in json.loads(text)}


def windows(card):
    columns = int(card.model.number("llamagen.image.columns"))
    figures_of = bench(card, "--window", ",".join(map(str, WINDOWS)))
    figures_of.update(bench(card, "--window", str(WINDOWS[0]), "--adaptive"))
    n = min(card.sizes.windows, len(card.concepts))
    rows, strips = [], []
    number = min(8, len(card.prompts))
    half = len(card.prompts) // 2
    shown = card.prompts[:number // 2] + card.prompts[half:half + number - number // 2]
    for window, adaptive in [(columns, False), *((w, False) for w in reversed(WINDOWS)), (WINDOWS[0], True)]:
        figure = figures_of[window, adaptive]
        flags = card.flags(0 if window == columns else window, adaptive)
        name = "next token" if window == columns else f"{window}, adaptive" if adaptive else str(window)
        short = "ntp" if window == columns else f"w{window}" + ("a" if adaptive else "")
        # What was drawn with these settings before need not be drawn again: a picture does not depend on the others of its run.
        of = card.generate(f"concepts-{short}", card.concept_prompts[:n], flags) if flags else card.generated[:n]
        cells = list(classifier_row(card, name, of, card.concepts[:n])[2:])
        for kind, check in (("colour", "hue"), ("background", "background")):
            chosen = card.chosen[kind]
            of = card.generate(f"{kind}s" + (f"-{short}" if flags else ""), [scenes.caption(s) for s in chosen], flags)
            cells.append(ratio(verdicts(card, kind, of, chosen)[check]))
        strips.append((name, card.generate(f"strip-{short}", shown, flags)))
        rows.append((name, f"{figure['passes']:.4g}", percent(figure["passes_saved"]), f"{figure['log_likelihood']:.3f}",
                     f"{figure['log_likelihood_change']:+.3f}", percent(figure["token_agreement"]), *cells))
    card.images["windows.png"] = figures.table(strips, 96, shown)
    card.put(windows=table(["window", "passes", "saved", "log p a token", "change", "same tokens", "thing first", "thing among five",
                            "hue", "background"], rows), windows_number=n, windows_scenes=len(card.chosen["colour"]),
             window_list=",".join(map(str, WINDOWS)), smallest=WINDOWS[0])


SECTIONS = (what, data, image_tokenizer, samples, train_classifier, compositions, recognition, copies, precision, windows)


def measure(card):
    for section in SECTIONS:
        say(f"-- {section.__name__.replace('_', ' ')}")
        section(card)

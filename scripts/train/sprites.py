"""Draw the emoji of four projects, in six styles, as 128x128 RGBA sprites.

The art comes in packages of the npm registry, which `npm pack` fetches; all of it may be redistributed (MODEL_LICENSES.md
names the licence of each package). Writes to the folder --work:

  npm/                 the packages, unpacked
  sprites.npy          uint8 [n, 128, 128, 4], RGBA with straight alpha
  sprites.json         one object a sprite: label (emojibase's), concept (null if captions do not use it), style
"""

import argparse
import io
import json
import pathlib
import subprocess
import tarfile

import numpy as np
import resvg_py
from PIL import Image

SIZE = 128

# Style names, as captions say them, and the packages that hold their art.
SVG_STYLES = {
    "flat": "@iconify-json/fluent-emoji-flat@1.2.6",
    "noto": "@iconify-json/noto@1.2.9",
    "twemoji": "@iconify-json/twemoji@1.2.5",
    "old noto": "@iconify-json/noto-v1@1.2.5",
    "emojitwo": "@iconify-json/emojione@1.2.3",
}
PICTURES_3D = "@lobehub/fluent-emoji-3d@1.1.0"
LIST_3D = "fluentui-emoji-js@1.2.1"
NAMES = "emojibase-data@17.0.0"

# Styles whose art fills its whole square get a margin of so many pixels on each side.
MARGIN = {"flat": 0, "3d": 2, "noto": 6, "twemoji": 8, "old noto": 6, "emojitwo": 8}

# emojibase's groups that are not drawn: skin tones and hair, symbols, flags.
SKIPPED_GROUPS = {2, 8, 9}


def fetch(package, folder):
    """Unpacks an npm package into a folder of its own, once."""
    target = folder / package.replace("@", "").replace("/", "-")
    if target.is_dir():
        return target
    out = subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True, text=True)
    archive = folder / out.stdout.split()[-1]
    partial = target.with_suffix(".partial")
    with tarfile.open(archive) as tar:
        tar.extractall(partial, filter="data")
    (partial / "package").rename(target)
    partial.rmdir()
    archive.unlink()
    return target


def read_concepts(path):
    """Maps emojibase labels to the names in captions."""
    concepts = {}
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            label, _, name = line.partition(" = ")
            concepts[label] = name or label
    return concepts


def code_variants(hexcode):
    code = hexcode.lower()
    return {code, code.replace("-fe0f", ""), code + "-fe0f"}


def fit(picture, margin):
    """Scales a picture to the sprite's square, within the margin."""
    side = SIZE - 2 * margin
    small = picture.convert("RGBa").resize((side, side), Image.LANCZOS).convert("RGBA")
    sprite = Image.new("RGBA", (SIZE, SIZE))
    sprite.paste(small, (margin, margin))
    return np.asarray(sprite)


def draw_svg(icons, name):
    icon = icons["icons"][name]
    w, h = icon.get("width", icons.get("width", 16)), icon.get("height", icons.get("height", 16))
    left, top = icon.get("left", 0), icon.get("top", 0)
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left} {top} {w} {h}">{icon["body"]}</svg>'
    return Image.open(io.BytesIO(resvg_py.svg_to_bytes(svg_string=svg, width=2 * SIZE)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder for the packages and the sprites")
    parser.add_argument("--concepts", type=pathlib.Path, default=pathlib.Path(__file__).with_name("concepts.txt"),
                        help="list of the concepts that captions use")
    args = parser.parse_args()
    npm = args.work / "npm"
    npm.mkdir(parents=True, exist_ok=True)

    concepts = read_concepts(args.concepts)
    emoji = json.loads((fetch(NAMES, npm) / "en" / "data.json").read_text())
    emoji = [e for e in emoji if e.get("group") not in SKIPPED_GROUPS and "group" in e]
    unknown = set(concepts) - {e["label"] for e in emoji}
    if unknown:
        raise SystemExit(f"{args.concepts}: emojibase has no {sorted(unknown)}")

    sprites, index = [], []

    def add(e, style, picture):
        sprites.append(fit(picture, MARGIN[style]))
        index.append({"label": e["label"], "concept": concepts.get(e["label"]), "style": style})

    for style, package in SVG_STYLES.items():
        folder = fetch(package, npm)
        icons = json.loads((folder / "icons.json").read_text())
        chars = json.loads((folder / "chars.json").read_text())
        for e in emoji:
            by_code = [chars[c] for c in sorted(code_variants(e["hexcode"])) if c in chars]
            slug = e["label"].lower().replace(" ", "-").replace("’", "-")
            for name in by_code + [slug]:
                if name in icons["icons"]:
                    add(e, style, draw_svg(icons, name))
                    break

    # Of the 3D pictures, only those that Microsoft's list names are Microsoft's.
    listed = {e["unicode"].lower().replace(" ", "-") for e in json.loads((fetch(LIST_3D, npm) / "emojiData.json").read_text())
              if "3D" in e["images"]}
    assets = fetch(PICTURES_3D, npm) / "assets"
    for e in emoji:
        if listed.isdisjoint(code_variants(e["hexcode"])):
            continue
        for code in sorted(code_variants(e["hexcode"])):
            if (assets / f"{code}.webp").exists():
                add(e, "3d", Image.open(assets / f"{code}.webp"))
                break

    np.save(args.work / "sprites.npy", np.stack(sprites))
    (args.work / "sprites.json").write_text(json.dumps(index, indent=0))
    for style in sorted({i["style"] for i in index}):
        of_style = [i for i in index if i["style"] == style]
        print(f"{style}: {len(of_style)} sprites, {sum(i['concept'] is not None for i in of_style)} of concepts")
    for name in sorted(set(concepts.values())):
        have = {i["style"] for i in index if i["concept"] == name}
        if missing := {"flat", "3d", "noto", "twemoji"} - have:
            print(f"{name}: not in {sorted(missing)}")


if __name__ == "__main__":
    main()

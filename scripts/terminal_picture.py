#!/usr/bin/env python3
"""Draws what a terminal shows in the middle of a session recorded by script(1), as a PNG.

    TERM=xterm-256color COLORTERM=truecolor script -qec "stty cols 72 rows 34; zipar generate ... --show" typescript
    python3 terminal_picture.py typescript out.png --at 0.6

Needs pyte and Pillow. Only spaces, half blocks and their colours are drawn, which is all that zipar's pictures use.
"""

import argparse

import pyte
from PIL import Image

CELL = (6, 12)  # pixels of a character


def colour(name, default):
    return default if name == "default" else tuple(int(name[i:i + 2], 16) for i in (0, 2, 4))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("typescript", help="what script(1) recorded")
    parser.add_argument("out", help="PNG file to write")
    parser.add_argument("--at", type=float, default=0.6, metavar="F", help="how far into the recording, 0 to 1 (default 0.6)")
    parser.add_argument("--columns", type=int, default=72, metavar="N", help="columns of the terminal (default 72)")
    parser.add_argument("--rows", type=int, default=34, metavar="N", help="rows of the terminal (default 34)")
    args = parser.parse_args()
    with open(args.typescript, "rb") as f:
        data = f.read()
    data = data[data.index(b"\n") + 1:]
    # Frames end where the cursor goes back up: stop at the last complete one.
    end = data.rfind(b"\x1b[m", 0, int(len(data) * args.at))
    screen = pyte.Screen(args.columns, args.rows)
    pyte.ByteStream(screen).feed(data[:end])
    width, height = CELL
    image = Image.new("RGB", (args.columns * width, args.rows * height))
    used = 0
    for y in range(args.rows):
        for x in range(args.columns):
            cell = screen.buffer[y][x]
            top = colour(cell.fg, (200, 200, 200)) if cell.data == "\u2580" else colour(cell.bg, (0, 0, 0))
            bottom = colour(cell.bg, (0, 0, 0))
            image.paste(top, (x * width, y * height, (x + 1) * width, y * height + height // 2))
            image.paste(bottom, (x * width, y * height + height // 2, (x + 1) * width, (y + 1) * height))
            if cell.data == "\u2580":
                used = y + 1
    image.crop((0, 0, image.width, max(1, used) * height)).save(args.out)


if __name__ == "__main__":
    main()
